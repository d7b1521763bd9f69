"""What a way of telling is given: the subscriber with its opened secrets, and one event."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from notifications.crm.outcomes import Outcome
from records.crm.subscribers import SubscriberKind
from records.crm.types import CrmType


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One subscriber, for one try."""

    id: str
    org_id: str
    kind: SubscriberKind
    settings: Mapping[str, Any]
    secrets: tuple[str, ...] = field(repr=False)
    """The secret, then the one before it while a rotation lasts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One event, for one try."""

    id: str
    """The same at every try: a receiver that knows it has had the event."""
    event_id: str
    """Of the row in `crm_events`."""
    type: CrmType
    at: datetime
    case_id: str | None
    request_id: str | None
    payload: Mapping[str, Any]
    """What a webhook carries; see records/crm/events.py."""
    sent_at: datetime


Tell = Callable[[Target, Notice], Outcome]
"""Tells one event to one subscriber of one kind. What it raises is a fault of ours: the row comes again."""
