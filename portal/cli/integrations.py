"""`sender add`, `sender list` and `sender renew`: what lets messages out.

Rules: a handshake token is shown once, its hash is kept; a WhatsApp token and an app secret come out of files that
nobody else can read and go into the database sealed, each for the one process that may open it.
"""

import hashlib
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select

from audit import Event
from audit.events import ActorKind
from notifications.whatsapp.client import checked_base
from portal.cli.session import CommandRefused, Wiring, note, operator, organization, pass_wiring, team_of
from records.organizations import Team
from records.senders import Flavor, WhatsAppSender
from records.studio import Author, open_account
from storage.database import new_id, utcnow
from storage.sealing.box import Box
from storage.sealing.errors import BoxRefused

TABLE = "whatsapp_senders"
DIALOG360 = "https://waba-v2.360dialog.io"
OLD_SECRET_LIFE = timedelta(days=7)
"""The platform repeats a delivery for so long."""


secret_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def sender() -> None:
    """WhatsApp numbers that messages are sent from."""


@sender.command("add")
@click.argument("org")
@click.option("--phone-number-id", required=True, help="Of the number, from the WhatsApp account.")
@click.option("--waba-id", required=True, help="Of the WhatsApp Business account.")
@click.option("--token-file", type=secret_file, required=True, help="File (0600) with the access token.")
@click.option("--app-secret-file", type=secret_file, required=True, help="File (0600) with the app secret.")
@click.option("--flavor", type=click.Choice([each.value for each in Flavor]), default="cloud", show_default=True)
@click.option("--base-url", help="Address of its API, where it is not the installation's own.")
@click.option("--team", help="Name of the team whose cases it sends for first; without it it serves all.")
@click.option("--priority", type=click.IntRange(0, 1000), default=100, show_default=True, help="Lower goes first.")
@click.option("--portfolio", help="Business portfolio whose limit of new conversations it shares; else its account.")
@pass_wiring
def add(wiring: Wiring, /, org: str, token_file: Path, app_secret_file: Path, team: str | None, **given: Any) -> None:
    """Add a WhatsApp number to ORG; prints the path of its webhook and, once, the token of the handshake."""
    if not all(each.isascii() and each.isdigit() and len(each) <= 64 for each in _ids(given)):
        raise CommandRefused("the ids of a number and of an account are digits")
    given["base_url"] = _address(Flavor(given["flavor"]), given["base_url"])
    token, app_secret = wiring.secret_text(token_file), wiring.secret_text(app_secret_file)
    courier, gateway, row, verify_token = wiring.courier_box(), wiring.gateway_box(), new_id(), secrets.token_hex(24)
    with wiring.database().transaction() as session:
        org_id = organization(session, org).id
        known = select(WhatsAppSender.id).where(WhatsAppSender.phone_number_id == given["phone_number_id"])
        if session.scalars(known).first() is not None:
            raise CommandRefused("this number is a sender already")
        session.add(
            WhatsAppSender(
                id=row,
                org_id=org_id,
                **given,
                team_id=team_of(session, org_id, team).id if team is not None else None,
                token_boxed=courier.seal(token.encode(), table=TABLE, row=row, column="token_boxed"),
                app_secret_boxed=gateway.seal(app_secret.encode(), table=TABLE, row=row, column="app_secret_boxed"),
                verify_token_sha256=hashlib.sha256(verify_token.encode()).hexdigest(),
            )
        )
        session.flush()
        note(session, Event.ADMINISTRATOR_SENDER_ADDED, org_id=org_id, subject_id=row)
        author = Author(kind=ActorKind.ADMINISTRATOR, id=operator())
        open_account(session, author, org_id, given["waba_id"], now=utcnow())  # its templates are watched from now on
    click.echo(f"webhook       /webhooks/whatsapp/{row}")
    click.echo(f"verify token  {verify_token}")
    click.echo("The verify token is shown this once; the token and the app secret files can go now.", err=True)


def _ids(given: dict[str, Any]) -> tuple[str, ...]:
    return tuple(each for each in (given["phone_number_id"], given["waba_id"], given["portfolio"]) if each is not None)


def _address(flavor: Flavor, base_url: str | None) -> str | None:
    if base_url is None:
        return DIALOG360 if flavor is Flavor.DIALOG360 else None
    try:
        return checked_base(base_url)
    except ValueError as error:
        raise CommandRefused(str(error)) from None


@sender.command("list")
@click.argument("org")
@pass_wiring
def show(wiring: Wiring, org: str) -> None:
    """Show the numbers of ORG in the order in which they are taken, and how they are spoken to."""
    with wiring.database().reading() as session:
        wanted = select(WhatsAppSender).where(WhatsAppSender.org_id == organization(session, org).id)
        for row in session.scalars(wanted.order_by(WhatsAppSender.priority, WhatsAppSender.id)):
            where = f"{row.flavor} {row.base_url or ''}".strip()
            team = session.get(Team, row.team_id) if row.team_id is not None else None
            words = f"priority {row.priority}, {where}" + (f", team {team.name}" if team is not None else "")
            click.echo(f"{row.id}  {row.phone_number_id}  account {row.waba_id}  {words}")


@sender.command("renew")
@click.argument("sender_id")
@click.option("--token-file", type=secret_file, help="File (0600) with the new access token.")
@click.option("--app-secret-file", type=secret_file, help="File (0600) with the new app secret.")
@click.option("--drop-old", is_flag=True, help="Accept the app secret before this one no longer, also not for 7 days.")
@pass_wiring
def renew(
    wiring: Wiring, sender_id: str, token_file: Path | None, app_secret_file: Path | None, drop_old: bool
) -> None:
    """Replace the token or the app secret of a number, or seal the same ones again under a new box key.

    The app secret before is accepted for 7 more days, as long as the platform repeats what it signed with it.
    """
    if token_file is None and app_secret_file is None and not drop_old:
        raise CommandRefused("give --token-file, --app-secret-file or --drop-old")
    with wiring.database().transaction() as session:
        found = session.get(WhatsAppSender, sender_id)
        if found is None:
            raise CommandRefused("there is no sender with that id")
        if token_file is not None:
            token = wiring.secret_text(token_file).encode()
            found.token_boxed = wiring.courier_box().seal(token, table=TABLE, row=found.id, column="token_boxed")
        if app_secret_file is not None:
            _renew_app_secret(wiring.gateway_box(), found, wiring.secret_text(app_secret_file).encode())
        if drop_old:
            found.old_app_secret_boxed, found.old_app_secret_until = None, None
        note(session, Event.ADMINISTRATOR_SENDER_RENEWED, org_id=found.org_id, subject_id=found.id)
    click.echo("renewed")


def _renew_app_secret(box: Box, sender: WhatsAppSender, secret: bytes) -> None:
    """Put a secret in place; a different one before it stays good for a while, if the box still opens it."""
    where = {"table": TABLE, "row": sender.id}
    try:
        before = box.open(sender.app_secret_boxed, column="app_secret_boxed", **where)
    except BoxRefused:
        click.echo("the app secret before was sealed under another key and is accepted no longer", err=True)
        before = secret
    if before != secret:
        sender.old_app_secret_boxed = box.seal(before, column="old_app_secret_boxed", **where)
        sender.old_app_secret_until = utcnow() + OLD_SECRET_LIFE
    sender.app_secret_boxed = box.seal(secret, column="app_secret_boxed", **where)
