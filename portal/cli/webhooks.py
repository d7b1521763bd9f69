"""`webhook add|rotate|list|pause|resume|test|remove`: endpoints of CRMs that are told what happens.

Rules: a signing secret is made here, shown once, and sealed for the courier alone; the address is checked like at every
sending, as far as that goes without resolving it. `pause`, `resume`, `test` and `remove` serve connectors too.
"""

import base64
import secrets
from collections.abc import Callable
from datetime import timedelta

import click
from sqlalchemy.orm import Session

from audit import Event
from notifications.addresses import EgressRefused, destination
from portal.cli.session import CommandRefused, Wiring, note, organization, pass_wiring
from records.crm.mapping import MAP
from records.crm.subscribers import (
    TABLE,
    CrmSubscriber,
    SubscriberKind,
    SubscriberState,
    subscribers_of,
)
from records.crm.types import MEANINGS, CrmType
from storage.database import new_id, utcnow

SECRET_BYTES = 32
"""Standard Webhooks asks for 24 to 64."""
TYPES = [each.value for each in CrmType]
SHOWN_ONCE = "Shown this once and stored nowhere in clear."
Change = Callable[[CrmSubscriber], None]


@click.group()
def webhook() -> None:
    """Endpoints of CRMs that are told what happens, by signed webhooks."""


@webhook.command("add")
@click.argument("org")
@click.option("--url", required=True, help="Where events are posted; https.")
@click.option("--name", required=True, help="Which system it is.")
@click.option(
    "--event", "types", type=click.Choice([each.value for each in CrmType]), multiple=True, help="Default: all."
)
@click.option("--allow-private", is_flag=True, help="It may lie at a private address; the courier must allow it too.")
@pass_wiring
def add(wiring: Wiring, org: str, url: str, name: str, types: tuple[str, ...], allow_private: bool) -> None:
    """Add an endpoint of ORG; prints its id and, once, its signing secret."""
    if not 0 < len(name.strip()) <= 80:
        raise CommandRefused("a name has 1 to 80 characters")
    try:
        destination(url, private=allow_private)
    except EgressRefused as refused:
        raise CommandRefused(f"the address is refused: {refused.code}") from None
    row, secret = new_id(), new_secret()
    boxed = wiring.courier_box().seal(secret.encode(), table=TABLE, row=row, column="secret_boxed")
    with wiring.database().transaction() as session:
        org_id = organization(session, org).id
        session.add(
            CrmSubscriber(
                id=row,
                org_id=org_id,
                kind=SubscriberKind.WEBHOOK,
                name=name.strip(),
                settings={"url": url, "allow_private": allow_private},
                event_types=list(types),
                secret_boxed=boxed,
                created_at=utcnow(),
            )
        )
        session.flush()
        note(session, Event.ADMINISTRATOR_SUBSCRIBER_ADDED, org_id=org_id, subject_id=row, kind="webhook")
    click.echo(f"id      {row}")
    click.echo(f"secret  {secret}")
    click.echo(SHOWN_ONCE, err=True)


@webhook.command("rotate")
@click.argument("webhook_id")
@click.option("--overlap-hours", type=click.IntRange(0, 24 * 30), default=24, show_default=True)
@pass_wiring
def rotate(wiring: Wiring, webhook_id: str, overlap_hours: int) -> None:
    """Make a new secret; the one before signs beside it for the overlap. Prints the new one once."""
    secret, box = new_secret(), wiring.courier_box()
    with wiring.database().transaction() as session:
        row = found(session, webhook_id)
        if row.kind != SubscriberKind.WEBHOOK:
            raise CommandRefused("only webhooks have a signing secret")
        place = {"table": TABLE, "row": row.id}
        before = box.open(row.secret_boxed, column="secret_boxed", **place)
        row.previous_boxed = box.seal(before, column="previous_boxed", **place) if overlap_hours else None
        row.previous_until = utcnow() + timedelta(hours=overlap_hours) if overlap_hours else None
        row.secret_boxed = box.seal(secret.encode(), column="secret_boxed", **place)
        note(session, Event.ADMINISTRATOR_SUBSCRIBER_ROTATED, org_id=row.org_id, subject_id=row.id)
    click.echo(f"secret  {secret}")
    click.echo(SHOWN_ONCE, err=True)


@webhook.command("list")
@click.argument("org")
@pass_wiring
def list_(wiring: Wiring, org: str) -> None:
    """List the endpoints and connectors of ORG: id, kind, state, last status, name, address."""
    with wiring.database().reading() as session:
        for each in subscribers_of(session, organization(session, org).id):
            last = each.last_status or each.last_code or "-"
            where = each.settings.get("url", "-")
            click.echo(f"{each.id}  {each.kind:<8}  {each.state:<8}  {last!s:<8}  {each.name}  {where}")


@webhook.command("pause")
@click.argument("subscriber_id")
@pass_wiring
def pause(wiring: Wiring, subscriber_id: str) -> None:
    """Stop sending; what arises meanwhile waits."""
    _change(wiring, subscriber_id, Event.ADMINISTRATOR_SUBSCRIBER_PAUSED, CrmSubscriber.pause)


@webhook.command("resume")
@click.argument("subscriber_id")
@pass_wiring
def resume(wiring: Wiring, subscriber_id: str) -> None:
    """Send again, beginning with what waited."""
    _change(wiring, subscriber_id, Event.ADMINISTRATOR_SUBSCRIBER_RESUMED, CrmSubscriber.resume)


@webhook.command("test")
@click.argument("subscriber_id")
@pass_wiring
def test(wiring: Wiring, subscriber_id: str) -> None:
    """Send it a test event."""
    _change(wiring, subscriber_id, Event.ADMINISTRATOR_SUBSCRIBER_TESTED, lambda _: None)


@webhook.command("remove")
@click.argument("subscriber_id")
@click.confirmation_option(prompt="What waits for it will never be sent. Remove it?")
@pass_wiring
def remove(wiring: Wiring, subscriber_id: str) -> None:
    """Stop for good and forget the secrets. The log of what was sent stays."""
    _change(wiring, subscriber_id, Event.ADMINISTRATOR_SUBSCRIBER_REMOVED, CrmSubscriber.remove)


@webhook.command("events")
def events() -> None:
    """Print the catalogue of events, as docs/webhooks.md has it."""
    click.echo(catalogue())


def catalogue() -> str:
    """Return every type as a table in Markdown: what it means, and the events of the trail that are told so."""
    told: dict[CrmType, list[str]] = {each: [] for each in CrmType}
    for traced, rules in MAP.items():
        for rule in rules:
            told[rule.type].append(f"`{traced}`")
    lines = [f"| `{each.value}` | {MEANINGS[each]} | {', '.join(told[each])} |" for each in CrmType]
    return "\n".join(("| type | what happened | from the trail |", "|---|---|---|", *lines))


def new_secret() -> str:
    """Return a fresh signing secret in the form of the specification."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _change(wiring: Wiring, subscriber_id: str, event: Event, change: Change) -> None:
    with wiring.database().transaction() as session:
        row = found(session, subscriber_id)
        change(row)
        note(session, event, org_id=row.org_id, subject_id=row.id)
        click.echo(row.state)


def found(session: Session, subscriber_id: str) -> CrmSubscriber:
    """Return a subscriber behind its row lock. Raises CommandRefused."""
    row = session.get(CrmSubscriber, subscriber_id, with_for_update=True)
    if row is None or row.state == SubscriberState.REMOVED:
        raise CommandRefused("there is no webhook or connector with that id")
    return row
