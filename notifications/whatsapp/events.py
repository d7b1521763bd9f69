"""What one update of a webhook says, as a frozen value, and how statuses advance."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from notifications.whatsapp.errors import ApiError


class EventKind(StrEnum):
    """What an update is about."""

    MESSAGE = "message"  # a customer wrote, tapped a quick reply or sent a file
    STATUS = "status"  # what became of a message of ours
    ERROR = "error"  # an error of the number as a whole
    TEMPLATE = "template"  # approved, paused, re-categorised, quality
    ACCOUNT = "account"  # limits, restrictions, alerts of the account or number
    OTHER = "other"  # everything else, so that nothing is lost in silence


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEvent:
    """One update. The representation shows no phone, message id, user id or field value.

    `fields` by kind. MESSAGE: type; reply_to (wamid); media_id, mime, sha256, size; payload (quick reply); stop ("1"
    when the person asks for no more messages) or start (when they take that back); system, changed_to (new number or
    user id); identity_hash. STATUS: category, billable. TEMPLATE: field, event, template_id, name, language, reason,
    category, previous_category, title, quality. ACCOUNT: field and the scalars of the update, dotted. OTHER: field.
    """

    kind: EventKind
    key: str = field(repr=False)
    """The same at every delivery of this update: `m:{wamid}`, `s:{wamid}:{status}`, else `h:{sha256}`; <= 255 long."""
    waba_id: str = ""
    phone_number_id: str = ""
    wamid: str = field(default="", repr=False)
    status: str = ""
    at: datetime | None = None
    """When it happened, by the platform's clock, UTC; None when it did not say so legibly."""
    phone: str = field(default="", repr=False)
    """Digits of the other side as the platform writes them (decide nothing by it); may be missing."""
    bsuid: str = field(default="", repr=False)
    opaque: str = ""
    errors: tuple[ApiError, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict, repr=False)


_RANKS = MappingProxyType({"accepted": 0, "sent": 1, "failed": 2, "delivered": 3, "read": 4})


def status_rank(status: str) -> int | None:
    """Return the place of a message status: higher never gives way to lower. None for a status without meaning to us.

    `failed` stands below `delivered`: a late delivery may follow a failure, a failure after a delivery is stale.
    """
    return _RANKS.get(status)


def advance(current: str, arriving: str) -> str:
    """Return the status a message has after `arriving`; in any order and any repetition the end is the same."""
    old, new = _RANKS.get(current), _RANKS.get(arriving)
    return arriving if new is not None and (old is None or new > old) else current
