"""Storing: the updates of one delivery become rows before the 200; the courier takes them in later.

Rules: the unique key of an update drops its repetitions in its company, also within one body; rows are written in the
order of their keys, so that the same updates in another order at the same moment lock nobody out. Of a chat message
only what identifies and classifies it is stored: no text, caption, file name or address of a file. The sender's address
and the id of a file stay in the row until the courier has taken it in. Whoever asks for no more messages is heard from
the same transaction on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from audit import Event, record
from notifications.whatsapp.events import EventKind, WebhookEvent
from records.messages import InboundEvent
from records.optouts import opt_out
from storage.database import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """The number whose webhook address was called."""

    sender_id: str
    org_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One webhook call, read."""

    receiver: Receiver
    events: Sequence[WebhookEvent]


_TABLE: Any = InboundEvent.__table__


def _statement(insert: Any) -> Any:
    """Return the insertion, built once: what the database compiles is then cached. No objects are made of the rows."""
    new = insert(_TABLE).on_conflict_do_nothing(index_elements=["dedup_key"])
    return new.returning(_TABLE.c.dedup_key, _TABLE.c.id)


_INSERT: Mapping[str, Any] = {"postgresql": _statement(postgresql.insert), "sqlite": _statement(sqlite.insert)}


def store(session: Session, deliveries: Sequence[Delivery], *, now: datetime) -> int:
    """Insert the updates that are new; return how many. Repetitions, also in the same body, change nothing."""
    known: dict[str, tuple[Receiver, WebhookEvent]] = {}
    for delivery in deliveries:
        for event in delivery.events:
            known.setdefault(_key(delivery.receiver, event), (delivery.receiver, event))
    rows = [_row(receiver, event, now) for _, (receiver, event) in sorted(known.items(), key=itemgetter(0))]
    stored = session.execute(_INSERT[session.get_bind().dialect.name], rows)
    new = {row.dedup_key: row.id for row in stored}
    stops = [
        (known[key], event_id)
        for key, event_id in new.items()
        if known[key][1].kind is EventKind.MESSAGE and known[key][1].fields.get("stop")
    ]
    for (receiver, event), event_id in sorted(stops, key=lambda stop: (stop[0][1].phone, stop[0][1].bsuid)):
        _stop(session, receiver, event, event_id, now)
    return len(new)


def _key(receiver: Receiver, event: WebhookEvent) -> str:
    """Return the key of an update in its company: what another's app signed never stands in its way."""
    return f"{receiver.org_id}:{event.key}"


def _row(receiver: Receiver, event: WebhookEvent, now: datetime) -> dict[str, object]:
    places = {"waba_id": event.waba_id, "phone_number_id": event.phone_number_id}
    return {
        "id": new_id(),
        "org_id": receiver.org_id,
        "sender_id": receiver.sender_id,
        "dedup_key": _key(receiver, event),
        "kind": event.kind.value,
        "wamid": event.wamid or None,
        "opaque": event.opaque or None,
        "status": event.status[:20] or None,
        "error": str(event.errors[0].code) if event.errors else None,
        "at": event.at,
        "phone": event.phone or None,
        "bsuid": event.bsuid or None,
        "fields": {**{name: said for name, said in places.items() if said}, **event.fields},
        "received_at": now,
        "due_at": now,
        "attempt": 0,
        "takeovers": 0,
    }


def _stop(session: Session, receiver: Receiver, event: WebhookEvent, event_id: str, now: datetime) -> None:
    """Honour a person's wish for no more messages, with a trace that does not name them."""
    said_at = min(event.at or now, now)
    opt_out(session, org_id=receiver.org_id, addresses=(event.phone, event.bsuid), said_at=said_at)
    record(
        session,
        Event.GATEWAY_CONTACT_OPTED_OUT,
        org_id=receiver.org_id,
        actor_id="gateway",
        subject_id=event_id,
        now=now,
        details={"sender": receiver.sender_id},
    )
