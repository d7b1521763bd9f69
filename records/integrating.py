"""Integrations at the console: who is told CRM events, how that fares, and sending again.

Rules: administrators only, within their organization; what changes something leaves a trace in the same transaction.
Secrets are the command line's business: the console may not even read them sealed. An event is never sent from here:
rows become due, and the courier sends.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, contains_eager

from audit import Event, record
from records.crm.deliveries import CrmDelivery, CrmTry, DeliveryState
from records.crm.events import CrmEvent
from records.crm.subscribers import CrmSubscriber, SubscriberState, locked_subscriber, subscribers_of
from records.crm.types import CrmType
from records.errors import InvalidValue, NotFound, WrongState
from records.people import Member
from records.policy import Action, require

PAGE = 50
MOST_AT_ONCE = 1000
"""Deliveries that one press of the button sends again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilters:
    """What part of the log is shown; None: all of it."""

    subscriber_id: str | None = None
    state: DeliveryState | None = None
    type: CrmType | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """One page of deliveries, newest first. `following` opens the next one."""

    entries: Sequence[CrmDelivery]
    following: str | None


def overview(session: Session, member: Member) -> tuple[Sequence[CrmSubscriber], dict[str, dict[str, int]]]:
    """Return the organization's subscribers, and of each how many deliveries are in which state. Raises Forbidden."""
    require(member, Action.ADMINISTER)
    found = session.execute(
        select(CrmDelivery.subscriber_id, CrmDelivery.state, func.count())
        .where(CrmDelivery.org_id == member.org_id)
        .group_by(CrmDelivery.subscriber_id, CrmDelivery.state)
    )
    counts: dict[str, dict[str, int]] = {}
    for subscriber_id, state, count in found:
        counts.setdefault(subscriber_id, {})[state] = count
    return subscribers_of(session, member.org_id), counts


def log(session: Session, member: Member, *, filters: LogFilters, untrusted_after: str) -> Log:
    """Return a page of the log. Raises Forbidden; InvalidValue for a place that is none."""
    require(member, Action.ADMINISTER)
    wanted = [CrmDelivery.org_id == member.org_id, _before(session, untrusted_after)]
    if filters.subscriber_id is not None:
        wanted.append(CrmDelivery.subscriber_id == filters.subscriber_id)
    if filters.state is not None:
        wanted.append(CrmDelivery.state == filters.state)
    if filters.type is not None:
        wanted.append(CrmEvent.type == filters.type)
    found = session.scalars(
        select(CrmDelivery)
        .join(CrmDelivery.event)
        .join(CrmDelivery.subscriber)
        .options(contains_eager(CrmDelivery.event), contains_eager(CrmDelivery.subscriber))
        .where(*wanted)
        .order_by(CrmEvent.at.desc(), CrmDelivery.id.desc())
        .limit(PAGE + 1)
    ).all()
    return Log(entries=found[:PAGE], following=found[PAGE - 1].id if len(found) > PAGE else None)


def delivery_of(session: Session, member: Member, delivery_id: str) -> tuple[CrmDelivery, Sequence[CrmTry]]:
    """Return one delivery with its event and subscriber, and its tries, oldest first. Raises Forbidden, NotFound."""
    require(member, Action.ADMINISTER)
    found = session.get(CrmDelivery, delivery_id)
    if found is None or found.org_id != member.org_id:
        raise NotFound(f"delivery {delivery_id}")
    session.refresh(found, ["event", "subscriber"])
    tries = session.scalars(select(CrmTry).where(CrmTry.delivery_id == found.id).order_by(CrmTry.number)).all()
    return found, tries


def pause(session: Session, member: Member, subscriber_id: str, *, now: datetime) -> None:
    """Stop sending to a subscriber; what arises waits. Raises Forbidden, NotFound, WrongState."""
    found = _subscriber(session, member, subscriber_id)
    found.pause()
    _trace(session, Event.STAFF_SUBSCRIBER_PAUSED, member, found.id, now, {})


def resume(session: Session, member: Member, subscriber_id: str, *, now: datetime) -> None:
    """Send to a subscriber again, beginning with what waited. Raises Forbidden, NotFound, WrongState."""
    found = _subscriber(session, member, subscriber_id)
    found.resume()
    _trace(session, Event.STAFF_SUBSCRIBER_RESUMED, member, found.id, now, {})


def test(session: Session, member: Member, subscriber_id: str, *, now: datetime) -> None:
    """Let a subscriber get a test event. Raises Forbidden, NotFound; WrongState unless it is active."""
    found = _subscriber(session, member, subscriber_id)
    if found.state != SubscriberState.ACTIVE:
        raise WrongState(f"subscriber {found.id} is {found.state}")
    _trace(session, Event.STAFF_SUBSCRIBER_TESTED, member, found.id, now, {})


def replay(session: Session, member: Member, delivery_id: str, *, now: datetime) -> None:
    """Send one event to its subscriber again, under the same id.

    Raises Forbidden, NotFound; WrongState while it waits anyway.
    """
    found, _ = delivery_of(session, member, delivery_id)
    _subscriber(session, member, found.subscriber_id)
    session.refresh(found, with_for_update=True)
    if found.state == DeliveryState.WAITING:
        raise WrongState(f"delivery {found.id} is {found.state}")
    _again(found, now)
    _trace(session, Event.STAFF_DELIVERY_REPLAYED, member, found.id, now, {"subscriber": found.subscriber_id})


def replay_failed(session: Session, member: Member, subscriber_id: str, *, since: datetime, now: datetime) -> int:
    """Send everything again that failed for good since then, oldest first; how many. Raises Forbidden, NotFound."""
    owner = _subscriber(session, member, subscriber_id)
    failed = session.scalars(
        select(CrmDelivery)
        .join(CrmDelivery.event)
        .where(CrmDelivery.subscriber_id == owner.id, CrmDelivery.state == DeliveryState.FAILED, CrmEvent.at >= since)
        .order_by(CrmEvent.leaf)
        .limit(MOST_AT_ONCE)
        .with_for_update(of=CrmDelivery)
    ).all()
    for number, each in enumerate(failed):
        _again(each, now + timedelta(microseconds=number))
    if failed:
        details = {"subscriber": owner.id, "count": len(failed)}
        _trace(session, Event.STAFF_DELIVERY_REPLAYED, member, owner.id, now, details)
    return len(failed)


def _again(delivery: CrmDelivery, now: datetime) -> None:
    delivery.state, delivery.tries, delivery.ended_at, delivery.due_at = DeliveryState.WAITING, 0, None, now


def _subscriber(session: Session, member: Member, subscriber_id: str) -> CrmSubscriber:
    require(member, Action.ADMINISTER)
    return locked_subscriber(session, org_id=member.org_id, subscriber_id=subscriber_id)


def _before(session: Session, untrusted_after: str) -> Any:
    """Return the condition of what follows a place in the log."""
    if not untrusted_after:
        return CrmDelivery.id.is_not(None)
    place = session.execute(
        select(CrmEvent.at, CrmDelivery.id)
        .join(CrmEvent, CrmEvent.id == CrmDelivery.event_id)
        .where(CrmDelivery.id == untrusted_after)
    ).first()
    if place is None:
        raise InvalidValue("after", "malformed")
    return or_(CrmEvent.at < place.at, and_(CrmEvent.at == place.at, CrmDelivery.id < place.id))


def _trace(
    session: Session, event: Event, member: Member, subject_id: str, now: datetime, details: dict[str, Any]
) -> None:
    record(
        session,
        event,
        org_id=member.org_id,
        actor_id=member.id,
        subject_id=subject_id,
        details=details,
        now=now,
    )
