"""`organization reminders`: when and how a company writes to its customers by itself; `organization sms`: through which
service SMS leave."""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import select

from audit import Event
from portal.cli.session import CommandRefused, Wiring, note, organization, pass_wiring
from records.contacting import CHANNELS, WEEKDAYS, rules_of
from records.senders import SmsSender
from storage.database import new_id

CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00")
LOOPBACK = ("localhost", "127.0.0.1", "::1")
URL_LENGTH = 255
SWITCH = click.Choice(["yes", "no"])
SHOWN = (
    *("opens", "closes", "rest_days", "rest_on_holidays", "received_notices"),
    *("channels", "undelivered_hours", "opt_out_everywhere"),
)


class SmsFormat(BaseModel):
    """How a service wants one message; the defaults are what most take."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    headers: dict[str, str] = {"Authorization": "Bearer {secret}"}
    body: dict[str, Any] = {"to": "{to}", "text": "{text}", "reference": "{reference}"}


@click.command("reminders")
@click.argument("slug")
@click.option("--opens", help="HH:MM at the customer's place; nothing leaves by itself before it.")
@click.option("--closes", help="HH:MM from which nothing leaves; 00:00 to 24:00 knows no quiet hours.")
@click.option("--rest-days", help="Days without messages: mon,tue,...,sun or none.")
@click.option("--rest-on-holidays", type=SWITCH, help="Whether public holidays of the customer's country count too.")
@click.option("--received-notices", type=SWITCH, help="Whether customers are told that what they sent has arrived.")
@click.option("--channels", help=f"Order of the ways to a customer, of {','.join(CHANNELS)}.")
@click.option("--undelivered-hours", type=click.IntRange(1, 168), help="Then an unconfirmed message changes channel.")
@click.option("--opt-out-everywhere", type=SWITCH, help="Whether an opt-out by phone stops mail too.")
@pass_wiring
def set_rules(wiring: Wiring, /, slug: str, **options: Any) -> None:
    """Say when and how the company SLUG writes to customers. What is not named stays; prints how it is now."""
    given = {name: _read(name, value) for name, value in options.items() if value is not None}
    with wiring.database().transaction() as session:
        found = organization(session, slug)
        rules = rules_of(session, found.id)
        for name, value in given.items():
            setattr(rules, name, value)
        if not rules.opens < rules.closes:
            raise CommandRefused("the day must open before it closes")
        if given:
            session.add(rules)
            session.flush()
            set_to = {name: _shown(value) for name, value in given.items()}
            note(session, Event.ADMINISTRATOR_CONTACT_RULES_SET, org_id=found.id, subject_id=found.id, **set_to)
        for name in SHOWN:
            click.echo(f"{name.replace('_', '-')}: {_shown(getattr(rules, name))}")


def _read(name: str, untrusted: Any) -> Any:
    """Return the value of an option. Raises CommandRefused."""
    match name:
        case "opens" | "closes":
            if not CLOCK.fullmatch(untrusted):
                raise CommandRefused(f"--{name} is a time like 09:00")
            return untrusted
        case "rest_days":
            return _chosen(name, "" if untrusted == "none" else untrusted, WEEKDAYS, most=6)
        case "channels":
            return _chosen(name, untrusted, CHANNELS, least=1)
        case "undelivered_hours":
            return untrusted
        case _:
            return untrusted == "yes"


def _chosen(name: str, untrusted: str, known: tuple[str, ...], *, least: int = 0, most: int = 7) -> list[str]:
    words = [word.strip() for word in untrusted.split(",") if word.strip()]
    if not set(words) <= set(known) or len(set(words)) != len(words) or not least <= len(words) <= most:
        raise CommandRefused(f"--{name.replace('_', '-')} names each of {', '.join(known)} at most once")
    return words


def _shown(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case list():
            return ",".join(value) or "none"
        case _:
            return str(value)


@click.command("sms")
@click.argument("slug")
@click.option("--url", required=True, help="Where the service takes one message, as JSON.")
@click.option("--secret-file", type=click.Path(path_type=Path), required=True, help="File (0600) with its key.")
@click.option("--format", "file", type=click.File("rb"), help='JSON file: {"headers": {...}, "body": {...}}.')
@pass_wiring
def set_sms(wiring: Wiring, slug: str, url: str, secret_file: Path, file: Any) -> None:
    """Let SMS of the company SLUG leave through the service at URL. In the values of the format {secret} (headers) and
    {to}, {text}, {reference} (body) are filled; without one it is a bearer token and these three names."""
    parts = urlsplit(url)
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    if parts.hostname is None or not safe or len(url) > URL_LENGTH:
        raise CommandRefused("the service is reached by https, or by http on this machine")
    form = _format(file.read() if file is not None else None)
    secret, row = wiring.secret_text(secret_file), new_id()
    sealed = wiring.courier_box().seal(secret.encode(), table="sms_senders", row=row, column="secret_boxed")
    with wiring.database().transaction() as session:
        found = organization(session, slug)
        known = session.scalars(select(SmsSender).where(SmsSender.org_id == found.id)).first()
        if known is not None:
            session.delete(known)
            session.flush()
        how = {"url": url, "headers": form.headers, "body": form.body}
        session.add(SmsSender(id=row, org_id=found.id, secret_boxed=sealed, **how))
        session.flush()
        note(session, Event.ADMINISTRATOR_SMS_SENDER_SET, org_id=found.id, subject_id=row)
    click.echo(row)
    click.echo("The secret file can go now.", err=True)


def _format(untrusted: bytes | None) -> SmsFormat:
    """Return headers and body. Raises CommandRefused for what would send no number or no text."""
    try:
        found = SmsFormat() if untrusted is None else SmsFormat.model_validate_json(untrusted)
    except ValidationError:
        raise CommandRefused('the format is {"headers": {name: text}, "body": {...}}') from None
    if any(name not in json.dumps(found.body) for name in ("{to}", "{text}")):
        raise CommandRefused("the body of the format needs {to} and {text}")
    return found
