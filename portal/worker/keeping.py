"""The custodian's work: mint case keys, certify quarantine keys, seal the audit trail, choose what is stamped."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import Event, record
from audit.checkpoints import CheckpointSigner
from audit.sequencing import seal_pending
from audit.stamping import request_stamp
from audit.tree import AuditLeaf, latest_checkpoint
from intake.filing import CASE_KEY
from intake.quarantine import certify
from records.cases import CaseKey
from records.exports import Export, ExportState
from records.receipts.rows import Receipt, ReceiptState
from records.uploads import QuarantineKey
from storage.database import Database, utcnow
from storage.due import Lease, settle
from storage.keyring.casekeys import mint_case_key
from storage.keyring.protocol import Keyring
from storage.sealing.seal import PublicKey
from storage.sealing.signing import SigningKey, VerifyKey

ACTOR = "custodian"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What the custodian holds."""

    database: Database
    keyring: Keyring
    signer: SigningKey
    checkpoints: CheckpointSigner
    inspector: VerifyKey
    escrow: PublicKey


def mint(tools: Tools, held: Lease) -> None:
    """Mint the key pair of one case and sign its public half; mint the organization's root before its first case only.

    Raises RootMissing when the root of an organization that has cases is not there: a keyring that was lost or not
    mounted must never be replaced in silence.
    """
    with tools.database.reading() as session:
        waiting = session.get_one(CaseKey, held.id)
        older = select(CaseKey.id).where(CaseKey.org_id == waiting.org_id, CaseKey.minted_at.is_not(None))
        first = session.scalars(older.limit(1)).first() is None
    if waiting.public is None:
        if first:
            tools.keyring.mint(waiting.org_id)
        minted = mint_case_key(tools.keyring, waiting.org_id, waiting.case_id, tools.escrow)
    now = utcnow()
    with tools.database.transaction() as session:
        settle(session, CaseKey, held)
        key = session.get_one(CaseKey, held.id, populate_existing=True)
        if key.public is not None:
            return
        key.public = minted.public.raw
        key.sealed_private = minted.sealed_private
        key.escrow_header, key.escrow_payload = minted.escrow_header, minted.escrow_payload
        key.signature = tools.signer.sign(CASE_KEY, key.statement())
        key.minted_at = now
        if first:
            record(
                session,
                Event.CUSTODIAN_ROOT_MINTED,
                org_id=key.org_id,
                actor_id=ACTOR,
                subject_id=key.org_id,
                now=now,
            )
        record(
            session,
            Event.CUSTODIAN_CASE_KEY_MINTED,
            org_id=key.org_id,
            actor_id=ACTOR,
            subject_id=key.id,
            case_id=key.case_id,
            now=now,
            details={"public": key.public.hex()},
        )


def certify_quarantine_key(tools: Tools, held: Lease) -> None:
    """Certify a key of the day. Raises SignatureRefused for a row that the inspector did not sign; it stays closed."""
    now = utcnow()
    with tools.database.transaction() as session:
        settle(session, QuarantineKey, held)
        key = session.get_one(QuarantineKey, held.id, populate_existing=True)
        if key.custodian_signature is None:
            certify(session, key, inspector=tools.inspector, signer=tools.signer, now=now)


def seal_trail(tools: Tools, now: datetime) -> None:
    """Give every waiting event its leaf, sign the checkpoints, and ask for stamps where something waits for one."""
    with tools.database.transaction() as session:
        seal_pending(session, tools.checkpoints, now)
    with tools.database.reading() as session:
        if not _waiting(session):
            return
    with tools.database.transaction() as session:
        for waiting in _waiting(session):
            _choose_checkpoint(session, waiting, now)


def _waiting(session: Session) -> list[Export | Receipt]:
    exports = select(Export).where(Export.state == ExportState.REQUESTED, Export.checkpoint_id.is_(None))
    receipts = select(Receipt).where(Receipt.state == ReceiptState.GATHERED, Receipt.checkpoint_id.is_(None))
    return [*session.scalars(exports), *session.scalars(receipts)]


def _choose_checkpoint(session: Session, waiting: Export | Receipt, now: datetime) -> None:
    """Take the newest checkpoint for an export or a receipt once it covers its event."""
    if session.scalars(select(AuditLeaf).where(AuditLeaf.event_id == waiting.event_id)).first() is None:
        return
    checkpoint = latest_checkpoint(session, waiting.org_id)
    if checkpoint is not None:
        waiting.checkpoint_id = checkpoint.id
        request_stamp(session, checkpoint.id, now)
