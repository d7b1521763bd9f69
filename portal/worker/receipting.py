"""The courier's part in receipts: gather what was filed and commit to it, later join proof and stamp and draw the PDF.

Why the courier: it carries the stamps that a receipt waits for, and it reads no document. It holds the key of the
sealed hashes, which the public portal must not, and the drawing library stays away from inspector and keyring.

Rules: the number of a receipt is taken out of the row with the step that makes it ready; whatever does not verify is
not made; both steps commit behind the fence of the attempt.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, or_, select

from audit import Event, record
from audit.tree import AuditCheckpoint
from portal.worker.engine import Postponed
from portal.worker.printing.page import draw
from records.links import UploadLink
from records.organizations import Organization
from records.receipts.facts import are_sealed, digest_of, entries_of, gather, prove
from records.receipts.rows import PDF_LIFE, Receipt, ReceiptState, drop_expired_pdfs, expired_pdfs
from records.receipts.secret import ReceiptSecret
from records.receipts.verifying import verify
from storage.database import Database, utcnow
from storage.due import Lease, settle
from storage.sealing.box import Box

ACTOR = "courier"
WAIT = timedelta(milliseconds=500)
"""Between two looks whether the filings have their leaves: the custodian seals four times a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What making receipts needs. `hashes` opens the hashes of documents, `handover` the secrets of receipts."""

    database: Database
    hashes: Box
    handover: Box
    checkpoint_key: bytes
    tsa_root: bytes
    public_url: str


def can_go_on() -> ColumnElement[bool]:
    """Which receipts wait for the courier, and not for checkpoint or stamp."""
    stamped = select(AuditCheckpoint.id).where(AuditCheckpoint.stamp.is_not(None))
    return or_(Receipt.state == ReceiptState.REQUESTED, Receipt.checkpoint_id.in_(stamped))


def make(tools: Tools, held: Lease) -> None:
    """Take one receipt a step further. Raises Postponed while the trail has not sealed what it tells of."""
    with tools.database.reading() as session:
        receipt = session.get_one(Receipt, held.id)
    match ReceiptState(receipt.state):
        case ReceiptState.REQUESTED:
            _gather(tools, held, receipt.secret(tools.handover))
        case ReceiptState.GATHERED:
            _finish(tools, held, receipt.secret(tools.handover))
        case ReceiptState.READY:
            with tools.database.transaction() as session:
                settle(session, Receipt, held)


def drop_pdfs(tools: Tools, now: datetime) -> None:
    """Forget the PDFs whose time is over."""
    with tools.database.reading() as session:
        over = expired_pdfs(session, now)
    if over:
        with tools.database.transaction() as session:
            drop_expired_pdfs(session, now)


def _gather(tools: Tools, held: Lease, secret: ReceiptSecret) -> None:
    """Record the event that commits to the content, and keep the content sealed."""
    now = utcnow()
    with tools.database.transaction() as session:
        settle(session, Receipt, held, due_at=now)
        receipt = session.get_one(Receipt, held.id, populate_existing=True)
        entries = entries_of(session, receipt)
        if not are_sealed(session, entries):
            raise Postponed("receipt_before_its_filings", WAIT)
        address = f"{tools.public_url}/verify/{secret.text}"
        content = gather(session, receipt, entries, hashes=tools.hashes, secret=secret, address=address, now=now)
        event = record(
            session,
            Event.COURIER_RECEIPT_GATHERED,
            org_id=receipt.org_id,
            actor_id=ACTOR,
            subject_id=receipt.id,
            case_id=receipt.case_id,
            details={"content": digest_of(content), "documents": len(entries)},
            now=now,
        )
        kept = json.dumps({"content": content, "events": [entry.event_id for entry in entries]})
        receipt.facts = receipt.seal("facts", kept.encode(), secret)
        receipt.event_id = event.id
        receipt.state = ReceiptState.GATHERED


def _finish(tools: Tools, held: Lease, secret: ReceiptSecret) -> None:
    """Join content, proofs, checkpoint and stamp, verify them as any reader would, and draw the PDF."""
    with tools.database.reading() as session:
        receipt = session.get_one(Receipt, held.id)
        kept: dict[str, Any] = json.loads(receipt.open("facts", receipt.facts, secret))
        facts = prove(
            session, receipt, kept["content"], kept["events"], key=tools.checkpoint_key, tsa_root=tools.tsa_root
        )
        timezone = session.get_one(Organization, receipt.org_id).timezone
        expires_at = session.get_one(UploadLink, receipt.link_id).expires_at
    proven = verify(facts, checkpoint_keys=[tools.checkpoint_key], tsa_root=tools.tsa_root)
    pdf = draw(proven, facts, tsa_root=tools.tsa_root, language=receipt.language, timezone=timezone)
    now = utcnow()
    with tools.database.transaction() as session:
        settle(session, Receipt, held)
        row = session.get_one(Receipt, held.id, populate_existing=True)
        row.facts, row.pdf = row.seal("facts", facts, secret), row.seal("pdf", pdf, secret)
        row.pdf_until = max(expires_at, now + PDF_LIFE)
        row.sealed_secret, row.state, row.ready_at = None, ReceiptState.READY, now
