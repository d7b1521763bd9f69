"""Declining: the customer says that there is no such document, and why; a person then decides (records/waiving.py).

Rules: only where the template allows it; reasons come from a closed set; a file sent later replaces the answer.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from audit import Event, record
from records.errors import InvalidValue, NotFound, WrongState
from records.escalations import customer_acted
from records.links import Visit
from records.notes import checked_words
from records.requests import RequestState, Slot, locked_request

NOTE_LENGTH = 200
"""Longest note of the customer, characters."""


class DeclineReason(StrEnum):
    """Why the customer sends nothing."""

    NOT_MINE = "not_mine"  # it does not apply to this person
    NEVER_HAD = "never_had"
    LOST = "lost"
    IN_PROCESS = "in_process"  # it is being issued
    OTHER = "other"


def decline(
    session: Session, visit: Visit, slot_id: str, *, untrusted_reason: str, untrusted_note: str, now: datetime
) -> Slot:
    """Take the customer's answer that there is no document for a slot.

    The caller has checked that the visit lives. Raises NotFound (a slot of another request), InvalidValue, and
    WrongState when no answer is waited for or the template wants the document whatever the reason.
    """
    if untrusted_reason not in set(DeclineReason):
        raise InvalidValue("reason", "required")
    note = checked_words(untrusted_note, NOTE_LENGTH)
    if untrusted_reason == DeclineReason.OTHER and note is None:
        raise InvalidValue("note", "required")
    request = locked_request(session, visit.link.request_id)
    slot = next((slot for slot in request.slots if slot.id == slot_id), None)
    if slot is None:
        raise NotFound(f"slot {slot_id}")
    session.refresh(slot, with_for_update=True)  # an upload that ends now holds the slot alone
    if not slot.requirement.may_decline or request.state == RequestState.CANCELLED:
        raise WrongState(f"slot {slot.id} may not be declined")
    slot.declined(untrusted_reason, note, now)
    request.case.updated_at = now
    customer_acted(session, visit.link, now=now)
    record(
        session,
        Event.CUSTOMER_SLOT_DECLINED,
        org_id=request.org_id,
        actor_id=visit.link_id,
        subject_id=slot.id,
        case_id=request.case_id,
        details={"request": request.id, "reason": untrusted_reason, "note": note is not None},
        now=now,
    )
    return slot
