"""Notices that documents have arrived: one message after a while of quiet, never one a file.

Every document that is received moves the notice of its request 15 minutes on; when the customer has been quiet for so
long the courier sends one message, or none (notifications/acknowledging.py). One row a request.
"""

from datetime import datetime, timedelta

from sqlalchemy import ForeignKey
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.database import Base, NewId, new_id
from storage.due import Due

QUIET = timedelta(minutes=15)


class ReceivedNotice(Due, Base):
    """That a customer is to be told of what arrived, once quiet has lasted until `due_at`."""

    __tablename__ = "received_notices"

    id: Mapped[NewId]
    request_id: Mapped[str] = mapped_column(ForeignKey("document_requests.id"), unique=True)
    sent_at: Mapped[datetime | None]
    """When the last one was queued."""


def document_arrived(session: Session, request_id: str, *, now: datetime) -> None:
    """Put the notice of a request off until it has been quiet for a while from now on."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    row = {"id": new_id(), "request_id": request_id, "due_at": now + QUIET, "attempt": 0, "takeovers": 0}
    session.execute(
        insert(ReceivedNotice)
        .values(**row)
        .on_conflict_do_update(index_elements=["request_id"], set_={"due_at": now + QUIET})
    )
