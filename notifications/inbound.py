"""Inbound: the updates of a channel's webhook, stored before the 200 and taken in later, each once.

Rules: the unique key of an update drops its repetitions; a status only moves its message forward; an update that
belongs to nothing of ours is kept and settled, never lost in silence. Of inbound messages only ids are stored here, and
the address of whoever asks for no more messages: that is honoured from the same transaction on.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from audit import Event, record
from notifications.whatsapp.events import EventKind, WebhookEvent
from records.messages import InboundEvent, Message, MessageAttempt, MessageState, WhatsAppSender
from records.optouts import opt_out
from storage.database import Database, new_id, utcnow
from storage.due import Lease, settle

ACTOR = "courier"
BATCH = 500
"""Rows of one INSERT: a delivery may hold thousands of updates, and both databases limit the values of a statement."""
STATUSES = {
    "sent": MessageState.SENT,
    "delivered": MessageState.DELIVERED,
    "read": MessageState.READ,
}


def store(session: Session, sender: WhatsAppSender, events: Iterable[WebhookEvent], *, now: datetime) -> int:
    """Insert the updates that are new; return how many. Repetitions, also in the same body, change nothing."""
    known = {event.key: event for event in events}
    rows = [_row(sender, event, now) for event in known.values()]
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    new: dict[str, str] = {}
    for start in range(0, len(rows), BATCH):
        statement = (
            insert(InboundEvent)
            .values(rows[start : start + BATCH])
            .on_conflict_do_nothing(index_elements=["dedup_key"])
        )
        stored = session.execute(statement.returning(InboundEvent.dedup_key, InboundEvent.id))
        new.update((key, event_id) for key, event_id in stored)
    for key, event_id in new.items():
        if known[key].kind is EventKind.MESSAGE and known[key].fields.get("stop"):
            _stop(session, sender, known[key], event_id, now)
    return len(new)


def process(database: Database, held: Lease) -> None:
    """Let one stored update have its effect, in the transaction that settles it."""
    now = utcnow()
    with database.transaction() as session:
        settle(session, InboundEvent, held)
        event = session.get_one(InboundEvent, held.id, populate_existing=True)
        if event.processed_at is not None:
            return
        event.processed_at = now
        if event.kind == EventKind.STATUS:
            _status(session, event, now)


def _row(sender: WhatsAppSender, event: WebhookEvent, now: datetime) -> dict[str, object]:
    return {
        "id": new_id(),
        "org_id": sender.org_id,
        "sender_id": sender.id,
        "dedup_key": event.key,
        "kind": event.kind.value,
        "wamid": event.wamid or None,
        "opaque": event.opaque or None,
        "status": event.status[:20] or None,
        "error": str(event.errors[0].code) if event.errors else None,
        "at": event.at,
        "received_at": now,
        "due_at": now,
        "attempt": 0,
        "takeovers": 0,
    }


def _stop(session: Session, sender: WhatsAppSender, event: WebhookEvent, event_id: str, now: datetime) -> None:
    """Honour a person's wish for no more messages, with a trace that does not name them."""
    opt_out(session, org_id=sender.org_id, addresses=(event.phone, event.bsuid), now=now)
    record(
        session,
        Event.GATEWAY_CONTACT_OPTED_OUT,
        org_id=sender.org_id,
        actor_id="gateway",
        subject_id=event_id,
        now=now,
        details={"sender": sender.id},
    )


def _status(session: Session, event: InboundEvent, now: datetime) -> None:
    message = _message_of(session, event)
    if message is None:
        return
    if message.wamid is None:
        message.wamid = event.wamid  # the answer to the POST was lost; the status tells that it arrived
    if event.status == "failed":
        changed = message.fail(event.error or "failed", now)
    else:
        state = STATUSES.get(event.status or "")
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
