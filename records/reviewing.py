"""Reviewing: a person accepts a filed document or returns it with a reason, and the customer is asked again.

Rules: the policy decides first; the request's row is locked, so that of two decisions on one document the second is
refused and two decisions on one request add up; a return issues the link and queues the message in its transaction.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import Event, record
from records.cases import Case, CaseState, get_case
from records.documents import Document, DocumentState, ReviewState
from records.errors import InvalidValue, NotFound, WrongState
from records.links import issue
from records.messages import Message, MessageState, Purpose, queue
from records.notes import checked_words
from records.people import Member
from records.policy import Action, require
from records.reminders import start_again
from records.requests import DocumentRequest, RequestState, SendMode, Slot, locked_request

NOTE_LENGTH = 500
"""Longest note to the customer, characters."""


class ReturnReason(StrEnum):
    """Why a document is returned. The customer reads the reason in words after opening the link."""

    UNREADABLE = "unreadable"
    CUT_OFF = "cut_off"
    WRONG_DOCUMENT = "wrong_document"
    EXPIRED = "expired"
    WRONG_SIDE = "wrong_side"
    INCOMPLETE = "incomplete"
    OTHER = "other"


def document_for(session: Session, member: Member, document_id: str, action: Action) -> tuple[Document, Case]:
    """Return a document and its case when the policy lets `member` do `action` there. Raises NotFound or Forbidden."""
    document = session.get(Document, document_id)
    if document is None or document.org_id != member.org_id:
        raise NotFound(f"document {document_id}")
    case = get_case(session, org_id=member.org_id, case_id=document.case_id)
    require(member, action, case)
    return document, case


def accept(session: Session, member: Member, document_id: str, *, now: datetime) -> Document:
    """Accept a filed document. Raises NotFound, Forbidden, or WrongState when it is no longer there to be judged."""
    document, case, request = _under_review(session, member, document_id)
    document.judged(ReviewState.ACCEPTED)
    document.slot.accepted(now)
    completed = _settle(session, request, case, now)
    record(
        session,
        Event.STAFF_DOCUMENT_ACCEPTED,
        org_id=case.org_id,
        actor_id=member.id,
        subject_id=document.id,
        case_id=case.id,
        details={"request": request.id, "slot": document.slot_id},
        now=now,
    )
    if completed:
        note_completion(session, member, request, now=now)
    return document


def note_completion(session: Session, member: Member, request: DocumentRequest, *, now: datetime) -> None:
    """Record that a decision completed the request.

    Its time is a microsecond after the decision's: the trail puts events of one moment in no order.
    """
    record(
        session,
        Event.STAFF_REQUEST_COMPLETED,
        org_id=request.org_id,
        actor_id=member.id,
        subject_id=request.id,
        case_id=request.case_id,
        details={"request": request.id},
        now=now + timedelta(microseconds=1),
    )


def return_(
    session: Session, member: Member, document_id: str, *, reason: ReturnReason, note: str | None, now: datetime
) -> Document:
    """Return a filed document to the customer, who is told through an open link where the portal sends the messages.

    Raises NotFound, Forbidden, WrongState; InvalidValue for a note that is too long or missing with reason OTHER.
    """
    words = checked_note(note, reason)
    document, case, request = _under_review(session, member, document_id)
    if request.state == RequestState.CANCELLED:
        raise WrongState(f"request {request.id} is cancelled")
    document.judged(ReviewState.RETURNED)
    document.slot.returned(reason, words, now)
    _settle(session, request, case, now)
    told = ask_again(session, request, now=now)
    record(
        session,
        Event.STAFF_DOCUMENT_RETURNED,
        org_id=case.org_id,
        actor_id=member.id,
        subject_id=document.id,
        case_id=case.id,
        details={
            "request": request.id,
            "slot": document.slot_id,
            "reason": reason.value,
            "note": words is not None,
            **told,
        },
        now=now,
    )
    return document


def ask_again(session: Session, request: DocumentRequest, *, now: datetime) -> dict[str, str]:
    """Issue the link through which the customer answers once more, and queue the message where the portal sends them.

    Returns their ids, for the trail.
    """
    link = issue(session, request, now=now)
    start_again(session, request.id, now=now)
    if request.send_mode == SendMode.NONE:
        return {"link": link.id}
    message = _waiting(session, request) or queue(
        session, request=request, link=link, purpose=Purpose.RETURNED, now=now
    )
    return {"link": link.id, "message": message.id}


def next_to_review(session: Session, case_id: str, *, after: str | None = None) -> Document | None:
    """Return the document of the case that has waited longest for a person, or None."""
    waiting = (
        select(Document)
        .join(Slot, Slot.document_id == Document.id)
        .where(
            Document.case_id == case_id,
            Document.state == DocumentState.FILED,
            Document.review == ReviewState.PENDING,
            Document.id != (after or ""),
        )
        .order_by(Document.received_at, Document.id)
        .limit(1)
    )
    return session.scalars(waiting).first()


def checked_reason(untrusted: str) -> ReturnReason:
    """Return the reason. Raises InvalidValue for anything that is not on the list."""
    if untrusted not in set(ReturnReason):
        raise InvalidValue("reason", "required")
    return ReturnReason(untrusted)


def checked_note(untrusted: str | None, reason: ReturnReason) -> str | None:
    """Return the reviewer's words without control characters, None for none. Raises InvalidValue."""
    text = checked_words(untrusted or "", NOTE_LENGTH)
    if reason is ReturnReason.OTHER and text is None:
        raise InvalidValue("note", "required")
    return text


def _under_review(session: Session, member: Member, document_id: str) -> tuple[Document, Case, DocumentRequest]:
    document, case = document_for(session, member, document_id, Action.REVIEW)
    request = locked_request(session, document.request_id)
    for row in (case, document):
        session.refresh(row)
    if case.state != CaseState.OPEN:
        raise WrongState(f"case {case.id} is {case.state}")
    if document.slot.document_id != document.id:
        raise WrongState(f"document {document.id} no longer stands in its slot")
    return document, case, request


def _settle(session: Session, request: DocumentRequest, case: Case, now: datetime) -> bool:
    completed = request.settle()
    case.updated_at = now
    session.flush()
    return completed


def _waiting(session: Session, request: DocumentRequest) -> Message | None:
    """Return a message about returned documents that has not left yet: one message tells of several."""
    return session.scalars(
        select(Message).where(
            Message.request_id == request.id,
            Message.purpose == Purpose.RETURNED,
            Message.state == MessageState.QUEUED,
        )
    ).first()
