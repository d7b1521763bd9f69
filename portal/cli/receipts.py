"""`receipt verify`: a receipt's proof (acuse.json) and the files it tells of, offline.

Rules: the keys to trust come from the command line, never from the receipt; exit status 0 means that all of it holds,
1 that something does not. Needs no settings, no database and no network.
"""

import hashlib
from pathlib import Path

import click

from portal.cli.session import CommandRefused, Wiring, pass_wiring
from portal.cli.trail import public_key
from records.receipts.verifying import MAX_FACTS, verify

ExistingFile = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def receipt() -> None:
    """Receipts of customers."""


@receipt.command("verify")
@click.argument("proof", metavar="ACUSE.JSON", type=ExistingFile)
@click.option("--key", required=True, metavar="PUB", help="Checkpoint public key: a file, base64, or a verifier line.")
@click.option("--tsa-ca", required=True, type=ExistingFile, help="PEM of the time-stamp authority's root.")
@click.option("--file", "files", multiple=True, type=ExistingFile, help="A file that the receipt must tell of.")
@pass_wiring
def verify_receipt(wiring: Wiring, proof: Path, key: str, tsa_ca: Path, files: tuple[Path, ...]) -> None:
    """Verify ACUSE.JSON (attached to the PDF): signature, inclusion, time stamp, content; and FILEs against it."""
    with proof.open("rb") as opened:
        untrusted = opened.read(MAX_FACTS + 1)
    proven = verify(untrusted, checkpoint_keys=[public_key(wiring, key)], tsa_root=tsa_ca.read_bytes())
    click.echo(f"{proven.organization} ({proven.checkpoint.origin}), receipt {proven.number}")
    click.echo(f"sealed in a tree of {proven.checkpoint.size} events, stamped {proven.stamped_at.isoformat()}")
    for document in proven.documents:
        click.echo(f"{document.sha256}  {document.title['es']} ({document.side}), {document.size} bytes")
    for path in files:
        with path.open("rb") as opened:
            found = proven.find(hashlib.file_digest(opened, "sha256").hexdigest())
        if found is None:
            raise CommandRefused(f"{path} is not in this receipt")
        click.echo(f"{path}: {found.title['es']} ({found.side})")
    click.echo("VALID")
