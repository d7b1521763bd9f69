"""`whatsapp lint FILE...`: the review rules over templates. `whatsapp templates`: the library, and where it stands.

Rules: the linter is the studio's own; a file is untrusted; what a company registers goes through the same rows as from
the console, and the courier talks to the platform.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from audit.events import ActorKind
from notifications.studio.writing import wordings
from notifications.whatsapp import authentication
from notifications.whatsapp.library import LANGUAGES as LIBRARY_LANGUAGES
from notifications.whatsapp.linting import Complaint, lint_all
from notifications.whatsapp.linting.words import LANGUAGES, say
from notifications.whatsapp.templates import LIBRARY, payload
from portal.cli.session import CommandRefused, Wiring, operator, organization, pass_wiring
from records import studio
from records.templates import MessageTemplate
from storage.database import utcnow

FILE_LIMIT = 4 * 1024 * 1024


@click.command("lint")
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--language", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Of the words.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a complaint.")
def lint_files(files: tuple[Path, ...], language: str, as_json: bool) -> None:
    """Check the templates in FILEs before they are submitted; ends with 1 when one may not be.

    A file holds one JSON body as it would be posted to `/WABA_ID/message_templates`, a list of them, or one on each
    line.
    """
    found = [(path, number, body) for path in files for number, body in enumerate(_bodies(path), start=1)]
    stopped = False
    for (path, number, body), complaints in zip(found, lint_all(body for *_, body in found), strict=True):
        for complaint in complaints:
            told = _told(path, number, body, complaint, language)
            click.echo(json.dumps(told, ensure_ascii=False) if as_json else " ".join(str(told[key]) for key in told))
            stopped = stopped or not complaint.only_advice
    if stopped:
        click.get_current_context().exit(1)


def _told(path: Path, number: int, body: Any, complaint: Complaint, language: str) -> dict[str, Any]:
    name, tongue = (str(body.get(key, ""))[:60] if isinstance(body, dict) else "" for key in ("name", "language"))
    return {
        "file": f"{path}:{number}",
        "template": f"{name}/{tongue}",
        "level": "advice" if complaint.only_advice else "error",
        "place": complaint.place,
        "code": complaint.code.value,
        "words": say(complaint, language),
    }


def _bodies(path: Path) -> Iterator[Any]:
    if path.stat().st_size > FILE_LIMIT:
        raise CommandRefused(f"{path} is longer than {FILE_LIMIT} bytes")
    text = path.read_text("utf-8", errors="replace")
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        yield from (_line(line) for line in text.splitlines() if line.strip())
        return
    yield from whole if isinstance(whole, list) else [whole]


def _line(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return line  # which the linter calls no template


@click.group("templates", invoke_without_command=True)
@click.option("--public-url", help="Address of the portal, which the links in the messages begin with.")
@click.pass_context
def templates(ctx: click.Context, public_url: str | None) -> None:
    """Message templates. Without a command: print the library, one JSON body a line."""
    if ctx.invoked_subcommand is not None:
        return
    if public_url is None:
        raise click.UsageError("give --public-url, or a command")
    base_url = public_url.rstrip("/") + "/s/"
    for body in (*(payload(template, base_url=base_url) for template in LIBRARY), *authentication.payloads()):
        click.echo(json.dumps(body, ensure_ascii=False))


templates.add_command(lint_files)


@templates.command("register")
@click.argument("org")
@click.option("--waba-id", help="Of the WhatsApp account, where the company has several.")
@click.option("--language", "languages", type=click.Choice(LIBRARY_LANGUAGES), multiple=True, help="Default: all.")
@pass_wiring
def register_library(wiring: Wiring, org: str, waba_id: str | None, languages: tuple[str, ...]) -> None:
    """Let the courier submit the library for ORG; what is there already stays."""
    now = utcnow()
    with wiring.database().transaction() as session:
        org_id = organization(session, org).id
        account = studio.open_account(session, _author(), org_id, _waba(session, org_id, waba_id), now=now)
        made = studio.register(session, _author(), account, wordings(languages or LIBRARY_LANGUAGES), now=now)
    click.echo(f"{made} to submit; `whatsapp templates status {org}` shows how it goes")


@templates.command("status")
@click.argument("org")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a template.")
@pass_wiring
def print_status(wiring: Wiring, org: str, as_json: bool) -> None:
    """Print what the platform made of each template of ORG."""
    with wiring.database().reading() as session:
        org_id = organization(session, org).id
        for waba_id, account in studio.accounts(session, org_id).items():
            known = account.synced_at.isoformat(timespec="seconds") if account and account.synced_at else "never"
            error = f" error {account.error}" if account and account.error else ""
            click.echo(f"account {waba_id} read {known}{error}", err=True)
        for row in studio.templates(session, org_id):
            told = _standing(row)
            click.echo(json.dumps(told) if as_json else " ".join(str(said) for said in told.values() if said))


@templates.command("delete")
@click.argument("org")
@click.argument("name")
@click.argument("language")
@pass_wiring
def delete_template(wiring: Wiring, org: str, name: str, language: str) -> None:
    """Let the courier delete one language of a template of ORG at the platform, which blocks its name for 30 days."""
    with wiring.database().transaction() as session:
        org_id = organization(session, org).id
        found = [row for row in studio.templates(session, org_id) if (row.name, row.language) == (name, language)]
        if not found:
            raise CommandRefused("there is no such template")
        for row in found:
            studio.delete(session, _author(), row, now=utcnow())
    click.echo("to be deleted")


def _standing(row: MessageTemplate) -> dict[str, str | None]:
    flags = {"marketing": row.drifted, "differs": row.differs, "red": row.quality == "RED"}
    return {
        "name": row.name,
        "language": row.language,
        "status": f"{row.status} ({row.wish} wished)" if row.wish else str(row.status),
        "category": row.category,
        "reason": row.reason,
        "error": row.error,
        "alarms": ",".join(name for name, holds in flags.items() if holds) or None,
    }


def _author() -> studio.Author:
    return studio.Author(kind=ActorKind.ADMINISTRATOR, id=operator())


def _waba(session: Session, org_id: str, waba_id: str | None) -> str:
    known = list(studio.accounts(session, org_id))
    if waba_id is not None:
        return waba_id
    if len(known) != 1:
        raise CommandRefused(f"the company has {len(known)} WhatsApp accounts: say which with --waba-id")
    return known[0]
