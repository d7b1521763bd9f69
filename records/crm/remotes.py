"""What was made in a CRM for us: the ids by which a note is not written twice and a ticket is found again.

A row without a remote id was begun, and nobody knows how it ended: the CRM is asked before anything is made again.
"""

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.database import Base, NewId


class CrmRemoteObject(Base):
    """One object of one subscriber's CRM."""

    __tablename__ = "crm_remote_objects"
    __table_args__ = (UniqueConstraint("subscriber_id", "kind", "our_id"),)

    id: Mapped[NewId]
    subscriber_id: Mapped[str] = mapped_column(ForeignKey("crm_subscribers.id"))
    kind: Mapped[str] = mapped_column(String(20))
    """note, ticket, property ..."""
    our_id: Mapped[str] = mapped_column(String(64))
    """Event, case or name that it stands for."""
    remote_id: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[datetime]


def begin(session: Session, subscriber_id: str, kind: str, our_id: str, *, now: datetime) -> tuple[bool, str | None]:
    """Note that an object is about to be made; return whether it was begun before, and its id where it is known.

    One subscriber is told one thing at a time, so that two never begin the same object at once.
    """
    wanted = select(CrmRemoteObject).where(
        CrmRemoteObject.subscriber_id == subscriber_id,
        CrmRemoteObject.kind == kind,
        CrmRemoteObject.our_id == our_id,
    )
    known = session.scalars(wanted).first()
    if known is not None:
        return True, known.remote_id
    session.add(CrmRemoteObject(subscriber_id=subscriber_id, kind=kind, our_id=our_id, created_at=now))
    return False, None


def keep(session: Session, subscriber_id: str, kind: str, our_id: str, remote_id: str) -> None:
    """Note the id of an object that was begun."""
    session.execute(
        update(CrmRemoteObject)
        .where(
            CrmRemoteObject.subscriber_id == subscriber_id,
            CrmRemoteObject.kind == kind,
            CrmRemoteObject.our_id == our_id,
        )
        .values(remote_id=remote_id)
    )
