"""Statuses: what became of a message of ours. It only moves forward, in whatever order and however often it is told."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audit import Event, record
from notifications.delivery.failing import undelivered
from notifications.whatsapp.errors import ApiError
from records import channels
from records.contacts import note_reached
from records.messages import InboundEvent, Message, MessageAttempt, MessageState

ACTOR = "courier"
STATES = {
    "sent": MessageState.SENT,
    "delivered": MessageState.DELIVERED,
    "read": MessageState.READ,
}
ON_THE_WAY = (MessageState.SENDING, MessageState.UNKNOWN, MessageState.ACCEPTED, MessageState.SENT)


def take_in(session: Session, event: InboundEvent, now: datetime) -> None:
    """Move the message that a status is about, and record it when that changed something."""
    found = _attempt_of(session, event)
    if found is None:
        return
    message, attempt = found
    attempt.wamid = attempt.wamid or event.wamid  # the answer to the POST was lost; the status tells that it arrived
    attempt.recipient = event.phone or attempt.recipient
    attempt.recipient_user = event.bsuid or attempt.recipient_user
    if event.status == "failed":
        changed = _failed(session, message, attempt, event, now)
    else:
        changed = _came(session, message, attempt, STATES.get(event.status or ""), now)
    if changed:
        record(
            session,
            Event.GATEWAY_STATUS_RECEIVED,
            org_id=message.org_id,
            actor_id=ACTOR,
            subject_id=message.id,
            case_id=message.case_id,
            now=now,
            details={"status": event.status or "", "inbound": event.id, "error": event.error or ""},
        )


def _came(
    session: Session, message: Message, attempt: MessageAttempt, state: MessageState | None, now: datetime
) -> bool:
    """Move the message forward. What failed, or goes out anew since, is moved by an arrival only."""
    arrived = state in (MessageState.DELIVERED, MessageState.READ)
    stale = attempt.outcome == "failed" or message.channel != attempt.channel or message.state == MessageState.QUEUED
    if state is None or (stale and not arrived) or not message.advance(state, now):
        return False
    message.wamid, message.error = attempt.wamid, None
    message.due_at = None if arrived else channels.watched_until(session, message, attempt.started_at)
    if arrived:
        note_reached(message.request.party)
    return True


def _failed(session: Session, message: Message, attempt: MessageAttempt, event: InboundEvent, now: datetime) -> bool:
    """Let a failure have its effect, once, and only that of the newest attempt of a message that has not arrived."""
    if attempt.outcome == "failed":
        return False
    attempt.outcome, attempt.error = "failed", event.error
    newest = select(func.max(MessageAttempt.number)).where(MessageAttempt.message_id == message.id)
    if session.scalar(newest) != attempt.number or message.state not in ON_THE_WAY:
        return False
    code = int(event.error) if event.error and event.error.isdecimal() else None
    undelivered(session, message, ApiError(code=code), now, attempt=attempt)
    return True


def _attempt_of(session: Session, event: InboundEvent) -> tuple[Message, MessageAttempt] | None:
    """Find our attempt by its id that we gave along, else by the channel's id; never by phone. Locks its message."""
    if event.opaque:
        attempt = session.get(MessageAttempt, event.opaque)
    else:
        attempt = session.scalars(select(MessageAttempt).where(MessageAttempt.wamid == event.wamid)).first()
    if attempt is None:
        return None
    message = session.get_one(Message, attempt.message_id, with_for_update=True, populate_existing=True)
    session.refresh(attempt)
    return (message, attempt) if message.org_id == event.org_id else None
