"""`sender add` and `sender renew`: what lets messages out.

Rules: a handshake token is shown once, its hash is kept; a WhatsApp token and an app secret come out of files that
nobody else can read and go into the database sealed, each for the one process that may open it.
"""

import hashlib
import secrets
from datetime import timedelta
from pathlib import Path

import click
from sqlalchemy import select

from audit import Event
from portal.cli.session import CommandRefused, Wiring, note, organization, pass_wiring
from records.senders import WhatsAppSender
from storage.database import new_id, utcnow
from storage.sealing.box import Box
from storage.sealing.errors import BoxRefused

TABLE = "whatsapp_senders"
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
@pass_wiring
def add(wiring: Wiring, org: str, phone_number_id: str, waba_id: str, token_file: Path, app_secret_file: Path) -> None:
    """Add a WhatsApp number to ORG; prints the path of its webhook and, once, the token of the handshake."""
    if not all(each.isascii() and each.isdigit() and len(each) <= 64 for each in (phone_number_id, waba_id)):
        raise CommandRefused("the ids of a number and of an account are digits")
    token, app_secret = wiring.secret_text(token_file), wiring.secret_text(app_secret_file)
    courier, gateway, row, verify_token = wiring.courier_box(), wiring.gateway_box(), new_id(), secrets.token_hex(24)
    with wiring.database().transaction() as session:
        org_id = organization(session, org).id
        known = select(WhatsAppSender.id).where(WhatsAppSender.phone_number_id == phone_number_id)
        if session.scalars(known).first() is not None:
            raise CommandRefused("this number is a sender already")
        session.add(
            WhatsAppSender(
                id=row,
                org_id=org_id,
                phone_number_id=phone_number_id,
                waba_id=waba_id,
                token_boxed=courier.seal(token.encode(), table=TABLE, row=row, column="token_boxed"),
                app_secret_boxed=gateway.seal(app_secret.encode(), table=TABLE, row=row, column="app_secret_boxed"),
                verify_token_sha256=hashlib.sha256(verify_token.encode()).hexdigest(),
            )
        )
        session.flush()
        note(session, Event.ADMINISTRATOR_SENDER_ADDED, org_id=org_id, subject_id=row)
    click.echo(f"webhook       /webhooks/whatsapp/{row}")
    click.echo(f"verify token  {verify_token}")
    click.echo("The verify token is shown this once; the token and the app secret files can go now.", err=True)


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
