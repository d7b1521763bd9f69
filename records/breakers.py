"""Circuit breakers: numbers, templates and people to whom nothing is sent for a while, or until somebody says so.

One row for each reason, so that the end of one reason leaves the others standing. Rows survive restarts and hold for
every courier. A person is keyed by a hash: no phone stands here, which is order, not secrecy (the contact's own row
stands in the same database). Locks are taken in the order message, breaker.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ForeignKey, String, UniqueConstraint, and_, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from audit import Event, record
from records.cases import Party
from records.messages import Message, MessageState
from records.optouts import address_key
from storage.database import Base, NewId, insert_into, new_id

ACTOR = "courier"
CALM = timedelta(minutes=10)
"""A pause that begins so long after the last one counts as the first again."""
LONGEST_PAUSE = timedelta(seconds=4**4)
WAKE = 10_000
"""Messages that closing a breaker makes due at once; what is more wakes by itself."""


class Scope(StrEnum):
    """What is stopped."""

    SENDER = "sender"
    TEMPLATE = "template"
    RECIPIENT = "recipient"


class Breaker(Base):
    """One thing that is stopped for one reason: open while `closed_at` is missing and `until` has not come."""

    __tablename__ = "breakers"
    __table_args__ = (UniqueConstraint("org_id", "scope", "key", "reason"),)

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"))
    scope: Mapped[Scope] = mapped_column(String(10))
    key: Mapped[str] = mapped_column(String(260))
    """Id of the sender; `account/name/language` of a template; hash of a person's address."""
    reason: Mapped[str] = mapped_column(String(40))
    """The channel's code, or the field of the webhook that opened it."""
    opened_at: Mapped[datetime]
    until: Mapped[datetime | None]
    """Missing: until a person or a webhook closes it."""
    failures: Mapped[int] = mapped_column(default=1)
    """Pauses in a row, for those that grow."""
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(String(32))

    def is_open(self, now: datetime) -> bool:
        """Whether it stops anything now."""
        return self.closed_at is None and (self.until is None or self.until > now)


def template_key(waba_id: str, name: str, language: str) -> str:
    """Return the key of a template."""
    return f"{waba_id}/{name}/{language}"


def recipient_key(party: Party) -> str:
    """Return the key of a person's WhatsApp address in one company."""
    return hashed_address(party.org_id, party.phone or party.bsuid or "")


def hashed_address(org_id: str, address: str) -> str:
    """Return the key of a phone number or business-scoped user id, in whatever spelling."""
    return hashlib.sha256(f"{org_id}:{address_key(address)}".encode()).hexdigest()


def open_breaker(
    session: Session, scope: Scope, key: str, *, org_id: str, reason: str, until: datetime | None, now: datetime
) -> None:
    """Stop something, or keep it stopped at least until then. The trail tells when it newly stops."""
    breaker = _locked(session, scope, key, org_id, reason, now)
    if breaker.is_open(now):
        longer = breaker.until is not None and (until is None or until > breaker.until)
        breaker.until = until if longer else breaker.until
        return
    breaker.opened_at, breaker.until, breaker.failures = now, until, 1
    breaker.closed_at = breaker.closed_by = None
    _note(session, Event.COURIER_BREAKER_OPENED, ACTOR, breaker, now)


def pause(
    session: Session,
    scope: Scope,
    key: str,
    *,
    org_id: str,
    reason: str,
    jitter: float,
    least: timedelta | None,
    now: datetime,
) -> datetime:
    """Stop something that was too fast, each time in a row four times as long; return until when.

    Refusals that arrive while it is paused already are of one burst and count once.
    """
    breaker = _locked(session, scope, key, org_id, reason, now)
    if not breaker.is_open(now):
        again = breaker.until is not None and now - breaker.until < CALM and breaker.closed_at is None
        breaker.failures = breaker.failures + 1 if again else 1
        breaker.opened_at, breaker.closed_at, breaker.closed_by = now, None, None
        wait = min(timedelta(seconds=4 ** (min(breaker.failures, 6) - 1)), LONGEST_PAUSE) * (1 + jitter / 2)
        breaker.until = now + max(wait, least or wait)
    elif least is not None and breaker.until is not None:
        breaker.until = max(breaker.until, now + least)
    return breaker.until or now + LONGEST_PAUSE


def open_among(session: Session, org_id: str, scope: Scope, keys: Iterable[str], now: datetime) -> list[Breaker]:
    """Return what stops any of these, the longest last."""
    wanted = select(Breaker).where(
        Breaker.org_id == org_id,
        Breaker.scope == scope,
        Breaker.key.in_(list(keys)),
        Breaker.closed_at.is_(None),
        or_(Breaker.until.is_(None), Breaker.until > now),
    )
    return sorted(session.scalars(wanted), key=lambda each: (each.until is None, each.until or each.opened_at))


def close(session: Session, breakers: Iterable[Breaker], *, event: Event, actor_id: str, now: datetime) -> None:
    """Let these through again, and make due at once what they held."""
    for known in sorted(breakers, key=lambda each: each.id):
        wake(session, known.id, now)
        breaker = session.get_one(Breaker, known.id, with_for_update=True, populate_existing=True)
        if breaker.is_open(now):
            breaker.closed_at, breaker.closed_by = now, actor_id
            _note(session, event, actor_id, breaker, now)


def close_for(
    session: Session, scope: Scope, key: str, *, org_id: str, reasons: Iterable[str] | None = None, now: datetime
) -> None:
    """Let something through again because the channel says so; without `reasons` whatever stopped it."""
    known = open_among(session, org_id, scope, [key], now)
    wanted = [each for each in known if reasons is None or each.reason in tuple(reasons)]
    close(session, wanted, event=Event.COURIER_BREAKER_CLOSED, actor_id=ACTOR, now=now)


def wake(session: Session, held_by: str, now: datetime) -> None:
    """Make due what waits for this; what somebody works on at this moment wakes by itself."""
    waiting = (
        select(Message.id)
        .where(and_(Message.held_by == held_by, Message.state == MessageState.QUEUED, Message.lease_until.is_(None)))
        .limit(WAKE)
        .with_for_update(skip_locked=True)
    )
    ids = list(session.scalars(waiting))
    for start in range(0, len(ids), 500):
        session.execute(
            update(Message)
            .where(Message.id.in_(ids[start : start + 500]))
            .values(due_at=now)
            .execution_options(synchronize_session=False)
        )


def _locked(session: Session, scope: Scope, key: str, org_id: str, reason: str, now: datetime) -> Breaker:
    """Return the row of this reason behind its lock; a new one is not open yet."""
    which = {"org_id": org_id, "scope": scope, "key": key, "reason": reason[:40]}
    fresh = insert_into(session, Breaker).values(id=new_id(), **which, opened_at=now, until=now, failures=0)
    session.execute(fresh.on_conflict_do_nothing(index_elements=list(which)))
    wanted = select(Breaker).filter_by(**which).with_for_update().execution_options(populate_existing=True)
    return session.scalars(wanted).one()


def _note(session: Session, event: Event, actor_id: str, breaker: Breaker, now: datetime) -> None:
    record(
        session,
        event,
        org_id=breaker.org_id,
        actor_id=actor_id,
        subject_id=breaker.id,
        now=now,
        details={"scope": Scope(breaker.scope).value, "reason": breaker.reason},
    )
