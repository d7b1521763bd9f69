"""Deciding on what the customer declined: a person lets the document go, or insists.

Rules: the policy decides first; the request's row is locked, so that of two decisions on one answer the second is
refused; insisting asks the customer as returning a document does.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from audit import Event, record
from records.cases import CaseState
from records.errors import NotFound, WrongState
from records.notes import checked_words
from records.people import Member
from records.policy import Action, require
from records.requests import DocumentRequest, RequestState, Slot, locked_request
from records.reviewing import NOTE_LENGTH, ask_again, note_completion

INSISTED = "needed"
"""Reason of a slot that a person asked for again after it was declined."""


def waive(session: Session, member: Member, slot_id: str, *, now: datetime) -> Slot:
    """Let a declined document go: it counts as settled. Raises NotFound, Forbidden, WrongState."""
    request, slot = _to_decide(session, member, slot_id)
    slot.waived(now)
    completed = request.settle()
    request.case.updated_at = now
    _trace(session, Event.STAFF_SLOT_WAIVED, member, request, slot, now)
    if completed:
        note_completion(session, member, request, now=now)
    session.flush()
    return slot


def insist(session: Session, member: Member, slot_id: str, *, untrusted_note: str, now: datetime) -> Slot:
    """Ask for a declined document all the same; the customer is told as with a return.

    Raises NotFound, Forbidden, WrongState; InvalidValue for a note that is too long.
    """
    note = checked_words(untrusted_note, NOTE_LENGTH)
    request, slot = _to_decide(session, member, slot_id)
    slot.insisted(INSISTED, note, now)
    request.settle()
    request.case.updated_at = now
    session.flush()
    told = ask_again(session, request, now=now)
    _trace(session, Event.STAFF_SLOT_INSISTED, member, request, slot, now, {"note": note is not None, **told})
    return slot


def _to_decide(session: Session, member: Member, slot_id: str) -> tuple[DocumentRequest, Slot]:
    slot = session.get(Slot, slot_id)
    if slot is None or slot.org_id != member.org_id:
        raise NotFound(f"slot {slot_id}")
    require(member, Action.REVIEW, slot.request.case)
    request = locked_request(session, slot.request_id)
    session.refresh(request.case)
    session.refresh(slot, with_for_update=True)  # an upload that ends now holds the slot alone
    if request.state == RequestState.CANCELLED or request.case.state != CaseState.OPEN:
        raise WrongState(f"request {request.id} is {request.state}, its case {request.case.state}")
    return request, slot


def _trace(
    session: Session,
    event: Event,
    member: Member,
    request: DocumentRequest,
    slot: Slot,
    now: datetime,
    details: dict[str, str | bool] | None = None,
) -> None:
    record(
        session,
        event,
        org_id=request.org_id,
        actor_id=member.id,
        subject_id=slot.id,
        case_id=request.case_id,
        details={"request": request.id, "reason": str(slot.reason), **(details or {})},
        now=now,
    )
