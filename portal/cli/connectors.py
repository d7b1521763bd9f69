"""`connector add|renew` and the rest of `webhook`: CRMs that are told through their own API.

Rules: a token comes out of a file that nobody else can read and is sealed for the courier alone; the settings hold no
secret and are checked before anything is kept.
"""

import json
from pathlib import Path
from typing import Any

import click

from audit import Event
from notifications.connectors.setting_up import SETTINGS, checked_secret, checked_settings
from portal.cli import webhooks
from portal.cli.integrations import secret_file
from portal.cli.session import CommandRefused, Wiring, note, organization, pass_wiring
from records.crm.subscribers import TABLE, CrmSubscriber, SubscriberKind
from storage.database import new_id, utcnow


@click.group()
def connector() -> None:
    """CRMs that are told through their own API: Chatwoot, HubSpot, django-helpdesk, any JSON endpoint."""


for shared in (webhooks.list_, webhooks.pause, webhooks.resume, webhooks.test, webhooks.remove):
    connector.add_command(shared)


@connector.command("add")
@click.argument("kind", type=click.Choice([kind.value for kind in SETTINGS]))
@click.argument("org")
@click.option("--name", required=True, help="Which system it is.")
@click.option(
    "--secret-file", type=secret_file, required=True, help="File (0600) with the token; helpdesk: user:password."
)
@click.option("--url", help="Its address; https. Of HubSpot it is known.")
@click.option("--set", "pairs", multiple=True, metavar="NAME=VALUE", help="A setting, as docs/connectors.md names it.")
@click.option("--settings", "settings_file", type=secret_file, help="File with settings as one JSON object.")
@click.option("--event", "types", type=click.Choice(webhooks.TYPES), multiple=True, help="Default: all.")
@click.option("--allow-private", is_flag=True, help="It may lie at a private address; the courier must allow it too.")
@pass_wiring
def add(
    wiring: Wiring,
    kind: str,
    org: str,
    name: str,
    secret_file: Path,
    url: str | None,
    pairs: tuple[str, ...],
    settings_file: Path | None,
    types: tuple[str, ...],
    allow_private: bool,
) -> None:
    """Connect ORG to a CRM of KIND; prints the id. `connector test ID` shows whether it works."""
    if not 0 < len(name.strip()) <= 80:
        raise CommandRefused("a name has 1 to 80 characters")
    chosen, row = SubscriberKind(kind), new_id()
    given = _from_file(settings_file) | _from_pairs(pairs) | {"allow_private": allow_private}
    settings = checked_settings(chosen, given | ({"url": url} if url is not None else {}))
    secret = checked_secret(chosen, wiring.secret_text(secret_file))
    boxed = wiring.courier_box().seal(secret.encode(), table=TABLE, row=row, column="secret_boxed")
    with wiring.database().transaction() as session:
        org_id = organization(session, org).id
        session.add(
            CrmSubscriber(
                id=row,
                org_id=org_id,
                kind=chosen,
                name=name.strip(),
                settings=settings,
                event_types=list(types),
                secret_boxed=boxed,
                created_at=utcnow(),
            )
        )
        session.flush()
        note(session, Event.ADMINISTRATOR_SUBSCRIBER_ADDED, org_id=org_id, subject_id=row, kind=kind)
    click.echo(row)
    click.echo("The file with the secret can go now.", err=True)


@connector.command("renew")
@click.argument("connector_id")
@click.option("--secret-file", type=secret_file, required=True, help="File (0600) with the new token.")
@pass_wiring
def renew(wiring: Wiring, connector_id: str, secret_file: Path) -> None:
    """Replace the token; what failed for the old one goes out at its next try."""
    with wiring.database().transaction() as session:
        found = webhooks.found(session, connector_id)
        if found.kind not in SETTINGS:
            raise CommandRefused("this is no connector; see `webhook rotate`")
        secret = checked_secret(SubscriberKind(found.kind), wiring.secret_text(secret_file))
        place = {"table": TABLE, "row": found.id, "column": "secret_boxed"}
        found.secret_boxed = wiring.courier_box().seal(secret.encode(), **place)
        note(session, Event.ADMINISTRATOR_SUBSCRIBER_ROTATED, org_id=found.org_id, subject_id=found.id)
    click.echo("renewed")


def _from_file(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        read = json.loads(path.read_text("utf-8"))
    except ValueError:
        raise CommandRefused("the file with the settings is not JSON") from None
    if not isinstance(read, dict):
        raise CommandRefused("the file with the settings holds no object")
    return read


def _from_pairs(pairs: tuple[str, ...]) -> dict[str, str]:
    split = [pair.partition("=") for pair in pairs]
    if not all(name and equals for name, equals, _ in split):
        raise CommandRefused("a setting is NAME=VALUE")
    return {name: value for name, _, value in split}
