"""`escrow recover`: the way back when the root key of an organization is lost, with the offline escrow identity.

Rules: a copy counts only when it opens to the private half of the very public key that the custodian signed; what is
recovered goes straight under the root key and is never shown; without `--store` nothing is changed, which is how the
escrow is tested while the root still lives.
"""

from collections.abc import Callable
from pathlib import Path

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import Event
from intake.filing import FilingError, case_public
from portal.cli.session import CommandRefused, Wiring, note, organization, pass_wiring
from records.cases import CaseKey
from storage.keyring.casekeys import recover_case_key, seal_case_key
from storage.keyring.opening import open_keyring
from storage.keyring.protocol import Keyring
from storage.sealing.errors import SealingError
from storage.sealing.seal import Sealed
from storage.sealing.signing import VerifyKey
from storage.sealing.unseal import PrivateKey

private_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def escrow() -> None:
    """The offline escrow of case keys."""


@escrow.command("recover")
@click.argument("org")
@click.option(
    "--identity", type=private_file, help="File (0600) with AGE-SECRET-KEY-1...; without it, it is asked for."
)
@click.option("--custodian-key", type=private_file, required=True, help="File of the custodian's pinned public key.")
@click.option("--case", "case_id", help="One case only; default: every case of ORG.")
@click.option("--store", is_flag=True, help="Seal what was recovered under the (new) root key. Default: only try.")
@click.option("--keyring", type=click.Path(file_okay=False, path_type=Path), help="Folder of the root keys.")
@click.option("--kms-key", help="Instead of a folder: id of the AWS KMS key.")
@click.option("--kms-region", help="Region of the AWS KMS key.")
@pass_wiring
def recover(
    wiring: Wiring,
    org: str,
    identity: Path | None,
    custodian_key: Path,
    case_id: str | None,
    store: bool,
    keyring: Path | None,
    kms_key: str | None,
    kms_region: str | None,
) -> None:
    """Recover the case keys of ORG from their escrow copies. Exit status 1 when one of them could not be."""
    if store and (keyring is None) == (kms_key is None):
        raise CommandRefused("--store needs one of --keyring and --kms-key")
    text = wiring.secret_text(identity) if identity else click.prompt("Escrow identity", hide_input=True, err=True)
    private, custodian = PrivateKey.from_text(text.strip()), VerifyKey(wiring.public_key(custodian_key))
    root: Keyring | None = None
    if store:
        place = {"path": keyring} if keyring else {"key_id": kms_key, "region": kms_region, "endpoint": None}
        root = open_keyring(**place)
    with wiring.database().reading() as session:
        org_id = organization(session, org).id
        wanted = select(CaseKey.id).where(CaseKey.org_id == org_id, CaseKey.public.is_not(None)).order_by(CaseKey.id)
        ids = session.scalars(wanted if case_id is None else wanted.where(CaseKey.case_id == case_id)).all()
    if not ids:
        raise CommandRefused("there is no minted case key of that kind")
    if root is not None:
        root.mint(org_id)
    failed = 0
    for key_id in ids:
        failed += not _told(lambda key_id=key_id: _recover(wiring, key_id, private, custodian, root))  # type: ignore[misc]
    click.echo(f"{len(ids) - failed} of {len(ids)} case keys {'recovered' if store else 'can be recovered'}")
    if failed:
        click.get_current_context().exit(1)


def _told(attempt: Callable[[], None]) -> bool:
    """Run one recovery; say why it failed. Another kind of failure ends the command."""
    try:
        attempt()
    except (SealingError, FilingError, CommandRefused) as error:
        click.echo(f"{error} [{error.code}]", err=True)
        return False
    return True


def _recover(wiring: Wiring, key_id: str, identity: PrivateKey, custodian: VerifyKey, root: Keyring | None) -> None:
    if root is None:
        with wiring.database().reading() as session:
            _opened(session, key_id, identity, custodian)
        return
    with wiring.database().transaction() as session:
        key, private = _opened(session, key_id, identity, custodian)
        key.sealed_private = seal_case_key(root, key.org_id, key.case_id, private)
        note(session, Event.ADMINISTRATOR_CASE_KEY_RECOVERED, org_id=key.org_id, subject_id=key.id, case=key.case_id)


def _opened(session: Session, key_id: str, identity: PrivateKey, custodian: VerifyKey) -> tuple[CaseKey, PrivateKey]:
    key = session.get_one(CaseKey, key_id)
    public = case_public(key, custodian)
    if key.escrow_header is None or key.escrow_payload is None:
        raise CommandRefused(f"case {key.case_id} has no escrow copy")
    copy = Sealed(header=key.escrow_header, payload=key.escrow_payload)
    try:
        return key, recover_case_key(identity, key.org_id, key.case_id, copy, public)
    except SealingError as error:
        raise CommandRefused(f"case {key.case_id}: {error}") from error
