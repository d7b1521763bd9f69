"""Subscribers: webhook endpoints and connectors of an organization that are told CRM events.

Rules: the settings hold no secret; a secret lies in the courier's box and is loaded only when it is asked for, since
the console may not read it. A removed subscriber keeps its row and its log, and loses its secrets.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from records.crm.types import CrmType
from records.errors import NotFound, WrongState
from storage.database import Base, NewId

TABLE = "crm_subscribers"


class SubscriberKind(StrEnum):
    """How events reach a subscriber."""

    WEBHOOK = "webhook"
    CHATWOOT = "chatwoot"
    HUBSPOT = "hubspot"
    GENERIC = "generic"
    HELPDESK = "helpdesk"


class SubscriberState(StrEnum):
    """Only ACTIVE is sent to. What arises meanwhile waits for whoever is PAUSED (by a person) or DISABLED (by us)."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"
    REMOVED = "removed"


class CrmSubscriber(Base):
    """Somebody outside who is told what happens in an organization."""

    __tablename__ = TABLE

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"), index=True)
    kind: Mapped[SubscriberKind] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(80))
    """As the administrators call it."""
    settings: Mapped[dict[str, Any]]
    """By kind, without secrets. Of a webhook: {url, allow_private}."""
    event_types: Mapped[list[str]]
    """What it is told; empty: everything."""
    secret_boxed: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    """Signing secret or token in the courier's box (table crm_subscribers, row id, this column)."""
    previous_boxed: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    """The secret before the last rotation, which still signs beside the new one ..."""
    previous_until: Mapped[datetime | None]
    """... until then."""
    state: Mapped[SubscriberState] = mapped_column(String(10), default=SubscriberState.ACTIVE)
    state_reason: Mapped[str | None] = mapped_column(String(40))
    """Why it is DISABLED: `gone` or `failing`."""
    created_at: Mapped[datetime]
    last_at: Mapped[datetime | None]
    """Of the last try: when, with which HTTP status, and the code of what went wrong."""
    last_status: Mapped[int | None]
    last_code: Mapped[str | None] = mapped_column(String(40))
    failing_since: Mapped[datetime | None]
    """Of the first failure that no success followed."""

    def wants(self, type: CrmType) -> bool:
        """Whether it is told events of this type."""
        return not self.event_types or type.value in self.event_types

    def pause(self) -> None:
        """Stop sending; what arises waits. Raises WrongState unless it is active."""
        self._become(SubscriberState.PAUSED, SubscriberState.ACTIVE)

    def resume(self) -> None:
        """Send again, beginning with what waited. Raises WrongState unless it is paused or disabled."""
        self._become(SubscriberState.ACTIVE, SubscriberState.PAUSED, SubscriberState.DISABLED)
        self.state_reason, self.failing_since = None, None

    def disable(self, reason: str) -> None:
        """Stop sending because the endpoint is gone or has failed for too long. Raises WrongState unless active."""
        self._become(SubscriberState.DISABLED, SubscriberState.ACTIVE)
        self.state_reason = reason

    def remove(self) -> None:
        """Stop for good and forget the secrets. Raises WrongState when removed already."""
        self._become(SubscriberState.REMOVED, SubscriberState.ACTIVE, SubscriberState.PAUSED, SubscriberState.DISABLED)
        self.secret_boxed, self.previous_boxed, self.previous_until = b"", None, None

    def _become(self, state: SubscriberState, *before: SubscriberState) -> None:
        if self.state not in before:
            raise WrongState(f"subscriber {self.id} is {self.state}")
        self.state = state


def subscribers_of(session: Session, org_id: str) -> Sequence[CrmSubscriber]:
    """Return an organization's subscribers, oldest first, without removed ones."""
    wanted = select(CrmSubscriber).where(CrmSubscriber.org_id == org_id, CrmSubscriber.state != SubscriberState.REMOVED)
    return session.scalars(wanted.order_by(CrmSubscriber.created_at, CrmSubscriber.id)).all()


def locked_subscriber(session: Session, *, org_id: str, subscriber_id: str) -> CrmSubscriber:
    """Return a subscriber of this organization behind its row lock. Raises NotFound, also for a removed one."""
    found = session.get(CrmSubscriber, subscriber_id, with_for_update=True, populate_existing=True)
    if found is None or found.org_id != org_id or found.state == SubscriberState.REMOVED:
        raise NotFound(f"subscriber {subscriber_id}")
    return found
