"""Members of staff: role, team, credentials. Hashes and sealed seeds only; signing in is portal/staff's."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.database import Base, NewId


class Role(StrEnum):
    """What a member of staff is there for; records/policy.py says what each may do."""

    EXECUTIVE = "executive"
    SUPERVISOR = "supervisor"
    COMPLIANCE = "compliance"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"


class Member(Base):
    """One person who signs in to the console."""

    __tablename__ = "members"

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"), index=True)
    team_id: Mapped[str | None] = mapped_column(ForeignKey("teams.id"))
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    role: Mapped[Role] = mapped_column(String(20))
    locale: Mapped[str] = mapped_column(String(10), default="es")
    timezone: Mapped[str | None] = mapped_column(String(40))
    password_hash: Mapped[str] = mapped_column(String(200))
    totp_boxed: Mapped[bytes] = mapped_column(LargeBinary)
    """TOTP seed, sealed by the staff box (table members, row id, column totp_boxed)."""
    totp_last_step: Mapped[int] = mapped_column(default=0)
    """Time step of the last code used: a code works once. Claimed by a conditional UPDATE."""
    failures: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    active: Mapped[bool] = mapped_column(default=True)
    session_epoch: Mapped[int] = mapped_column(default=0)
    """Raised when role, password or activity change: older sessions end at their next request."""
    created_at: Mapped[datetime]
