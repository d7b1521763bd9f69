"""Statuses: what became of a message of ours. It only moves forward, in whatever order and however often it is told."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import Event, record
from records.messages import InboundEvent, Message, MessageAttempt, MessageState

ACTOR = "courier"
STATES = {
    "sent": MessageState.SENT,
    "delivered": MessageState.DELIVERED,
    "read": MessageState.READ,
}


def take_in(session: Session, event: InboundEvent, now: datetime) -> None:
    """Move the message that a status is about, and record it when that changed something."""
    message = _message_of(session, event)
    if message is None:
        return
    if message.wamid is None:
        message.wamid = event.wamid  # the answer to the POST was lost; the status tells that it arrived
    if event.status == "failed":
        changed = message.fail(event.error or "failed", now)
    else:
        state = STATES.get(event.status or "")
        changed = state is not None and message.advance(state, now)
        if changed:
            message.due_at, message.error = None, None
    if changed:
        record(
            session,
            Event.GATEWAY_STATUS_RECEIVED,
            org_id=message.org_id,
            actor_id=ACTOR,
            subject_id=message.id,
            case_id=message.case_id,
            now=now,
            details={"status": message.state, "inbound": event.id, "error": message.error or ""},
        )


def _message_of(session: Session, event: InboundEvent) -> Message | None:
    """Find our message by the attempt id that we gave along, else by the channel's id; never by phone."""
    if event.opaque:
        attempt = session.get(MessageAttempt, event.opaque)
        message = session.get(Message, attempt.message_id, with_for_update=True) if attempt is not None else None
    else:
        message = session.scalars(select(Message).where(Message.wamid == event.wamid).with_for_update()).first()
    return message if message is not None and message.org_id == event.org_id else None
