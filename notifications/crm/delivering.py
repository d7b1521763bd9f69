"""Delivering: one event goes to one subscriber, at least once, always under the same id.

Rules: nothing is locked while the other side is spoken to; what became of a try is committed behind the subscriber's
row lock and fenced by the lease, so that a courier that comes back late changes nothing; whoever was killed in between
is followed by another try with the same id.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session, undefer

from audit import Event, record
from notifications.crm.outcomes import Delivered, Failed, Gone, Outcome, Retry
from notifications.crm.subscription import Notice, Target, Tell
from records.alarms import AlarmKind, raise_alarm, settle_alarms
from records.crm.deliveries import WAITS, CrmDelivery, CrmTry, DeliveryState, sendable
from records.crm.events import payload, webhook_id
from records.crm.subscribers import TABLE, CrmSubscriber, SubscriberKind, SubscriberState
from records.crm.types import CrmType
from storage.database import Database, utcnow
from storage.due import Lease, lease, settle
from storage.sealing.box import Box
from storage.sealing.errors import BoxRefused

ACTOR = "courier"
FAILING = timedelta(days=5)
"""An endpoint that took nothing for so long is disabled."""
GOES_ON_S = 5.0
"""Seconds for which one job goes on with an endpoint: less than a courier that stops waits for."""
JITTER = 0.1
"""Part of a wait that is added at random."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What delivering needs: `ways` by kind of subscriber, and the console's address for the links to cases."""

    database: Database
    box: Box
    ways: Mapping[SubscriberKind, Tell]
    staff_url: str


def deliver_on(tools: Tools, held: Lease) -> None:
    """Deliver, and go on with what else waits for the same endpoint, for a few seconds while it takes it.

    One job for each event would tell a busy endpoint a few a second. Connectors, whose calls are many, take one at a
    time: nobody prolongs the leases that are taken here. Raises LostLease.
    """
    until = monotonic() + GOES_ON_S
    following: Lease | None = held
    while following is not None:
        endpoint = deliver(tools, following)
        following = _next(tools, endpoint) if endpoint is not None and monotonic() < until else None


def _next(tools: Tools, subscriber_id: str) -> Lease | None:
    now = utcnow()
    with tools.database.transaction() as session:
        only = and_(sendable(now), CrmDelivery.subscriber_id == subscriber_id)
        found = lease(session, CrmDelivery, now=now, limit=1, only=only)
    return found[0] if found else None


def deliver(tools: Tools, held: Lease) -> str | None:
    """Tell one event to its subscriber and commit what became of it. Raises LostLease.

    Returns the subscriber's id when it is a webhook that took it.
    """
    with tools.database.reading() as session:
        found = session.get_one(CrmDelivery, held.id)
        asked = select(CrmSubscriber).where(CrmSubscriber.id == found.subscriber_id)
        secrets = (undefer(CrmSubscriber.secret_boxed), undefer(CrmSubscriber.previous_boxed))
        subscriber = session.scalars(asked.options(*secrets)).one()
        notice = _notice(found, tools.staff_url)
    if found.state != DeliveryState.WAITING or subscriber.state != SubscriberState.ACTIVE:
        with tools.database.transaction() as session:  # paused meanwhile: it stays due, and waits
            settle(session, CrmDelivery, held, due_at=utcnow() if found.state == DeliveryState.WAITING else None)
        return None
    begun = monotonic()
    outcome = _told(tools, subscriber, notice)
    took = timedelta(seconds=monotonic() - begun)
    with tools.database.transaction() as session:
        _finish(session, held, outcome, started_at=notice.sent_at, took=took)
    took_it = isinstance(outcome, Delivered) and subscriber.kind == SubscriberKind.WEBHOOK
    return subscriber.id if took_it else None


def _notice(delivery: CrmDelivery, staff_url: str) -> Notice:
    event = delivery.event
    return Notice(
        id=webhook_id(event),
        event_id=event.id,
        type=CrmType(event.type),
        at=event.at,
        case_id=event.case_id,
        request_id=event.request_id,
        payload=payload(event, staff_url),
        sent_at=utcnow(),
    )


