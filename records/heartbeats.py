"""Heartbeats: workers have no HTTP, so each role writes when it last went round. Readiness reads them."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage.database import Base


class Heartbeat(Base):
    """The last sign of life of one worker role, and what it says about the parts it needs (clamd, KMS, store)."""

    __tablename__ = "heartbeats"

    role: Mapped[str] = mapped_column(String(20), primary_key=True)
    at: Mapped[datetime]
    details: Mapped[dict[str, str]]


def beat(session: Session, role: str, *, now: datetime, details: dict[str, str]) -> None:
    """Write the sign of life of `role`."""
    session.merge(Heartbeat(role=role, at=now, details=details))
