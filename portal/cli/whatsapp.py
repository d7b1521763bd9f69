"""`whatsapp parse`: what the receiver would store, without a database.

Rules: the parser and the de-duplication are the receiver's own; signatures are not checked, since a file has none; the
output holds phone numbers, so it goes to the terminal and nowhere else.
"""

import json
from pathlib import Path
from typing import Any

import click

from notifications.whatsapp.webhooks import BODY_LIMIT, WebhookEvent, parse
from portal.cli.templating import lint_files, templates


@click.group()
def whatsapp() -> None:
    """WhatsApp."""


@whatsapp.command("parse")
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def parse_files(files: tuple[Path, ...], as_json: bool) -> None:
    """Print the updates in FILEs (bodies of webhook deliveries), each once, in the order of their arrival."""
    stored: dict[str, dict[str, Any]] = {}
    too_long = False
    for path in files:
        if path.stat().st_size > BODY_LIMIT:
            click.echo(f"{path}: longer than {BODY_LIMIT} bytes, which the receiver refuses", err=True)
            too_long = True
            continue
        new = {event.key: facts(event) for event in parse(path.read_bytes())}
        stored |= {key: told for key, told in new.items() if key not in stored}
    for told in stored.values():
        click.echo(json.dumps(told) if as_json else " ".join(f"{name}={value}" for name, value in told.items()))
    if too_long:
        click.get_current_context().exit(2)


whatsapp.add_command(lint_files)
whatsapp.add_command(templates)


def facts(event: WebhookEvent) -> dict[str, Any]:
    """Return the columns of one update, and who it is about; empty ones are null."""
    return {
        "kind": event.kind.value,
        "key": event.key,
        "wamid": event.wamid or None,
        "status": event.status or None,
        "from": event.phone or None,
        "bsuid": event.bsuid or None,
        "at": event.at.isoformat() if event.at is not None else None,
    }