def _told(tools: Tools, subscriber: CrmSubscriber, notice: Notice) -> Outcome:
    way = tools.ways.get(SubscriberKind(subscriber.kind))
    if way is None:
        return Retry(code="no_connector")
    try:
        secrets = opened_secrets(tools.box, subscriber, notice.sent_at)
    except BoxRefused:
        return Retry(code="secret")
    target = Target(
        id=subscriber.id,
        org_id=subscriber.org_id,
        kind=SubscriberKind(subscriber.kind),
        settings=subscriber.settings,
        secrets=secrets,
    )
    return way(target, notice)


def opened_secrets(box: Box, subscriber: CrmSubscriber, now: datetime) -> tuple[str, ...]:
    """Return the secret, then the one before it while a rotation lasts. Raises BoxRefused."""
    place = {"table": TABLE, "row": subscriber.id}
    secrets = [box.open(subscriber.secret_boxed, column="secret_boxed", **place)]
    overlap = subscriber.previous_until is not None and now < subscriber.previous_until
    if overlap and subscriber.previous_boxed is not None:
        secrets.append(box.open(subscriber.previous_boxed, column="previous_boxed", **place))
    return tuple(secret.decode() for secret in secrets)


def _finish(session: Session, held: Lease, outcome: Outcome, *, started_at: datetime, took: timedelta) -> None:
    now = utcnow()
    owner = select(CrmDelivery.subscriber_id).where(CrmDelivery.id == held.id).scalar_subquery()
    subscriber = session.scalars(select(CrmSubscriber).where(CrmSubscriber.id == owner).with_for_update()).one()
    delivery = session.get_one(CrmDelivery, held.id, populate_existing=True)
    delivery.tries += 1
    wait = _wait(outcome, delivery.tries)
    settle(session, CrmDelivery, held, due_at=now + wait if wait is not None else None)
    status, code = outcome.status, getattr(outcome, "code", "gone")
    if wait is None:
        delivery.state = DeliveryState.DELIVERED if isinstance(outcome, Delivered) else DeliveryState.FAILED
        delivery.ended_at = now
    delivery.last_status, delivery.last_code = status, code
    subscriber.last_at, subscriber.last_status, subscriber.last_code = now, status, code
    made = session.scalar(select(func.count()).where(CrmTry.delivery_id == delivery.id)) or 0
    session.add(
        CrmTry(
            delivery_id=delivery.id,
            number=made + 1,
            started_at=started_at,
            took_ms=int(took / timedelta(milliseconds=1)),
            outcome=type(outcome).__name__.lower(),
            status=status,
            code=code,
        )
    )
    _judge(session, subscriber, outcome, now)


def _wait(outcome: Outcome, tries: int) -> timedelta | None:
    """Return how long until the next try, None when there is none."""
    match outcome:
        case Delivered() | Failed() | Gone():
            return None
        case Retry(after=asked):
            if tries > len(WAITS):
                return None
            wait = max(WAITS[tries - 1], asked or timedelta(0))
            return wait * (1 + JITTER * random.random())  # noqa: S311 (jitter)


def _judge(session: Session, subscriber: CrmSubscriber, outcome: Outcome, now: datetime) -> None:
    """Note how the subscriber fares; disable one that is gone, or that took nothing for days."""
    org_id, kind = subscriber.org_id, AlarmKind.INTEGRATION
    if isinstance(outcome, Delivered):
        if not outcome.reached:
            return
        subscriber.failing_since = None
        settle_alarms(session, kind, org_id=org_id, subject=subscriber.id, now=now)
        return
    subscriber.failing_since = subscriber.failing_since or now
    why = "gone" if isinstance(outcome, Gone) else "failing" if now - subscriber.failing_since > FAILING else None
    if why is None or subscriber.state != SubscriberState.ACTIVE:
        return
    subscriber.disable(why)
    raise_alarm(session, kind, org_id=org_id, subject=subscriber.id, code=why, now=now)
    record(
        session,
        Event.COURIER_SUBSCRIBER_DISABLED,
        org_id=org_id,
        actor_id=ACTOR,
        subject_id=subscriber.id,
        now=now,
        details={"reason": why},
    )
