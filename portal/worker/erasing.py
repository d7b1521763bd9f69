"""The inspector erases what its sender took back: keys and rows first, then objects.

Rules: the headers hold the keys, so they go in the first transaction, together with the rows and with the fence that
turns away whoever still works on the document; the names of the objects are noted in the same transaction, so that
an interrupted erasure goes on. Only what no person has decided on is erased, whatever the row says that asks for it.
"""

from datetime import datetime, timedelta

import structlog
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from audit import Event, record
from portal.worker.engine import Postponed
from portal.worker.materials import Tools
from records.documents import Document, DocumentState, Part, PreviewTask, ReviewState
from records.links import UploadLink
from records.receipts.entries import erase_entry
from records.rescans import Rescan, RescanOutcome
from records.trays import pages_of
from records.uploads import Slice
from records.withdrawing import UNDO_LIFE, Withdrawal
from storage.blobs import BlobStoreFull, BlobStoreUnavailable
from storage.database import utcnow
from storage.due import Lease, renew, settle

log = structlog.get_logger(__name__)

ACTOR = "inspector"
AWAY = timedelta(seconds=10)
LATEST = timedelta(days=3)
"""How much later than asked for something is erased: longer than an outage, and what waits for a person is older."""


def erase(tools: Tools, held: Lease) -> None:
    """Erase one withdrawn document. Raises Postponed while the store is away."""
    with tools.database.transaction() as session:
        renew(session, Withdrawal, held, now=utcnow())
        withdrawal = session.get_one(Withdrawal, held.id, populate_existing=True)
        if withdrawal.blobs is None:
            if not _is_honest(session, withdrawal):
                log.error("withdrawal_refused", withdrawal=held.id, document=withdrawal.document_id)
                return settle(session, Withdrawal, held)
            withdrawal.blobs = _let_go(session, withdrawal.document_id, utcnow())
        blobs = list(withdrawal.blobs)
    try:
        for blob in blobs:
            tools.blobs.delete(blob)
    except (BlobStoreUnavailable, BlobStoreFull) as away:
        raise Postponed(away.code, AWAY) from away
    _end(tools, held, objects=len(blobs))


def _is_honest(session: Session, withdrawal: Withdrawal) -> bool:
    """Whether the row asks for no more than a customer may.

    A captured portal writes `asked_at` as it likes: our own clock bounds what it can have erased.
    """
    document = session.get_one(Document, withdrawal.document_id)
    link = session.get_one(UploadLink, withdrawal.link_id)
    return (
        document.review == ReviewState.PENDING
        and document.slot.document_id != document.id
        and link.request_id == document.request_id
        and withdrawal.asked_at - document.received_at < UNDO_LIFE
        and utcnow() - document.received_at < UNDO_LIFE + LATEST
    )


def _let_go(session: Session, document_id: str, now: datetime) -> list[str]:
    """Fence the document, delete the rows of its bytes with the keys in them, and return the names of the objects."""
    document = session.get_one(Document, document_id, with_for_update=True, populate_existing=True)
    document.move(DocumentState.WITHDRAWN)
    document.attempt += 1
    document.due_at = document.lease_until = document.likeness = document.alike_id = None
    session.flush()
    session.execute(delete(PreviewTask).where(PreviewTask.document_id == document_id))
    for rescan in session.scalars(select(Rescan).where(Rescan.document_id == document_id, Rescan.outcome.is_(None))):
        rescan.end(RescanOutcome.GONE, now)
        rescan.attempt, rescan.lease_until = rescan.attempt + 1, None
    erase_entry(session, document_id)
    uploads = [document.upload_id, *(page.upload_id for page in pages_of(session, document_id))]
    parts = session.scalars(select(Part.blob).where(Part.document_id == document_id)).all()
    slices = session.scalars(select(Slice.blob).where(Slice.upload_id.in_(uploads))).all()
    session.execute(delete(Part).where(Part.document_id == document_id))
    session.execute(delete(Slice).where(Slice.upload_id.in_(uploads)))
    return [*parts, *(blob for blob in slices if blob is not None)]


def _end(tools: Tools, held: Lease, *, objects: int) -> None:
    now = utcnow()
    with tools.database.transaction() as session:
        settle(session, Withdrawal, held)
        withdrawal = session.get_one(Withdrawal, held.id, populate_existing=True)
        withdrawal.blobs, withdrawal.erased_at = [], now
        document = session.get_one(Document, withdrawal.document_id)
        record(
            session,
            Event.INSPECTOR_DOCUMENT_ERASED,
            org_id=document.org_id,
            actor_id=ACTOR,
            subject_id=document.id,
            case_id=document.case_id,
            details={"reason": "withdrawn", "objects": objects},
            now=now,
        )
