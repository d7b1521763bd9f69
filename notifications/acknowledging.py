"""Acknowledging: after a while of quiet the customer is told that what they sent has arrived; once, not once a file.

Rules: only when everything that was asked for is here, or when something is still missing and nothing was said for a
day; not while a file is under inspection, nor where a newer message tells more; never outside the company's hours.
"""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import Event, record
from records import channels
from records.cases import CaseState
from records.contacting import rules_of
from records.links import issue
from records.messages import Message, Purpose, queue
from records.notices import QUIET, ReceivedNotice
from records.reminders import waits_for_customer, when_allowed
from records.requests import DocumentRequest, RequestState, SendMode, SlotState
from storage.database import Database, utcnow
from storage.due import Lease, renew, settle

ACTOR = "courier"
ONCE_IN = timedelta(days=1)
"""A customer who sends a document now and a document then hears of it once a day."""
EXAMINED_IN = timedelta(minutes=2)
"""How soon a notice is looked at again that waits for an inspection."""


def thank(database: Database, held: Lease, *, now: datetime | None = None) -> None:
    """Queue the notice that is due, put it off, or let it go, behind its lease."""
    now = now or utcnow()
    with database.transaction() as session:
        renew(session, ReceivedNotice, held, now=now)
        notice = session.get_one(ReceivedNotice, held.id, populate_existing=True)
        request = session.get_one(DocumentRequest, notice.request_id)
        later = _put_off(session, notice, request, now)
        settle(session, ReceivedNotice, held, due_at=later)
        if later is None and _is_worth_telling(session, notice, request, now):
            _queue(session, notice, request, now)


def _put_off(session: Session, notice: ReceivedNotice, request: DocumentRequest, now: datetime) -> datetime | None:
    """Return when to look again: quiet has not lasted, a file is under inspection, or the customer may be asleep."""
    if notice.due_at is not None and notice.due_at > now:
        return notice.due_at
    if not _wanted(session, request):
        return None
    if any(slot.state == SlotState.RECEIVED for slot in request.slots):
        return now + EXAMINED_IN
    allowed = when_allowed(session, request, now)
    return allowed if allowed > now else None


def _wanted(session: Session, request: DocumentRequest) -> bool:
    over = request.state == RequestState.CANCELLED or request.case.state != CaseState.OPEN
    told = rules_of(session, request.org_id).received_notices and request.send_mode != SendMode.NONE
    return told and not over and channels.may_write_to(session, request.party)


def _is_worth_telling(session: Session, notice: ReceivedNotice, request: DocumentRequest, now: datetime) -> bool:
    if not _wanted(session, request):
        return False
    lately = notice.sent_at is not None and now - notice.sent_at < ONCE_IN
    if lately and waits_for_customer(request):
        return False
    newer = session.scalars(
        select(Message.id).where(
            Message.request_id == request.id,
            Message.purpose.in_((Purpose.RETURNED, Purpose.REMINDER)),
            Message.created_at > now - QUIET,
        )
    )
    return newer.first() is None


def _queue(session: Session, notice: ReceivedNotice, request: DocumentRequest, now: datetime) -> None:
    refused = any(slot.state == SlotState.REFUSED for slot in request.slots)
    purpose = Purpose.RETURNED if refused else Purpose.RECEIVED  # "a step must be repeated" is the news then
    link = issue(session, request, now=now)
    message = queue(session, request=request, link=link, purpose=purpose, now=now)
    notice.sent_at = now
    record(
        session,
        Event.COURIER_NOTICE_QUEUED,
        org_id=request.org_id,
        actor_id=ACTOR,
        subject_id=message.id,
        case_id=request.case_id,
        details={"request": request.id, "link": link.id},
        now=now,
    )
