"""The budget of new conversations: how many different people a portfolio may write to first in any 24 hours.

The platform names no error for going over it and punishes it by lowering the limit, so it is kept here: each claim
locks the row of its budget, so that parallel couriers never exceed it together. A person who was written to within
24 hours costs nothing more, but counts from the newest message on.
"""

from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, String, UniqueConstraint, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from records.senders import WhatsAppSender
from storage.database import Base, NewId, insert_into, new_id

WINDOW = timedelta(hours=24)
STARTING_LIMIT = 250
"""People a day of a new portfolio. Source: messaging limits, as of 2026-09 (250, 2,000, 10,000, 100,000, unlimited)."""


class Budget(Base):
    """The limit of one portfolio, as the platform told it last."""

    __tablename__ = "conversation_budgets"
    __table_args__ = (UniqueConstraint("org_id", "portfolio"),)

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"))
    portfolio: Mapped[str] = mapped_column(String(64))
    daily_limit: Mapped[int | None]
    """Missing: unlimited."""
    changed_at: Mapped[datetime]


class Conversation(Base):
    """A person whom a portfolio wrote to first, and when last. `key` is a hash of the address."""

    __tablename__ = "conversations"

    budget_id: Mapped[str] = mapped_column(ForeignKey("conversation_budgets.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)


def portfolio_of(sender: WhatsAppSender) -> str:
    """Return the portfolio whose budget a number shares: its account's, unless somebody named one."""
    return sender.portfolio or sender.waba_id


def claim_conversation(session: Session, sender: WhatsAppSender, recipient: str, *, now: datetime) -> datetime | None:
    """Take one person out of the budget; else return when there may be room."""
    budget = _locked(session, org_id=sender.org_id, portfolio=portfolio_of(sender), now=now)
    if budget.daily_limit is not None:
        recent = (Conversation.budget_id == budget.id, Conversation.at > now - WINDOW)
        known = select(Conversation.key).where(*recent, Conversation.key == recipient)
        used = select(func.count(), func.min(Conversation.at)).where(*recent)
        if session.scalars(known).first() is None:
            number, oldest = session.execute(used).one()
            if number >= budget.daily_limit:
                return (oldest or now) + WINDOW
    insert = insert_into(session, Conversation).values(budget_id=budget.id, key=recipient, at=now)
    session.execute(insert.on_conflict_do_update(index_elements=["budget_id", "key"], set_={"at": now}))
    return None


def set_limit(session: Session, *, org_id: str, portfolio: str, daily_limit: int | None, now: datetime) -> int | None:
    """Note the limit that the platform tells; return the one before."""
    budget = _locked(session, org_id=org_id, portfolio=portfolio, now=now)
    before, budget.daily_limit, budget.changed_at = budget.daily_limit, daily_limit, now
    return before


def used_today(session: Session, budget: Budget, *, now: datetime) -> int:
    """Count the people of the last 24 hours."""
    wanted = select(func.count()).where(Conversation.budget_id == budget.id, Conversation.at > now - WINDOW)
    return session.scalar(wanted) or 0


def forget_conversations(session: Session, *, now: datetime) -> None:
    """Delete what no longer counts."""
    session.execute(delete(Conversation).where(Conversation.at <= now - WINDOW))


def _locked(session: Session, *, org_id: str, portfolio: str, now: datetime) -> Budget:
    which = {"org_id": org_id, "portfolio": portfolio}
    fresh = insert_into(session, Budget).values(id=new_id(), **which, daily_limit=STARTING_LIMIT, changed_at=now)
    session.execute(fresh.on_conflict_do_nothing(index_elements=list(which)))
    wanted = select(Budget).filter_by(**which).with_for_update().execution_options(populate_existing=True)
    return session.scalars(wanted).one()
