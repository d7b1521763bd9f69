"""Upload links and visits. The row is the authority for expiry, revocation, scope and quotas; the token is derived.

A link's id is public knowledge inside the system; the secret is the signature over it, which is stored nowhere.
An expired or superseded link takes no new activation, while its live visits finish; a revoked one stops everything.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, ForeignKey, String, func, select, update
from sqlalchemy.orm import Mapped, Session, contains_eager, mapped_column, relationship

from records.checkcodes import new_check_code
from records.errors import CodeNeeded, LinkClosed, TooManyVisits
from records.requests import OPEN_SLOTS, DocumentRequest, RequestState
from storage.database import Base, NewId

VISIT_LIFE = timedelta(hours=2)
VISIT_IDLE = timedelta(minutes=30)
REUSE_LEFT = timedelta(hours=48)
"""A reminder reuses the open link while this much of its life remains."""
MAX_FILES = 60
MAX_BYTES = 2 * 1024**3
MAX_ATTEMPTS = 240
"""Uploads opened through a link, whatever became of them."""
MAX_ACTIVATIONS = 200
"""A link that was opened so often is closed; the next message brings a new one."""
VISITS_AN_HOUR = 20
"""More visits than a family opens, fewer than fill a disk."""


class UploadLink(Base):
    """The right to add documents to one request until `expires_at`; it never gives the right to read."""

    __tablename__ = "upload_links"

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"), index=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), index=True)
    request_id: Mapped[str] = mapped_column(ForeignKey("document_requests.id"), index=True)
    party_id: Mapped[str] = mapped_column(ForeignKey("parties.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    superseded_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    activations: Mapped[int] = mapped_column(default=0)
    used_files: Mapped[int] = mapped_column(default=0)
    used_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    max_files: Mapped[int] = mapped_column(default=MAX_FILES)
    used_attempts: Mapped[int] = mapped_column(default=0)
    max_bytes: Mapped[int] = mapped_column(BigInteger, default=MAX_BYTES)
    max_attempts: Mapped[int] = mapped_column(default=MAX_ATTEMPTS)
    check_code: Mapped[str] = mapped_column(String(8), default=new_check_code, unique=True, index=True)
    """By which its message is told from a forged one; see records/checking.py."""
    request: Mapped[DocumentRequest] = relationship()

    def accepts_activation(self, now: datetime) -> bool:
        """Whether the button on the landing page may open a visit."""
        open_link = self.revoked_at is None and self.superseded_at is None and now < self.expires_at
        return open_link and self.activations < MAX_ACTIVATIONS and self.request.state != RequestState.CANCELLED

    def has_room(self) -> bool:
        """Whether what is still missing fits into what is left of the quota (a fresh link always has room)."""
        missing = [slot.requirement.max_bytes() for slot in self.request.slots if slot.state in OPEN_SLOTS]
        files, size = min(len(missing), self.max_files // 2), min(sum(missing), self.max_bytes // 2)
        tries = self.max_attempts - self.used_attempts >= files
        return tries and self.max_files - self.used_files >= files and self.max_bytes - self.used_bytes >= size


class Visit(Base):
    """One browser that activated a link. The cookie's secret is stored only as SHA-256."""

    __tablename__ = "visits"

    id: Mapped[NewId]
    link_id: Mapped[str] = mapped_column(ForeignKey("upload_links.id"), index=True)
    link: Mapped[UploadLink] = relationship(lazy="joined")
    cookie_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    locale: Mapped[str] = mapped_column(String(10))
    started_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    """When its one-time code was typed, or when it began if none is asked. Until then it may do nothing."""


class NoticeAcceptance(Base):
    """Proof that a version of the privacy notice was accepted, through which link and when, before the first byte."""

    __tablename__ = "notice_acceptances"

    id: Mapped[NewId]
    notice_id: Mapped[str] = mapped_column(ForeignKey("privacy_notices.id"))
    link_id: Mapped[str] = mapped_column(ForeignKey("upload_links.id"), index=True)
    visit_id: Mapped[str] = mapped_column(ForeignKey("visits.id"))
    accepted_at: Mapped[datetime]


def issue(session: Session, request: DocumentRequest, *, now: datetime) -> UploadLink:
    """Return the request's open link while 48 h and room remain, else a new one that supersedes the older."""
    newest = newest_link(session, request.id)
    reusable = newest is not None and newest.accepts_activation(now) and newest.has_room()
    if newest is not None and reusable and newest.expires_at - now >= REUSE_LEFT:
        return newest
    session.execute(
        update(UploadLink)
        .where(UploadLink.request_id == request.id, UploadLink.superseded_at.is_(None))
        .values(superseded_at=now)
    )
    life = timedelta(days=request.template.link_days)
    link = UploadLink(
        org_id=request.org_id,
        case_id=request.case_id,
        request=request,
        party_id=request.party_id,
        created_at=now,
        expires_at=now + life if now + life > request.expires_at else request.expires_at,
    )
    session.add(link)
    session.flush()
    return link


