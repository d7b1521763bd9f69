"""`organization create` and `team create`: the first rows of a company; `organization limits`: how much it takes in."""

import re
import zoneinfo

import click
from sqlalchemy import select

from audit import Event
from portal.cli.session import CommandRefused, Wiring, note, pass_wiring
from portal.cli.session import organization as find_organization
from records.organizations import Organization, Team
from records.requesting import mail_address
from storage.database import new_id, utcnow

SLUG = re.compile(r"[a-z][a-z0-9-]{0,59}")
FLAG = "flag"
ANSWER = click.Choice(["refuse", FLAG])
AMOUNT = click.IntRange(min=0, max=10**15)
LANGUAGES = ("es", "en", "pt")


@click.group()
def organization() -> None:
    """Companies that ask for documents."""


@organization.command("create")
@click.argument("slug")
@click.option("--name", required=True, help="As customers know it.")
@click.option("--locale", type=click.Choice(LANGUAGES), default="es", show_default=True)
@click.option("--country", default="MX", show_default=True, help="ISO 3166; reads phones without a country code.")
@click.option("--timezone", default="America/Mexico_City", show_default=True)
@click.option("--phone", help="Shown to customers who need help.")
@click.option("--email", help="Shown to customers who need help.")
@pass_wiring
def create_organization(
    wiring: Wiring,
    slug: str,
    name: str,
    locale: str,
    country: str,
    timezone: str,
    phone: str | None,
    email: str | None,
) -> None:
    """Create the company SLUG; prints its id. Its root key is minted with its first case."""
    if not SLUG.fullmatch(slug):
        raise CommandRefused("a slug has 1 to 60 characters of a-z, 0-9 and -, and begins with a letter")
    if not 0 < len(name.strip()) <= 120 or not re.fullmatch(r"[A-Z]{2}", country):
        raise CommandRefused("a name has 1 to 120 characters, a country two capitals")
    if timezone not in zoneinfo.available_timezones():
        raise CommandRefused(f"there is no time zone {timezone!r}")
    made = Organization(
        id=new_id(),
        slug=slug,
        name=name.strip(),
        locale=locale,
        country=country,
        timezone=timezone,
        contact_phone=phone,
        contact_email=email,
        created_at=utcnow(),
    )
    with wiring.database().transaction() as session:
        if session.scalars(select(Organization.id).where(Organization.slug == slug)).first() is not None:
            raise CommandRefused(f"there is an organization {slug!r} already")
        session.add(made)
        session.flush()
        note(session, Event.ADMINISTRATOR_ORGANIZATION_CREATED, org_id=made.id, subject_id=made.id, slug=slug)
    click.echo(made.id)


@organization.command("accept")
@click.argument("slug")
@click.option("--active-pdfs", type=ANSWER, help="PDFs with scripts or automatic actions.")
@click.option("--pdf-attachments", type=ANSWER, help="PDFs with files inside, each scanned on its own.")
@click.option("--office", type=click.Choice(["refuse", "accept"]), help="DOCX and XLSX, where a template asks for it.")
@pass_wiring
def change_what_is_accepted(
    wiring: Wiring, slug: str, active_pdfs: str | None, pdf_attachments: str | None, office: str | None
) -> None:
    """Say what the inspection does for the company SLUG: `refuse`, or `flag`, which files it with a remark that the
    reviewer sees. What is not named stays; prints how it is now."""
    with wiring.database().transaction() as session:
        found = find_organization(session, slug)
        if active_pdfs is not None:
            found.flag_active_pdfs = active_pdfs == FLAG
        if pdf_attachments is not None:
            found.flag_pdf_attachments = pdf_attachments == FLAG
        if office is not None:
            found.accept_office = office == "accept"
        now = {
            "active_pdfs": found.flag_active_pdfs,
            "pdf_attachments": found.flag_pdf_attachments,
            "office": found.accept_office,
        }
        if session.is_modified(found):
            note(session, Event.ADMINISTRATOR_ORGANIZATION_CHANGED, org_id=found.id, subject_id=found.id, **now)
    for name, accepted in now.items():
        click.echo(f"{name}: {'refuse' if not accepted else 'accept' if name == 'office' else FLAG}")


@organization.command("limits")
@click.argument("org")
@click.option("--files-a-day", "max_files", type=AMOUNT, help="Files from all its customers in a UTC day.")
@click.option("--bytes-a-day", "max_bytes", type=AMOUNT)
@click.option("--attempts-a-day", "max_attempts", type=AMOUNT, help="Uploads opened, whatever became of them.")
@click.option("--files-a-case", "case_max_files", type=AMOUNT, help="Files of one case in its whole life.")
@click.option("--bytes-a-case", "case_max_bytes", type=AMOUNT)
@click.option("--attempts-a-case", "case_max_attempts", type=AMOUNT)
@pass_wiring
def limit_organization(wiring: Wiring, /, org: str, **limits: int | None) -> None:
    """Show what the organization ORG may take in, after changing what is given."""
    given = {name: limit for name, limit in limits.items() if limit is not None}
    with wiring.database().transaction() as session:
        found = find_organization(session, org)
        for name, limit in given.items():
            setattr(found, name, limit)
        if given:
            session.flush()
            note(session, Event.ADMINISTRATOR_ORGANIZATION_LIMITED, org_id=found.id, subject_id=found.id, **given)
        for name in limits:
            click.echo(f"{name} {getattr(found, name)}")


@organization.command("mail")
@click.argument("slug")
@click.option(
    "--from", "sender", required=True, help="Address that mails to customers come from; its relay signs them."
)
@pass_wiring
def set_mail_sender(wiring: Wiring, slug: str, sender: str) -> None:
    """Let the company SLUG write mails to contacts without a phone."""
    address = mail_address(sender)
    with wiring.database().transaction() as session:
        found = find_organization(session, slug)
        found.mail_from = address
        note(session, Event.ADMINISTRATOR_MAIL_SENDER_SET, org_id=found.id, subject_id=found.id)
    click.echo(address)


@click.group()
def team() -> None:
    """Groups of executives who share their cases."""


@team.command("create")
@click.argument("org")
@click.argument("name")
@pass_wiring
def create_team(wiring: Wiring, org: str, name: str) -> None:
    """Create the team NAME in the organization ORG; prints its id."""
    if not 0 < len(name.strip()) <= 80:
        raise CommandRefused("a name has 1 to 80 characters")
    with wiring.database().transaction() as session:
        org_id = find_organization(session, org).id
        known = select(Team.id).where(Team.org_id == org_id, Team.name == name.strip())
        if session.scalars(known).first() is not None:
            raise CommandRefused(f"there is a team {name!r} already")
        made = Team(id=new_id(), org_id=org_id, name=name.strip())
        session.add(made)
        session.flush()
        note(session, Event.ADMINISTRATOR_TEAM_CREATED, org_id=org_id, subject_id=made.id)
    click.echo(made.id)
