"""Deliveries: one due row for each event and subscriber, and a log of every try.

Rules: of one subscriber one delivery is under way at a time, the one that has been due longest, so that a slow endpoint
holds up itself alone and events arrive in order as long as they succeed; one that failed waits for its next try and
lets later ones pass. The log holds a time, a status and a short code, never what was answered.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, exists, select
from sqlalchemy.orm import Mapped, aliased, mapped_column, relationship

from records.crm.events import CrmEvent
from records.crm.subscribers import CrmSubscriber, SubscriberState
from storage.database import Base, NewId
from storage.due import Due

WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""From one try to the next: ten tries in a little over three days. Source: Standard Webhooks 1.0, "Deliverability"."""


class DeliveryState(StrEnum):
    """FAILED is the end of the line: only a person sends it again."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


class CrmDelivery(Due, Base):
    """One event for one subscriber. `due_at` asks the courier."""

    __tablename__ = "crm_deliveries"
    __table_args__ = (
        UniqueConstraint("subscriber_id", "event_id"),
        Index(None, "due_at", "lease_until"),
        Index(None, "subscriber_id", "due_at"),
        Index(None, "subscriber_id", "lease_until"),
        Index(None, "org_id", "created_at"),
    )

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"))
    subscriber_id: Mapped[str] = mapped_column(ForeignKey("crm_subscribers.id"))
    event_id: Mapped[str] = mapped_column(ForeignKey("crm_events.id"), index=True)
    state: Mapped[DeliveryState] = mapped_column(String(10), default=DeliveryState.WAITING)
    tries: Mapped[int] = mapped_column(default=0)
    """Tries since it was made or sent again by a person."""
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    last_status: Mapped[int | None]
    last_code: Mapped[str | None] = mapped_column(String(40))
    event: Mapped[CrmEvent] = relationship()
    subscriber: Mapped[CrmSubscriber] = relationship()


class CrmTry(Base):
    """One try of a delivery, as it ended."""

    __tablename__ = "crm_tries"

    id: Mapped[NewId]
    delivery_id: Mapped[str] = mapped_column(ForeignKey("crm_deliveries.id"), index=True)
    number: Mapped[int]
    started_at: Mapped[datetime]
    took_ms: Mapped[int]
    outcome: Mapped[str] = mapped_column(String(20))
    """delivered, retry, gone or failed."""
    status: Mapped[int | None]
    code: Mapped[str | None] = mapped_column(String(40))


def sendable(now: datetime) -> Any:
    """Return the condition of what may be leased: the first due delivery of each active subscriber that is idle."""
    mine, other = aliased(CrmDelivery), aliased(CrmDelivery)
    first = (
        select(mine.id)
        .where(mine.subscriber_id == CrmSubscriber.id, mine.due_at <= now)
        .order_by(mine.due_at, mine.id)
        .limit(1)
        .correlate(CrmSubscriber)
        .scalar_subquery()
    )
    busy = exists().where(other.subscriber_id == CrmSubscriber.id, other.lease_until > now)
    idle = select(first).select_from(CrmSubscriber).where(CrmSubscriber.state == SubscriberState.ACTIVE, ~busy)
    return CrmDelivery.id.in_(idle)
