"""Requirement templates (plantillas): what is asked, why, in which formats. A published version never changes."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, String, UniqueConstraint, select, true
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from records.errors import NotFound
from storage.database import Base, NewId

MAX_IMAGE_BYTES = 25 * 1024 * 1024
MAX_PDF_BYTES = 100 * 1024 * 1024
REMINDER_DAYS = (3, 7, 14)
"""Days after the request on which the customer is reminded, unless the template says otherwise."""
MOST_PAGES = 20
"""Most photos that a requirement may join into one PDF."""


class Format(StrEnum):
    """Kinds of file that a requirement may accept."""

    IMAGE = "image"
    PDF = "pdf"
    OFFICE = "office"
    """DOCX and XLSX without macros, up to the size of a PDF; only beside PDF, and where the organization accepts it."""


class Side(StrEnum):
    """Sub-slots of a requirement: one document has one side, an ID card has two."""

    WHOLE = "whole"
    FRONT = "front"
    BACK = "back"


class RequirementTemplate(Base):
    """A named, versioned checklist. `name` maps a language (es, en, pt) to text."""

    __tablename__ = "requirement_templates"
    __table_args__ = (UniqueConstraint("org_id", "key", "version"),)

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"), index=True)
    key: Mapped[str] = mapped_column(String(60))
    version: Mapped[int]
    name: Mapped[dict[str, str]]
    link_days: Mapped[int] = mapped_column(default=7)
    """Life of the links, days."""
    second_factor: Mapped[bool] = mapped_column(default=False)
    """Whether every visit must type a one-time code that goes to the address on file."""
    reminder_days: Mapped[list[int]] = mapped_column(default=lambda: list(REMINDER_DAYS), server_default="[3, 7, 14]")
    """Days after the request on which the customer is reminded; empty: never."""
    published_at: Mapped[datetime]
    requirements: Mapped[list["Requirement"]] = relationship(
        back_populates="template", order_by="Requirement.position", lazy="selectin"
    )


class Requirement(Base):
    """One document that the template asks for (requisito). Texts map a language to plain text."""

    __tablename__ = "requirements"
    __table_args__ = (UniqueConstraint("template_id", "key"),)

    id: Mapped[NewId]
    template_id: Mapped[str] = mapped_column(ForeignKey("requirement_templates.id"), index=True)
    template: Mapped[RequirementTemplate] = relationship(back_populates="requirements")
    key: Mapped[str] = mapped_column(String(60))
    position: Mapped[int]
    title: Mapped[dict[str, str]]
    why: Mapped[dict[str, str]]
    """Purpose: "por qué lo pedimos"."""
    legal_basis: Mapped[dict[str, str]] = mapped_column(default=dict, server_default="{}")
    """The law or contract that it rests on; empty when the company tells none."""
    retention: Mapped[dict[str, str]]
    """How long it is kept, in words."""
    sides: Mapped[list[str]]
    formats: Mapped[list[str]]
    required: Mapped[bool] = mapped_column(default=True)
    may_decline: Mapped[bool] = mapped_column(default=True, server_default=true())
    """Whether the customer may answer that there is none; a person decides what follows."""
    max_image_bytes: Mapped[int] = mapped_column(BigInteger, default=MAX_IMAGE_BYTES)
    max_pdf_bytes: Mapped[int] = mapped_column(BigInteger, default=MAX_PDF_BYTES)
    max_pages: Mapped[int] = mapped_column(default=1)
    """Photos that may be sent together as the pages of one PDF; above 1 photos gather in a tray (records/trays.py)."""
    may_cover: Mapped[dict[str, str] | None]
    """What the customer may cover on a photo before sending it, by language; None: nothing."""

    def takes_pages(self) -> bool:
        """Whether photos become the pages of one PDF here."""
        return self.max_pages > 1 and {Format.IMAGE, Format.PDF} <= set(self.formats)

    def max_bytes(self) -> int:
        """Bytes above which no accepted format can be valid: uploads are cut there, while they stream."""
        limits = {
            Format.IMAGE: self.max_image_bytes,
            Format.PDF: self.max_pdf_bytes,
            Format.OFFICE: self.max_pdf_bytes,
        }
        return max(limits[Format(kind)] for kind in self.formats)


def publish_template(
    session: Session, *, org_id: str, key: str, name: dict[str, str], requirements: list[dict[str, Any]], now: datetime
) -> RequirementTemplate:
    """Publish the next version of a template. `requirements` holds keyword arguments of Requirement, in order."""
    newest = session.scalars(
        select(RequirementTemplate.version)
        .where(RequirementTemplate.org_id == org_id, RequirementTemplate.key == key)
        .order_by(RequirementTemplate.version.desc())
    ).first()
    template = RequirementTemplate(org_id=org_id, key=key, version=(newest or 0) + 1, name=name, published_at=now)
    template.requirements = [Requirement(position=i, **fields) for i, fields in enumerate(requirements)]
    session.add(template)
    session.flush()
    return template


def current_template(session: Session, *, org_id: str, key: str) -> RequirementTemplate:
    """Return the newest version. Raises NotFound."""
    template = session.scalars(
        select(RequirementTemplate)
        .where(RequirementTemplate.org_id == org_id, RequirementTemplate.key == key)
        .order_by(RequirementTemplate.version.desc())
        .limit(1)
    ).first()
    if template is None:
        raise NotFound(f"requirement template {key} of {org_id}")
    return template


def current_templates(session: Session, org_id: str) -> list[RequirementTemplate]:
    """Return the newest version of every template of the organization, by key."""
    found = session.scalars(
        select(RequirementTemplate)
        .where(RequirementTemplate.org_id == org_id)
        .order_by(RequirementTemplate.key, RequirementTemplate.version)
    )
    return list({template.key: template for template in found}.values())
