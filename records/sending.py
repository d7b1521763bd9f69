"""The state of a company's sending, for its administrators: numbers, what stops them, limits and alarms."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audit import Event
from records import alarms, breakers
from records.alarms import Alarm
from records.breakers import Breaker, Scope
from records.budgets import STARTING_LIMIT, Budget, used_today
from records.errors import NotFound, WrongState
from records.messages import Message, MessageState
from records.people import Member
from records.policy import Action, require
from records.senders import WhatsAppSender


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """One number that messages leave from."""

    id: str
    phone_number_id: str
    team_id: str | None
    stops: tuple[Breaker, ...]
    daily_limit: int | None
    """People a day that may be written to first; missing: unlimited."""
    used: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """Everything that an administrator looks at when messages do not arrive."""

    numbers: tuple[Number, ...]
    templates: tuple[Breaker, ...]
    people: tuple[Breaker, ...]
    """Those that only a person ends, or that last: short pauses are not worth a look."""
    alarms: tuple[Alarm, ...]
    held: dict[str, int]
    """Messages that wait behind each breaker."""


def state_of_sending(session: Session, member: Member, *, now: datetime) -> Sending:
    """Return numbers, breakers, limits and alarms of the member's company. Raises Forbidden."""
    require(member, Action.ADMINISTER)
    org_id = member.org_id
    stopped = select(Breaker).where(Breaker.org_id == org_id, Breaker.closed_at.is_(None))
    stops = [each for each in session.scalars(stopped.order_by(Breaker.opened_at)) if each.is_open(now)]
    raised = select(Alarm).where(Alarm.org_id == org_id, Alarm.closed_at.is_(None)).order_by(Alarm.last_at.desc())
    waiting = (
        select(Message.held_by, func.count())
        .where(Message.org_id == org_id, Message.state == MessageState.QUEUED, Message.held_by.is_not(None))
        .group_by(Message.held_by)
    )
    return Sending(
        numbers=tuple(_numbers(session, org_id, stops, now)),
        templates=tuple(each for each in stops if each.scope == Scope.TEMPLATE),
        people=tuple(each for each in stops if each.scope == Scope.RECIPIENT and each.until is None),
        alarms=tuple(session.scalars(raised)),
        held={str(held_by): number for held_by, number in session.execute(waiting)},
    )


def _numbers(session: Session, org_id: str, stops: list[Breaker], now: datetime) -> list[Number]:
    budgets = {each.portfolio: each for each in session.scalars(select(Budget).where(Budget.org_id == org_id))}
    rows = session.execute(
        select(
            WhatsAppSender.id,
            WhatsAppSender.phone_number_id,
            WhatsAppSender.waba_id,
            WhatsAppSender.team_id,
            WhatsAppSender.portfolio,
        )
        .where(WhatsAppSender.org_id == org_id)
        .order_by(WhatsAppSender.priority, WhatsAppSender.id)
    )
    found = []
    for row in rows:
        budget = budgets.get(row.portfolio or row.waba_id)
        found.append(
            Number(
                id=row.id,
                phone_number_id=row.phone_number_id,
                team_id=row.team_id,
                stops=tuple(each for each in stops if each.scope == Scope.SENDER and each.key == row.id),
                daily_limit=budget.daily_limit if budget is not None else STARTING_LIMIT,
                used=used_today(session, budget, now=now) if budget is not None else 0,
            )
        )
    return found


def close_breaker(session: Session, member: Member, breaker_id: str, *, now: datetime) -> None:
    """Let through again what was stopped; what waited goes at once. Raises Forbidden, NotFound, WrongState."""
    require(member, Action.ADMINISTER)
    breaker = session.get(Breaker, breaker_id)
    if breaker is None or breaker.org_id != member.org_id:
        raise NotFound(f"breaker {breaker_id}")
    if not breaker.is_open(now):
        raise WrongState(f"breaker {breaker_id} is closed")
    breakers.close(session, [breaker], event=Event.STAFF_BREAKER_CLOSED, actor_id=member.id, now=now)


def close_alarm(session: Session, member: Member, alarm_id: str, *, now: datetime) -> None:
    """Note that somebody took care of it. Raises Forbidden, NotFound."""
    require(member, Action.ADMINISTER)
    alarm = session.get(Alarm, alarm_id, with_for_update=True)
    if alarm is None or alarm.org_id != member.org_id:
        raise NotFound(f"alarm {alarm_id}")
    alarms.close_alarm(session, alarm, event=Event.STAFF_ALARM_CLOSED, actor_id=member.id, now=now)
