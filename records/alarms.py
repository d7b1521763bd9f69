"""Alarms: what a person of the company must look at because messages do not go out as they should.

One row for each cause: the same cause again counts up, and opens it again when it was closed. No personal data.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from audit import Event, record
from storage.database import Base, NewId, insert_into, new_id

ACTOR = "courier"


class AlarmKind(StrEnum):
    """What is wrong."""

    SENDER = "sender"  # a number was stopped: token, permission, registration, payment
    ACCOUNT = "account"  # the channel restricted the account or warns of it
    LIMIT = "limit"  # the limit of new conversations, or the quality of a number, went down
    SPAM = "spam"  # the channel took us for spam
    TEMPLATE = "template"  # a template is missing, rejected, paused or disabled
    CATEGORY = "category"  # a template became MARKETING
    BUG = "bug"  # the channel does not understand what we send
    CONTACT = "contact"  # an address may have a new owner
    SECURITY = "security"  # somebody changed the account's security
    INTEGRATION = "integration"  # a webhook or connector was disabled: gone, or failing for days
    MEDIA = "media"  # a file that a customer sent into the chat could not be deleted


class Alarm(Base):
    """One cause. `subject` is an id or a name of ours: a sender, a template, a case."""

    __tablename__ = "alarms"
    __table_args__ = (UniqueConstraint("org_id", "kind", "subject", "code"),)

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"))
    kind: Mapped[AlarmKind] = mapped_column(String(20))
    subject: Mapped[str] = mapped_column(String(200))
    code: Mapped[str] = mapped_column(String(60))
    raised_at: Mapped[datetime]
    last_at: Mapped[datetime]
    times: Mapped[int] = mapped_column(default=1)
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(String(32))


def raise_alarm(session: Session, kind: AlarmKind, *, org_id: str, subject: str, code: str, now: datetime) -> None:
    """Tell the people of the company, once for each cause until somebody closes it."""
    which = {"org_id": org_id, "kind": kind, "subject": subject[:200], "code": code[:60]}
    fresh = insert_into(session, Alarm).values(id=new_id(), **which, raised_at=now, last_at=now, times=0)
    session.execute(fresh.on_conflict_do_nothing(index_elements=list(which)))
    alarm = session.scalars(select(Alarm).filter_by(**which).with_for_update()).one()
    new = alarm.times == 0 or alarm.closed_at is not None
    alarm.raised_at, alarm.times = (now, 1) if new else (alarm.raised_at, alarm.times + 1)
    alarm.last_at, alarm.closed_at, alarm.closed_by = now, None, None
    if new:
        _note(session, Event.COURIER_ALARM_RAISED, ACTOR, alarm, now)


def close_alarm(session: Session, alarm: Alarm, *, event: Event, actor_id: str, now: datetime) -> None:
    """Note that somebody took care of it; a second time changes nothing."""
    if alarm.closed_at is None:
        alarm.closed_at, alarm.closed_by = now, actor_id
        _note(session, event, actor_id, alarm, now)


def settle_alarms(session: Session, kind: AlarmKind, *, org_id: str, subject: str, now: datetime) -> None:
    """Close what the channel itself says is over."""
    wanted = select(Alarm).where(
        Alarm.org_id == org_id, Alarm.kind == kind, Alarm.subject == subject[:200], Alarm.closed_at.is_(None)
    )
    for alarm in session.scalars(wanted.order_by(Alarm.id).with_for_update()):
        close_alarm(session, alarm, event=Event.COURIER_ALARM_SETTLED, actor_id=ACTOR, now=now)


def _note(session: Session, event: Event, actor_id: str, alarm: Alarm, now: datetime) -> None:
    record(
        session,
        event,
        org_id=alarm.org_id,
        actor_id=actor_id,
        subject_id=alarm.id,
        now=now,
        details={"kind": AlarmKind(alarm.kind).value, "code": alarm.code},
    )


def open_alarms(session: Session, org_id: str | None = None) -> int:
    """Count the alarms that nobody has closed, of one organization or of all."""
    wanted = select(func.count()).where(Alarm.closed_at.is_(None))
    return session.scalar(wanted if org_id is None else wanted.where(Alarm.org_id == org_id)) or 0
