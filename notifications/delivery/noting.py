"""What delivery writes into the trail about a message: ids and codes, never words or addresses."""

from datetime import datetime

from sqlalchemy.orm import Session

from audit import Event, record
from records.messages import Message

ACTOR = "courier"


def note(session: Session, event: Event, message: Message, now: datetime, details: dict[str, str]) -> None:
    """Record an event of a message in the transaction of its effect."""
    record(
        session,
        event,
        org_id=message.org_id,
        actor_id=ACTOR,
        subject_id=message.id,
        case_id=message.case_id,
        now=now,
        details={"request": message.request_id, **details},
    )
