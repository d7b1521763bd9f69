"""`inspect`: local files through the very chain that customers' files go through; nothing is stored.

Rules: the sandbox and clamd are as real as in production; exit status 0 when every file got a verdict, whatever it is;
2 when a file got none (clamd or the sandbox away, a file that cannot be read).
"""

import json
from pathlib import Path
from typing import Any

import click

from intake.inspection.chain import Inspector
from intake.inspection.clamav import ClamdScanner
from intake.inspection.reporting import inspect_file
from intake.inspection.sandbox import Sandbox

NO_VERDICT = 2
FACTS = ("path", "verdict", "finding", "reason", "threat", "mime", "pages", "ms")
"""What every line holds, and nothing else; without a verdict, `reason` is the code of what stood in the way."""


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option(
    "--clamd-socket",
    envvar="RESGUARDO_CLAMD_SOCKET",
    required=True,
    type=click.Path(path_type=Path),
    help="Unix socket of clamd; default RESGUARDO_CLAMD_SOCKET.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def inspect(files: tuple[Path, ...], clamd_socket: Path, as_json: bool) -> None:
    """Judge FILEs: type, ending, structure, decoding, viruses."""
    all_judged = True
    with Sandbox() as sandbox, Inspector(scanner=ClamdScanner(str(clamd_socket)), sandbox=sandbox) as inspector:
        for path in files:
            facts = inspect_file(inspector, path)
            all_judged &= facts["finding"] is not None
            click.echo(json.dumps({name: facts[name] for name in FACTS}) if as_json else _words(facts))
    if not all_judged:
        click.get_current_context().exit(NO_VERDICT)


def _words(facts: dict[str, Any]) -> str:
    if facts["finding"] is None:
        return f"no verdict      {facts['path']}: {facts['reason']}"
    named = f", {facts['threat']}" if facts["threat"] else ""
    kind = f" {facts['mime']}, {facts['pages']} pages" if facts["mime"] else ""
    return f"{facts['finding']:<15} {facts['path']}: {facts['reason']}{named}{kind} ({facts['ms']} ms)"
