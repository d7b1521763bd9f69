"""`notice publish` and `template publish`: versioned texts out of JSON files, checked before a row exists.

Rules: Spanish is never missing; a published version never changes, publishing again makes the next one.
"""

from itertools import pairwise
from typing import Annotated, Any, Self

import click
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from sqlalchemy import func, select

from audit import Event
from portal.cli.session import CommandRefused, Wiring, note, organization, pass_wiring
from records.organizations import PrivacyNotice
from records.requirements import (
    MAX_IMAGE_BYTES,
    MAX_PDF_BYTES,
    MOST_PAGES,
    REMINDER_DAYS,
    Format,
    Side,
    publish_template,
)
from storage.database import new_id, utcnow

MEBIBYTE = 1 << 20
CEILING_MB = 100
"""Largest limit of a requirement, MiB: what uploads announce as their most, well below what clamd reads (256 MB)."""
MOST_REQUIREMENTS = 40

Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,59}$")]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Texts(_Strict):
    """One text in each language; Spanish stands in for a missing one."""

    es: Words
    en: Words | None = None
    pt: Words | None = None

    def by_language(self) -> dict[str, str]:
        """Return the texts that are there."""
        return self.model_dump(exclude_none=True)


class NoticeFile(_Strict):
    """A privacy notice: the short form of the landing page and the whole of it."""

    short: Texts
    full: Texts


class RequirementEntry(_Strict):
    """One document that is asked for."""

    key: Key
    title: Texts
    why: Texts
    legal_basis: Texts | None = None
    retention: Texts
    sides: Annotated[list[Side], Field(min_length=1, max_length=3)] = [Side.WHOLE]
    formats: Annotated[list[Format], Field(min_length=1, max_length=3)] = [Format.IMAGE, Format.PDF]
    required: bool = True
    may_decline: bool = True
    max_pages: Annotated[int, Field(ge=1, le=MOST_PAGES)] = 1
    may_cover: Texts | None = None
    max_image_mb: Annotated[int, Field(ge=1, le=CEILING_MB)] = MAX_IMAGE_BYTES // MEBIBYTE
    max_pdf_mb: Annotated[int, Field(ge=1, le=CEILING_MB)] = MAX_PDF_BYTES // MEBIBYTE

    @model_validator(mode="after")
    def _pages_are_photos_in_a_pdf(self) -> Self:
        if self.max_pages > 1 and {Format.IMAGE, Format.PDF} - set(self.formats):
            raise ValueError("max_pages needs the formats image and pdf")
        return self

    def columns(self) -> dict[str, Any]:
        """Return the columns of the row."""
        return {
            "key": self.key,
            "title": self.title.by_language(),
            "why": self.why.by_language(),
            "legal_basis": self.legal_basis.by_language() if self.legal_basis else {},
            "retention": self.retention.by_language(),
            "sides": [side.value for side in self.sides],
            "formats": [kind.value for kind in self.formats],
            "required": self.required,
            "may_decline": self.may_decline,
            "max_pages": self.max_pages,
            "may_cover": self.may_cover.by_language() if self.may_cover else None,
            "max_image_bytes": self.max_image_mb * MEBIBYTE,
            "max_pdf_bytes": self.max_pdf_mb * MEBIBYTE,
        }


class TemplateFile(_Strict):
    """A checklist: what is asked, why, in which formats and sizes."""

    key: Key
    name: Texts
    link_days: Annotated[int, Field(ge=1, le=30)] = 7
    second_factor: bool = False
    reminder_days: Annotated[list[Annotated[int, Field(ge=1, le=90)]], Field(max_length=6)] = list(REMINDER_DAYS)
    requirements: Annotated[list[RequirementEntry], Field(min_length=1, max_length=MOST_REQUIREMENTS)]

    @model_validator(mode="after")
    def _days_rise(self) -> Self:
        if any(later <= earlier for earlier, later in pairwise(self.reminder_days)):
            raise ValueError("reminder_days must rise")
        return self


json_file = click.argument("file", type=click.File("rb"), metavar="FILE.json")


@click.group()
def notice() -> None:
    """Privacy notices (avisos de privacidad)."""


@notice.command("publish")
@json_file
@click.option("--org", required=True, help="Slug or id of the organization.")
@pass_wiring
def publish_notice(wiring: Wiring, file: Any, org: str) -> None:
    """Publish FILE.json as the next version of the privacy notice; prints the version."""
    given = NoticeFile.model_validate_json(file.read())
    with wiring.database().transaction() as session:
        org_id = organization(session, org).id
        newest = session.scalar(select(func.max(PrivacyNotice.version)).where(PrivacyNotice.org_id == org_id)) or 0
        made = PrivacyNotice(
            id=new_id(),
            org_id=org_id,
            version=newest + 1,
            short=given.short.by_language(),
            full=given.full.by_language(),
            published_at=utcnow(),
        )
        session.add(made)
        session.flush()
        details = {"version": made.version}
        note(session, Event.ADMINISTRATOR_NOTICE_PUBLISHED, org_id=org_id, subject_id=made.id, **details)
    click.echo(f"privacy notice {made.version}")


@click.group()
def template() -> None:
    """Requirement templates (plantillas)."""


@template.command("publish")
@json_file
@click.option("--org", required=True, help="Slug or id of the organization.")
@pass_wiring
def publish_requirements(wiring: Wiring, file: Any, org: str) -> None:
    """Publish FILE.json as the next version of its template; prints `key/version`. Open requests keep theirs."""
    given = TemplateFile.model_validate_json(file.read())
    keys = [entry.key for entry in given.requirements]
    if len(set(keys)) != len(keys) or any(len(set(entry.sides)) != len(entry.sides) for entry in given.requirements):
        raise CommandRefused("a requirement, or a side of one, stands twice in the file")
    office = [entry for entry in given.requirements if Format.OFFICE in entry.formats]
    if any(Format.PDF not in entry.formats for entry in office):
        raise CommandRefused("office documents are accepted beside PDF only")
    with wiring.database().transaction() as session:
        found = organization(session, org)
        org_id = found.id
        if office and not found.accept_office:
            raise CommandRefused("the organization accepts no office documents (organization accept --office accept)")
        made = publish_template(
            session,
            org_id=org_id,
            key=given.key,
            name=given.name.by_language(),
            requirements=[entry.columns() for entry in given.requirements],
            now=utcnow(),
        )
        made.link_days, made.second_factor = given.link_days, given.second_factor
        made.reminder_days = given.reminder_days
        details = {"template": given.key, "version": made.version}
        note(session, Event.ADMINISTRATOR_TEMPLATE_PUBLISHED, org_id=org_id, subject_id=made.id, **details)
    click.echo(f"{made.key}/{made.version}")
