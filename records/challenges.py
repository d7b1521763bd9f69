"""One-time codes: the second factor of a link whose requirement template asks for it.

A challenge is one code, sent to the address on file and good for one visit: 10 minutes, 5 tries, once. The code itself
is derived from the challenge's id (intake/codes.py) and stored nowhere. Rules: a try is claimed before anything is
compared; wrong codes in a row lock the request until a person of the company gives the link anew; the row is due until
the courier has queued its message. It protects against forwarded links, not against whoever holds the phone.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from audit import Event, record
from records.errors import CodeLocked, LinkClosed, TooManyCodes
from records.links import Visit, may_go_on
from records.requests import DocumentRequest
from storage.database import Base, NewId
from storage.due import Due

LIFE = timedelta(minutes=10)
MAX_TRIES = 5
MAX_FAILURES = 20
"""Wrong codes in a row for one request; ASVS 6.6.3 and SP 800-63B allow at most 100."""
AGAIN_AFTER = timedelta(seconds=30)
CODES_AN_HOUR = 6
CODES_A_DAY = 12


class CodeChallenge(Due, Base):
    """One code for one visit. `due_at` asks the courier to send it."""

    __tablename__ = "code_challenges"

    id: Mapped[NewId]
    request_id: Mapped[str] = mapped_column(ForeignKey("document_requests.id"), index=True)
    link_id: Mapped[str] = mapped_column(ForeignKey("upload_links.id"))
    visit_id: Mapped[str] = mapped_column(ForeignKey("visits.id"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(default=0)
    message_id: Mapped[str | None] = mapped_column(ForeignKey("messages.id"), index=True)
    """What carries it, once the courier has queued that."""
    ended_at: Mapped[datetime | None]
    """When it was used, or replaced by a newer one."""

    def is_open(self, now: datetime) -> bool:
        """Whether the right code would still be taken."""
        return self.ended_at is None and self.tries < MAX_TRIES and now < self.expires_at


class Answer(StrEnum):
    """What became of a typed code."""

    RIGHT = "right"
    WRONG = "wrong"
    SPENT = "spent"
    LOCKED = "locked"


def ask_for_code(session: Session, visit: Visit, *, now: datetime) -> CodeChallenge:
    """Make a fresh code for a visit; its older ones end. The courier sends it.

    Raises TooManyCodes when codes of this request went out too fast or too often, CodeLocked after too many failures.
    """
    request = _locked_request(session, visit)
    if request.code_failures >= MAX_FAILURES:
        raise CodeLocked(f"request {request.id}")
    _demand_room(session, request.id, visit.id, now)
    session.execute(
        update(CodeChallenge)
        .where(CodeChallenge.visit_id == visit.id, CodeChallenge.ended_at.is_(None))
        .values(ended_at=now)
        .execution_options(synchronize_session="fetch")
    )
    challenge = CodeChallenge(
        request_id=request.id,
        link_id=visit.link_id,
        visit_id=visit.id,
        created_at=now,
        expires_at=now + LIFE,
        due_at=now,
    )
    session.add(challenge)
    session.flush()
    _note(session, Event.CUSTOMER_CODE_REQUESTED, visit, challenge.id, now)
    return challenge


def answer(
    session: Session, visit_id: str, *, is_right: Callable[[str], bool], cookie_sha256: str, now: datetime
) -> Answer:
    """Take a typed code; the right one confirms the visit, whose browser gets a new secret.

    `is_right` compares it with the code of a challenge id, in constant time. The caller commits whatever comes back: a
    wrong try counts. Raises LinkClosed when the visit ended meanwhile.
    """
    visit = session.get(Visit, visit_id, populate_existing=True)
    if visit is None or visit.confirmed_at is not None or not may_go_on(session, visit, now):
        raise LinkClosed("no visit waits for a code")
    request = _locked_request(session, visit)
    challenge = newest_challenge(session, visit.id)
    if request.code_failures >= MAX_FAILURES:
        return Answer.LOCKED
    if challenge is None or not _claim_try(session, challenge.id, now):
        return Answer.SPENT
    if not is_right(challenge.id):
        return _count_failure(session, visit, request, challenge, now)
    challenge.ended_at, request.code_failures = now, 0
    visit.confirmed_at, visit.cookie_sha256 = now, cookie_sha256
    _note(session, Event.CUSTOMER_CODE_CONFIRMED, visit, challenge.id, now)
    return Answer.RIGHT


def newest_challenge(session: Session, visit_id: str) -> CodeChallenge | None:
    """Return the code that a visit was sent last."""
    wanted = select(CodeChallenge).where(CodeChallenge.visit_id == visit_id)
    return session.scalars(wanted.order_by(CodeChallenge.created_at.desc()).limit(1)).first()


def challenge_of(session: Session, message_id: str) -> CodeChallenge | None:
    """Return the challenge whose code a message carries."""
    return session.scalars(select(CodeChallenge).where(CodeChallenge.message_id == message_id)).first()


def is_locked(session: Session, request_id: str) -> bool:
    """Whether too many wrong codes in a row were typed for a request."""
    failures = session.scalar(select(DocumentRequest.code_failures).where(DocumentRequest.id == request_id))
    return failures is None or failures >= MAX_FAILURES


def _locked_request(session: Session, visit: Visit) -> DocumentRequest:
    """Return the request behind its row lock: whoever counts or sends for one request waits in line."""
    wanted = select(DocumentRequest).where(DocumentRequest.id == visit.link.request_id)
    return session.scalars(wanted.with_for_update().execution_options(populate_existing=True)).one()


def _claim_try(session: Session, challenge_id: str, now: datetime) -> bool:
    claimed: Any = session.execute(
        update(CodeChallenge)
        .where(
            CodeChallenge.id == challenge_id,
            CodeChallenge.tries < MAX_TRIES,
            CodeChallenge.ended_at.is_(None),
            CodeChallenge.expires_at > now,
        )
        .values(tries=CodeChallenge.tries + 1)
        .execution_options(synchronize_session="fetch")
    )
    return bool(claimed.rowcount == 1)


def _count_failure(
    session: Session, visit: Visit, request: DocumentRequest, challenge: CodeChallenge, now: datetime
) -> Answer:
    request.code_failures += 1
    _note(session, Event.CUSTOMER_CODE_REFUSED, visit, challenge.id, now)
    if request.code_failures < MAX_FAILURES:
        return Answer.WRONG
    _note(session, Event.CUSTOMER_CODE_LOCKED, visit, request.id, now)
    return Answer.LOCKED


def _demand_room(session: Session, request_id: str, visit_id: str, now: datetime) -> None:
    made = select(func.count()).where(CodeChallenge.request_id == request_id)
    hour = session.scalar(made.where(CodeChallenge.created_at > now - timedelta(hours=1))) or 0
    day = session.scalar(made.where(CodeChallenge.created_at > now - timedelta(days=1))) or 0
    newest = newest_challenge(session, visit_id)
    too_soon = newest is not None and now - newest.created_at < AGAIN_AFTER
    if too_soon or hour >= CODES_AN_HOUR or day >= CODES_A_DAY:
        raise TooManyCodes(f"request {request_id}")


def _note(session: Session, event: Event, visit: Visit, subject_id: str, now: datetime) -> None:
    record(
        session,
        event,
        org_id=visit.link.org_id,
        actor_id=visit.link_id,
        subject_id=subject_id,
        case_id=visit.link.case_id,
        details={"visit": visit.id},
        now=now,
    )
