"""The pace of messages to one person: the platform takes one in six seconds from a number (pair rate, 131056).

A turn is claimed by one conditional upsert, so that no number of parallel couriers gets past it.
"""

from datetime import datetime, timedelta

from sqlalchemy import String, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.database import Base, insert_into

EVERY = timedelta(seconds=6)
"""Source: Cloud API, pair rate limits, as of 2026-09 (bursts of 45 are borrowed from later and not used here)."""


class PairTurn(Base):
    """When a number may write to a person again."""

    __tablename__ = "pair_turns"

    key: Mapped[str] = mapped_column(String(100), primary_key=True)
    """`<sender>:<hash of the address>`."""
    free_at: Mapped[datetime] = mapped_column(index=True)


def claim_turn(session: Session, *, sender_id: str, recipient: str, now: datetime) -> datetime | None:
    """Take the turn of this number and person; else return when it comes."""
    key = f"{sender_id}:{recipient}"
    insert = insert_into(session, PairTurn).values(key=key, free_at=now + EVERY)
    claim = insert.on_conflict_do_update(
        index_elements=["key"], set_={"free_at": now + EVERY}, where=PairTurn.free_at <= now
    )
    if session.execute(claim.returning(PairTurn.key)).first() is not None:
        return None
    return session.scalars(select(PairTurn.free_at).where(PairTurn.key == key)).one()


def give_turn_back(session: Session, sender_id: str, recipient: str, now: datetime) -> None:
    """Nothing reached the person: the next message need not wait."""
    key = f"{sender_id}:{recipient}"
    session.execute(update(PairTurn).where(PairTurn.key == key).values(free_at=now))


def forget_turns(session: Session, *, now: datetime) -> None:
    """Delete the turns that are over."""
    session.execute(delete(PairTurn).where(PairTurn.free_at <= now - EVERY))
