"""Heartbeats: workers have no HTTP, so each role writes when it last went round. Readiness reads them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import String
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.database import Base

HEARTBEAT_LIFE = timedelta(seconds=30)
"""A role that said nothing for so long is away."""
INSPECTOR = "inspector"


class InspectionState(StrEnum):
    """Whether files are being examined: AWAY no scanner or no inspector answers, STALE its signatures are too old."""

    OK = "ok"
    STALE = "stale"
    AWAY = "away"


class Heartbeat(Base):
    """The last sign of life of one worker role, and what it says about the parts it needs (clamd, KMS, store)."""

    __tablename__ = "heartbeats"

    role: Mapped[str] = mapped_column(String(20), primary_key=True)
    at: Mapped[datetime]
    details: Mapped[dict[str, str]]


def beat(session: Session, role: str, *, now: datetime, details: dict[str, str]) -> None:
    """Write the sign of life of `role`."""
    session.merge(Heartbeat(role=role, at=now, details=details))


def inspection_state(details: Mapping[str, str]) -> InspectionState:
    """Return what the inspector says of its scanner; whatever is not understood means away."""
    try:
        return InspectionState(details.get("scanner", ""))
    except ValueError:
        return InspectionState.AWAY


def inspection(session: Session, *, now: datetime) -> InspectionState:
    """Return whether files are being examined now."""
    found = session.get(Heartbeat, INSPECTOR)
    if found is None or now - found.at > HEARTBEAT_LIFE:
        return InspectionState.AWAY
    return inspection_state(found.details)
