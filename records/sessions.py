"""Sessions of the console: the row is the authority, the cookie carries a random secret that is stored as its hash.

A session ends after an hour without a request, a day after it began, at sign-out, and at the next request after the
member's role, password or activity changed.
"""

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, String, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from records.errors import RecordsError
from records.people import Member
from storage.database import Base, NewId

SESSION_IDLE = timedelta(hours=1)
SESSION_LIFE = timedelta(hours=24)
TOUCH_EVERY = timedelta(minutes=1)
"""The time of the last request is written this often at most."""


class SessionEnded(RecordsError):
    """The session is unknown, idle too long, too old, signed out, or older than a change of the member."""

    code = "session_ended"


class StaffSession(Base):
    """One browser in which a member signed in."""

    __tablename__ = "staff_sessions"

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"))
    member_id: Mapped[str] = mapped_column(ForeignKey("members.id"), index=True)
    secret_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    epoch: Mapped[int]
    """The member's `session_epoch` at sign-in; another one ends the session."""
    started_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    member: Mapped[Member] = relationship(lazy="joined")

    def lives(self, now: datetime) -> bool:
        """Whether a request may still use this session."""
        in_time = now - self.last_seen_at < SESSION_IDLE and now - self.started_at < SESSION_LIFE
        unchanged = self.member.active and self.member.session_epoch == self.epoch
        return in_time and unchanged and self.ended_at is None


def start_session(session: Session, member: Member, *, now: datetime) -> tuple[StaffSession, str]:
    """Begin a session. Returns the row and the secret for the cookie, which is not stored."""
    secret = secrets.token_urlsafe(32)
    row = StaffSession(
        org_id=member.org_id,
        member=member,
        secret_sha256=_hashed(secret),
        epoch=member.session_epoch,
        started_at=now,
        last_seen_at=now,
    )
    session.add(row)
    session.flush()
    return row, secret


def live_session(session: Session, untrusted_secret: str, *, now: datetime) -> StaffSession:
    """Return the living session behind a cookie, with its member. Raises SessionEnded."""
    row = session.scalars(select(StaffSession).where(StaffSession.secret_sha256 == _hashed(untrusted_secret))).first()
    if row is None or not row.lives(now):
        raise SessionEnded("no session")
    return row


def needs_touch(row: StaffSession, now: datetime) -> bool:
    """Whether the time of the last request should be written now."""
    return now - row.last_seen_at >= TOUCH_EVERY


def touch(session: Session, session_id: str, *, now: datetime) -> None:
    """Note that the session is in use; an ended one stays ended."""
    session.execute(
        update(StaffSession)
        .where(StaffSession.id == session_id, StaffSession.ended_at.is_(None), StaffSession.last_seen_at < now)
        .values(last_seen_at=now)
        .execution_options(synchronize_session=False)
    )


def _hashed(untrusted_secret: str) -> str:
    return hashlib.sha256(untrusted_secret.encode("utf-8", "surrogatepass")).hexdigest()
