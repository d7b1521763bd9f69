"""CRM events: one row for each event of the trail that CRMs are told, and the thin payload that is sent.

Rules: a payload holds ids, codes, counts and the case's link behind login, and the CRM's own reference; never a name,
an address, a note, a file name, a hash or the customer's link. It is fixed when the event is derived, so that every
retry carries the same.
"""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from records.crm.types import CrmType
from storage.database import Base, NewId


class CrmEvent(Base):
    """One event as CRMs see it. Of one organization they are ordered by `leaf`, the place in its audit tree."""

    __tablename__ = "crm_events"
    __table_args__ = (UniqueConstraint("org_id", "leaf"), Index(None, "request_id", "type"), Index(None, "created_at"))

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"))
    leaf: Mapped[int] = mapped_column(BigInteger)
    audit_event_id: Mapped[str] = mapped_column(String(32), unique=True)
    type: Mapped[CrmType] = mapped_column(String(40))
    at: Mapped[datetime]
    """When it happened, by the trail."""
    created_at: Mapped[datetime]
    case_id: Mapped[str | None] = mapped_column(String(32))
    """Like the next two without a foreign key: what is told outlives what it tells of."""
    request_id: Mapped[str | None] = mapped_column(String(32))
    document_id: Mapped[str | None] = mapped_column(String(32))
    data: Mapped[dict[str, Any]]
    """`Facts` as JSON."""


class CrmCursor(Base):
    """How far an organization's trail has been read: every leaf below `next_leaf` is done."""

    __tablename__ = "crm_cursors"

    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"), primary_key=True)
    next_leaf: Mapped[int] = mapped_column(BigInteger, default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is told besides the ids. `external_ref` is the CRM's own id of the case."""

    organization: str
    external_ref: str | None = None
    requirement: str | None = None
    side: str | None = None
    reason: str | None = None
    message: dict[str, str] | None = None
    """{purpose, channel} of the message that the event is about."""
    progress: dict[str, Any] | None = None
    """{status, received, accepted, total} of the request, as it was when the event was derived."""

    def as_json(self) -> dict[str, Any]:
        """Return what is known."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def webhook_id(event: CrmEvent) -> str:
    """Return the id by which a receiver knows an event again: the same for every try and every subscriber."""
    return f"evt_{event.id}"


def payload(event: CrmEvent, staff_url: str) -> dict[str, Any]:
    """Return {type, timestamp, data} as webhooks and the API tell it; `staff_url` is the console's address."""
    ids = {"case_id": event.case_id, "request_id": event.request_id, "document_id": event.document_id}
    return {
        "type": CrmType(event.type).value,
        "timestamp": event.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "data": {
            "event_id": webhook_id(event),
            **{name: value for name, value in ids.items() if value is not None},
            **({"case_url": case_url(staff_url, event.case_id)} if event.case_id is not None else {}),
            **event.data,
        },
    }


def case_url(staff_url: str, case_id: str) -> str:
    """Return where an agent finds the case, behind login."""
    return f"{staff_url}/cases/{case_id}"
