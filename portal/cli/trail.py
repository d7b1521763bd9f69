"""`audit verify`: the whole trail of one organization against the public key, from outside the processes.

Rules: the key comes from the command line, never from the database; exit status 0 means that nothing is wrong and
nothing lags, 1 that something is.
"""

import base64
import binascii
import json
import re
from pathlib import Path
from typing import Any

import click

from audit.reporting import Report
from audit.verifying import verify as verify_trail
from portal.cli.session import CommandRefused, Wiring, organization, pass_wiring
from storage.database import utcnow

KEY = 32
_NOTE_KEY = re.compile(r"[^+\s]+\+[0-9a-f]{8}\+([A-Za-z0-9+/]+={0,2})")
SYSTEM = "system"
"""The tree of events that belong to no organization (quarantine keys)."""


@click.group()
def audit() -> None:
    """The audit trail."""


@audit.command("verify")
@click.argument("org")
@click.option("--key", required=True, metavar="PUB", help="Checkpoint public key: a file, base64, or a verifier line.")
@click.option("--former", multiple=True, metavar="PUB", help="Key that signed before the present one.")
@click.option(
    "--kept",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Checkpoint kept outside of the database; shows an end that was cut off.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
@pass_wiring
def verify(wiring: Wiring, org: str, key: str, former: tuple[str, ...], kept: tuple[Path, ...], as_json: bool) -> None:
    """Verify every event, leaf and checkpoint of ORG (slug, id, or `system`); names what was altered, lost or moved."""
    public, others = public_key(wiring, key), [public_key(wiring, each) for each in former]
    with wiring.database().reading() as session:
        org_id = org if org == SYSTEM else organization(session, org).id
        notes = [path.read_text("utf-8") for path in kept]
        report = verify_trail(session, org_id, public, utcnow(), former=others, kept=notes)
    click.echo(json.dumps(_facts(report)) if as_json else _words(report))
    if not report.valid:
        click.get_current_context().exit(1)


def public_key(wiring: Wiring, given: str) -> bytes:
    """Return the Ed25519 key (32 bytes) that was given as a file, base64 or verifier line. Raises CommandRefused."""
    if Path(given).is_file():
        return wiring.public_key(Path(given))
    line = _NOTE_KEY.fullmatch(given.strip())
    try:
        raw = base64.b64decode(line[1] if line else given.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise CommandRefused("a public key is a file, base64, or name+id+base64") from None
    raw = raw[1:] if line and raw[:1] == b"\x01" else raw
    if len(raw) != KEY:
        raise CommandRefused(f"a public key has {KEY} bytes")
    return raw


def _facts(report: Report) -> dict[str, Any]:
    return {
        "organization": report.org_id,
        "valid": report.valid,
        "events": report.size,
        "checkpoints": report.checkpoints,
        "problems": report.problem_count,
        "first": [str(problem) for problem in report.problems[:20]],
    }


def _words(report: Report) -> str:
    lines = [str(problem) for problem in report.problems]
    if report.problem_count > len(lines):
        lines.append(f"and {report.problem_count - len(lines)} more")
    lines.append(f"{report.size} events, {report.checkpoints} checkpoints, {report.problem_count} problems")
    lines.append("VALID" if report.valid else "NOT VALID")
    return "\n".join(lines)
