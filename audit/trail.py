"""Recording: one event, in the same transaction as its effect.

Rules: an event holds ids, hashes and codes, never a name, a phone, a file name or free text; it references no row by
foreign key, because the trail outlives what it tells of; it is never updated or deleted. Every event waits in
`audit_pending` until the custodian has given it a leaf, so that finding the unsealed ones costs nothing however long
the trail is.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, Session, mapped_column

from audit.errors import EventRefused
from audit.events import EVENT_LENGTH, Event
from storage.database import Base, NewId, new_id

Details = Mapping[str, str | int | bool]
"""What may be told besides the ids: flat, short, no personal data."""

LEAF_FORMAT = "resguardo/audit/v1"
"""Name of the leaf format; part of every leaf, so that another format can never hash alike."""

MAX_DETAILS = 24
MAX_TEXT = 200
MAX_INTEGER = 2**53 - 1  # what every JSON reader keeps exactly

_ORGANIZATION = re.compile(r"[A-Za-z0-9_-]{1,32}")
_IDENTIFIER = re.compile(r"[!-~]{1,64}")
_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
_TEXT = re.compile(rf"[ -~]{{0,{MAX_TEXT}}}")


class AuditEvent(Base):
    """One thing that happened: who did what to which, in which case, when."""

    __tablename__ = "audit_events"
    __table_args__ = (
        Index(None, "org_id", "at", "id"),
        Index(None, "case_id", "at", "id"),
    )

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime]
    event: Mapped[str] = mapped_column(String(EVENT_LENGTH))
    actor_id: Mapped[str] = mapped_column(String(64))
    subject_id: Mapped[str] = mapped_column(String(64))
    case_id: Mapped[str | None] = mapped_column(String(32))
    details: Mapped[dict[str, Any]]


class AuditPending(Base):
    """An event that has no leaf yet: written with the event, removed with its sealing."""

    __tablename__ = "audit_pending"

    event_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    org_id: Mapped[str] = mapped_column(String(32), index=True)
    at: Mapped[datetime]


def record(
    session: Session,
    event: Event,
    *,
    org_id: str,
    actor_id: str,
    subject_id: str,
    now: datetime,
    case_id: str | None = None,
    details: Details | None = None,
) -> AuditEvent:
    """Add `event` to the session and return it, its id already set; the caller's commit makes it true.

    `details` is a flat map of short codes, ids, hashes, integers and booleans. Raises EventRefused when any value is
    something that the trail does not keep (over 200 characters, not printable ASCII, nested, a malformed id) and
    ValueError on a naive time.
    """
    if now.tzinfo is None:
        raise ValueError("a time without a zone cannot be recorded")
    _check(_ORGANIZATION, "org_id", org_id)
    _check(_IDENTIFIER, "actor_id", actor_id)
    _check(_IDENTIFIER, "subject_id", subject_id)
    if case_id is not None:
        _check(_ORGANIZATION, "case_id", case_id)
    entry = AuditEvent(
        id=new_id(),
        org_id=org_id,
        at=now.astimezone(UTC),
        event=Event(event).value,
        actor_id=actor_id,
        subject_id=subject_id,
        case_id=case_id,
        details=_checked(details or {}),
    )
    session.add_all([entry, AuditPending(event_id=entry.id, org_id=org_id, at=entry.at)])
    return entry


def leaf_bytes(event: AuditEvent) -> bytes:
    """Return the bytes that are hashed for `event`, format "resguardo/audit/v1".

    One JSON object in ASCII without spaces or newline, keys sorted at both levels: actor, at, case, details, event,
    format, id, org, subject. `at` is RFC 3339 in UTC with six decimals and Z; `case` is null when there is none;
    numbers are integers.
    """
    return json.dumps(
        {
            "actor": event.actor_id,
            "at": event.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "case": event.case_id,
            "details": event.details,
            "event": event.event,
            "format": LEAF_FORMAT,
            "id": event.id,
            "org": event.org_id,
            "subject": event.subject_id,
        },
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=True,
        allow_nan=False,
    ).encode("ascii")


def _check(pattern: re.Pattern[str], field: str, untrusted: object) -> None:
    if not isinstance(untrusted, str) or pattern.fullmatch(untrusted) is None:
        raise EventRefused(f"{field} is not an identifier")


def _checked(details: Mapping[str, object]) -> dict[str, Any]:
    if len(details) > MAX_DETAILS:
        raise EventRefused("too many details")
    for key, value in details.items():
        _check(_KEY, "a detail's name", key)
        match value:
            case bool():
                pass
            case int() if abs(value) <= MAX_INTEGER:
                pass
            case str() if _TEXT.fullmatch(value):
                pass
            case _:
                raise EventRefused(f"detail {key} is not a short code, an integer or a boolean")
    return {key: str(value) if isinstance(value, str) else value for key, value in details.items()}
