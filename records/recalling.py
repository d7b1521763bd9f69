"""Recalling: a filed document in which later signatures found a virus is taken back, from the very commit on.

Rules: only the document that was found goes; its slot asks the customer for another, a complete request opens again,
and whoever may still answer is told, like after a return. What was sealed stays sealed: the opener opens FILED only.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from audit import Event, record
from records.cases import CaseState
from records.documents import Document, DocumentState
from records.requests import RequestState, Slot, SlotState, locked_request
from records.reviewing import ask_again

INFECTED = "infected"
REASON = "virus_found_later"


def recall(
    session: Session, document: Document, *, threat: str, engine: str | None, signatures: str | None, now: datetime
) -> None:
    """Take back a filed document. Raises WrongState when it is not filed (any more)."""
    request = locked_request(session, document.request_id)
    session.refresh(document, with_for_update=True)
    document.move(DocumentState.RECALLED)
    document.scanned_again(engine=engine, signatures=signatures, now=now)
    document.finding, document.reason, document.threat = INFECTED, REASON, threat
    told = _asked(session, document.slot, document, now)
    record(
        session,
        Event.INSPECTOR_DOCUMENT_RECALLED,
        org_id=document.org_id,
        actor_id="inspector",
        subject_id=document.id,
        case_id=document.case_id,
        now=now,
        details={
            "request": request.id,
            "slot": document.slot_id,
            "reason": REASON,
            "threat": threat,
            "engine": engine or "",
            "signatures": signatures or "",
            **told,
        },
    )
    request.case.updated_at = now


def _asked(session: Session, slot: Slot, document: Document, now: datetime) -> dict[str, str]:
    """Ask the customer for another where this document still stood for its slot; return what the event tells of it."""
    if slot.document_id != document.id or slot.state not in (SlotState.FILED, SlotState.ACCEPTED):
        return {}
    slot.recalled(REASON, now)
    request = slot.request
    if request.state == RequestState.CANCELLED or request.case.state != CaseState.OPEN:
        return {}
    request.settle()
    return ask_again(session, request, now=now)