def newest_link(session: Session, request_id: str) -> UploadLink | None:
    """Return the link issued last for a request."""
    return session.scalars(
        select(UploadLink).where(UploadLink.request_id == request_id).order_by(UploadLink.created_at.desc()).limit(1)
    ).first()


def activate(
    session: Session, *, link_id: str, cookie_sha256: str, notice_id: str, locale: str, now: datetime
) -> Visit:
    """Open a visit and record the accepted notice.

    Raises LinkClosed for every kind of closed or unknown link, TooManyVisits when it was opened too often this hour.
    """
    link = session.get(UploadLink, link_id)
    if link is None or not link.accepts_activation(now):
        raise LinkClosed("no activation")
    _claim_visit(session, link, now)
    visit = Visit(
        link=link,
        cookie_sha256=cookie_sha256,
        locale=locale,
        started_at=now,
        last_seen_at=now,
        ends_at=now + VISIT_LIFE,
        confirmed_at=None if link.request.template.second_factor else now,
    )
    session.add(visit)
    session.flush()
    session.add(NoticeAcceptance(notice_id=notice_id, link_id=link.id, visit_id=visit.id, accepted_at=now))
    if link.request.state == RequestState.REQUESTED:
        link.request.opened()
        link.request.case.updated_at = now
    return visit


def _claim_visit(session: Session, link: UploadLink, now: datetime) -> None:
    claimed: Any = session.execute(
        update(UploadLink)
        .where(UploadLink.id == link.id, UploadLink.activations < MAX_ACTIVATIONS)
        .values(activations=UploadLink.activations + 1)
        .execution_options(synchronize_session="fetch")
    )
    if claimed.rowcount != 1:
        raise LinkClosed("opened too often")
    recent = select(func.count()).where(Visit.link_id == link.id, Visit.started_at > now - timedelta(hours=1))
    if (session.scalar(recent) or 0) >= VISITS_AN_HOUR:
        raise TooManyVisits(f"link {link.id}")


def live_visit(session: Session, *, cookie_sha256: str, now: datetime) -> Visit:
    """Return the visit behind a cookie while it lives and its link is not revoked.

    Raises LinkClosed, and CodeNeeded for one that waits for its code.
    """
    visit = _living(session, Visit.cookie_sha256 == cookie_sha256, now)
    if visit.confirmed_at is None:
        raise CodeNeeded(f"visit {visit.id}")
    return visit


def waiting_visit(session: Session, *, cookie_sha256: str, now: datetime) -> Visit:
    """Return the living visit behind a cookie that waits for its code. Raises LinkClosed."""
    visit = _living(session, Visit.cookie_sha256 == cookie_sha256, now)
    if visit.confirmed_at is not None:
        raise LinkClosed("no visit waits")
    return visit


def living_visit(session: Session, visit_id: str, now: datetime) -> Visit:
    """Return a visit that may send, as the database has it now. Raises LinkClosed, also while it waits for its code."""
    visit = _living(session, Visit.id == visit_id, now)
    if visit.confirmed_at is None:
        raise LinkClosed("no visit")
    return visit


def may_go_on(session: Session, visit: Visit, now: datetime) -> bool:
    """Whether a visit has not ended: revocation and cancellation stop it at once, expiry of the link lets it finish."""
    state = session.scalar(select(DocumentRequest.state).where(DocumentRequest.id == visit.link.request_id))
    return state is not None and _goes_on(visit, state, now)


def _goes_on(visit: Visit, state: RequestState, now: datetime) -> bool:
    in_time = now < visit.ends_at and now - visit.last_seen_at < VISIT_IDLE
    return in_time and visit.link.revoked_at is None and state != RequestState.CANCELLED


def _living(session: Session, which: ColumnElement[bool], now: datetime) -> Visit:
    """Return a visit that may go on. Asked at every request and every slice: one statement."""
    found = session.execute(
        select(Visit, DocumentRequest.state)
        .join(Visit.link)
        .join(UploadLink.request)
        .options(contains_eager(Visit.link))
        .where(which)
        .execution_options(populate_existing=True)
    ).first()
    if found is None or not _goes_on(*found, now):
        raise LinkClosed("no visit")
    return found[0]


def revoke(session: Session, link: UploadLink, *, now: datetime) -> None:
    """Stop everything through this link before its next acknowledgement."""
    if link.revoked_at is None:
        link.revoked_at = now
        session.flush()


def is_stale(session: Session, visit_id: str, *, now: datetime, after: timedelta) -> bool:
    """Whether a visit was last noted longer ago than `after`: noting it at every request would be a write each."""
    visit = session.get(Visit, visit_id)
    return visit is not None and now - visit.last_seen_at > after


def touch(session: Session, visit_id: str, *, now: datetime) -> None:
    """Note that a visit is being used."""
    session.execute(update(Visit).where(Visit.id == visit_id, Visit.last_seen_at < now).values(last_seen_at=now))


def end_visit(session: Session, visit_id: str, *, now: datetime) -> None:
    """End a visit: its cookie is worth nothing from now on."""
    session.execute(update(Visit).where(Visit.id == visit_id, Visit.ends_at > now).values(ends_at=now))
