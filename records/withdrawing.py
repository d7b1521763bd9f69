"""Withdrawing: the customer takes back a file that was sent moments ago and that no person has decided on.

Rules: from the commit on nobody opens the document, whatever its own row still says; the slot is free at once; what is
left of the bytes is the inspector's to erase (portal/worker/erasing.py). The request's row is locked, so that of a
withdrawal and a decision one wins.
"""

from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from audit import Event, record
from records.documents import Document, ReviewState
from records.errors import NotFound, UndoOver
from records.links import Visit
from records.requests import Slot, SlotState, locked_request
from storage.database import Base, NewId
from storage.due import Due

UNDO_LIFE = timedelta(minutes=30)
"""How long after it came a file may be taken back."""
UNDOABLE = frozenset({SlotState.RECEIVED, SlotState.FILED})


class Withdrawal(Due, Base):
    """One document that its sender took back. `due_at` asks the inspector to erase it."""

    __tablename__ = "withdrawals"

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"))
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id"), unique=True)
    link_id: Mapped[str] = mapped_column(ForeignKey("upload_links.id"))
    asked_at: Mapped[datetime]
    blobs: Mapped[list[str] | None]
    """Objects that no row names any more and that must still go; None before the rows went."""
    erased_at: Mapped[datetime | None]


def undo_until(slot: Slot, document: Document | None, now: datetime) -> datetime | None:
    """Return until when the file in a slot may be taken back, None when it may not (any more)."""
    if document is None or slot.document_id != document.id or slot.state not in UNDOABLE:
        return None
    until = document.received_at + UNDO_LIFE
    return until if document.review == ReviewState.PENDING and now < until else None


def withdraw(session: Session, visit: Visit, slot_id: str, *, now: datetime) -> Slot:
    """Take back the file in a slot. The caller has checked that the visit lives.

    Raises NotFound (a slot of another request), UndoOver when half an hour has passed or a person has decided.
    """
    request = locked_request(session, visit.link.request_id)
    slot = next((slot for slot in request.slots if slot.id == slot_id), None)
    if slot is None:
        raise NotFound(f"slot {slot_id}")
    session.refresh(slot, with_for_update=True)  # the inspector may be about to file
    document = session.get(Document, slot.document_id, populate_existing=True) if slot.document_id else None
    if document is None or undo_until(slot, document, now) is None:
        raise UndoOver(f"slot {slot.id}")
    slot.emptied(now)
    asked = {"document_id": document.id, "link_id": visit.link_id, "asked_at": now, "due_at": now}
    session.execute(insert(Withdrawal).values(org_id=slot.org_id, **asked))  # no other column is ours
    request.case.updated_at = now
    record(
        session,
        Event.CUSTOMER_DOCUMENT_WITHDRAWN,
        org_id=slot.org_id,
        actor_id=visit.link_id,
        subject_id=document.id,
        case_id=request.case_id,
        details={"request": request.id, "slot": slot.id},
        now=now,
    )
    session.flush()
    return slot


def is_withdrawn(session: Session, document_id: str) -> bool:
    """Whether its sender took a document back: then it is never opened, exported or filed."""
    return session.scalar(select(Withdrawal.document_id).where(Withdrawal.document_id == document_id)) is not None
