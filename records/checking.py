"""Answering "is this link authentic?": who asks, since when, for how much, and the word that both sides know.

Rules: unknown, expired, revoked and replaced codes get one answer, by one query; a guess is claimed before it is looked
up and given back only when it was right; nothing about the person comes out.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import String, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from records.checkcodes import grouped, read_check_code
from records.errors import TooManyChecks
from records.links import MAX_ACTIVATIONS, UploadLink
from records.requests import DocumentRequest, RequestState, Slot
from storage.database import Base

PREFIX = 2
"""Characters that pick the counter of a guess: 1024 counters."""
MAX_WRONG = 5
"""Wrong codes an hour that begin alike: 5120 an hour at most, against 2^40 codes, whoever guesses from wherever."""
KEEP = timedelta(days=1)


class CheckWindow(Base):
    """How many wrong codes with one beginning were typed in one hour."""

    __tablename__ = "check_windows"

    prefix: Mapped[str] = mapped_column(String(PREFIX), primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    wrong: Mapped[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Authentic:
    """What a code proves."""

    org_id: str
    code: str
    """Grouped, as the message shows it."""
    since: datetime
    until: datetime
    documents: int
    """How many are asked for."""
    known_word: str | None


def check_code(session: Session, untrusted_code: str, *, now: datetime) -> Authentic | None:
    """Return what a typed code proves, None for every kind of code that proves nothing. The caller commits either way.

    Raises TooManyChecks when too many wrong codes that begin alike were typed this hour.
    """
    code = read_check_code(untrusted_code)
    if code is None:
        return None
    hour = now.replace(minute=0, second=0, microsecond=0)
    _claim(session, code[:PREFIX], hour)
    found = session.scalars(
        select(UploadLink)
        .join(DocumentRequest, DocumentRequest.id == UploadLink.request_id)
        .where(
            UploadLink.check_code == code,
            UploadLink.revoked_at.is_(None),
            UploadLink.superseded_at.is_(None),
            UploadLink.expires_at > now,
            UploadLink.activations < MAX_ACTIVATIONS,
            DocumentRequest.state != RequestState.CANCELLED,
        )
    ).first()
    if found is None:
        return None
    _give_back(session, code[:PREFIX], hour)
    return authentic(session, found)


def authentic(session: Session, link: UploadLink) -> Authentic:
    """Return what may be told of an open link."""
    asked = select(func.count(Slot.requirement_id.distinct())).where(Slot.request_id == link.request_id)
    return Authentic(
        org_id=link.org_id,
        code=grouped(link.check_code),
        since=link.created_at,
        until=link.expires_at,
        documents=session.scalar(asked) or 0,
        known_word=link.request.known_word,
    )


def _claim(session: Session, prefix: str, hour: datetime) -> None:
    session.execute(delete(CheckWindow).where(CheckWindow.hour < hour - KEEP))
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    claimed = session.execute(
        insert(CheckWindow)
        .values(prefix=prefix, hour=hour, wrong=1)
        .on_conflict_do_update(
            index_elements=["prefix", "hour"],
            set_={"wrong": CheckWindow.wrong + 1},
            where=CheckWindow.wrong < MAX_WRONG,
        )
        .returning(CheckWindow.wrong)
    )
    if claimed.first() is None:
        raise TooManyChecks(prefix)


def _give_back(session: Session, prefix: str, hour: datetime) -> None:
    session.execute(
        update(CheckWindow)
        .where(CheckWindow.prefix == prefix, CheckWindow.hour == hour, CheckWindow.wrong > 0)
        .values(wrong=CheckWindow.wrong - 1)
        .execution_options(synchronize_session=False)
    )
