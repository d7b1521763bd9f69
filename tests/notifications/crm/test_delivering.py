"""Webhooks out: signed, at least once under one id, tried again for three days, each endpoint for itself."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from audit import AuditEvent
from notifications.crm import delivering
from notifications.crm.delivering import FAILING, deliver, deliver_on
from notifications.crm.outcomes import Delivered
from notifications.crm.webhooks import wait_asked
from records.alarms import Alarm
from records.crm.deliveries import WAITS, CrmDelivery, DeliveryState
from records.crm.subscribers import CrmSubscriber, SubscriberKind, SubscriberState
from storage.database import Database, utcnow
from storage.due import LEASE, LostLease
from tests.notifications.crm.courier import Teller, leased, tools_for
from tests.notifications.crm.receiver import Receiver, Reply, receiving
from tests.records.crm.company import OLD, SECRET, a_company, boxed
from tests.services.processes import ROOT

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
WEEK = timedelta(days=7)


@pytest.fixture
def teller(sqlite_database: Database) -> Teller:
    return Teller(company=a_company(sqlite_database), tools=tools_for(sqlite_database))


@pytest.fixture
def both(database: Database) -> Teller:
    """On both databases."""
    return Teller(company=a_company(database), tools=tools_for(database))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def change(teller: Teller, subscriber: str, **values: object) -> None:
    with teller.company.database.transaction() as session:
        session.execute(update(CrmSubscriber).where(CrmSubscriber.id == subscriber).values(**values))


def test_an_event_arrives_signed_thin_and_once(both: Teller, receiver: Receiver) -> None:
    subscriber = both.company.subscribe(url=receiver.url)
    both.happens()
    assert both.turn() == 1
    assert receiver.types() == ["request.created"]
    (event,) = both.company.events()
    assert receiver.ids() == [f"evt_{event.id}"]
    assert receiver.got[0]["data"]["case_url"] == f"https://consola.example/cases/{both.company.world.case.id}"
    assert len(receiver.bodies[0]) < 20_000
    assert receiver.headers[0]["content-type"] == "application/json"
    assert both.turn(after=WEEK) == 0, "what was taken is not sent again"
    (log,) = both.tries()
    assert (log.outcome, log.status, log.code, log.number) == ("delivered", 204, None, 1)
    assert (both.subscriber(subscriber).last_status, both.states()) == (204, [DeliveryState.DELIVERED])


def test_events_arrive_in_the_order_of_the_trail(both: Teller, receiver: Receiver) -> None:
    both.company.subscribe(url=receiver.url)
    both.happens(12)
    assert both.turn() == 12
    assert receiver.ids() == [f"evt_{event.id}" for event in both.company.events()]


def test_one_job_goes_on_with_an_endpoint_while_it_takes_what_comes(both: Teller, receiver: Receiver) -> None:
    both.company.subscribe(url=receiver.url)
    other = both.company.subscribe(url="https://other.example/hook")
    both.happens(8)
    receiver.replies = [Reply(), Reply(), Reply(), Reply(status=500)]
    first = {each.id: each for each in leased(both.company.database, now=utcnow())}
    (held,) = (first[each.id] for each in both.company.deliveries() if each.id in first and each.subscriber_id != other)
    deliver_on(both.tools, held)
    assert receiver.ids() == [f"evt_{event.id}" for event in both.company.events()[:4]], "until it fails"
    assert {each.tries for each in both.company.deliveries(other)} == {0}


def test_every_try_carries_the_same_id_and_body_and_a_time_of_its_own(teller: Teller, receiver: Receiver) -> None:
    teller.company.subscribe(url=receiver.url)
    receiver.replies = [Reply(status=500), Reply(status=500)]
    teller.happens()
    for after in (timedelta(0), timedelta(seconds=6), timedelta(minutes=10)):
        assert teller.turn(after=after) == 1
    assert len(set(receiver.ids())) == 1
    assert len(set(receiver.bodies)) == 1
    assert [each.outcome for each in teller.tries()] == ["retry", "retry", "delivered"]


def test_the_schedule_is_that_of_the_specification_and_ends_after_three_days(
    teller: Teller, receiver: Receiver
) -> None:
    assert [int(wait.total_seconds()) for wait in WAITS] == [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
    teller.company.subscribe(url=receiver.url)
    receiver.usual = Reply(status=503)
    teller.happens()
    for number, wait in enumerate((*WAITS, None), 1):
        assert teller.turn(after=WEEK, rounds=1) == 1
        (delivery,) = teller.company.deliveries()
        if wait is None:
            assert (delivery.due_at, delivery.state, delivery.tries) == (None, DeliveryState.FAILED, number)
        else:
            waits = delivery.due_at - utcnow()
            assert wait * 0.9 < waits <= wait * (1 + delivering.JITTER)
    assert teller.turn(after=WEEK) == 0


@pytest.mark.parametrize("status", [400, 401, 404, 422, 500, 502])
def test_whatever_is_no_2xx_is_tried_again(teller: Teller, receiver: Receiver, status: int) -> None:
    teller.company.subscribe(url=receiver.url)
    receiver.replies = [Reply(status=status, body=b"<html>")]
    teller.happens()
    teller.turn()
    assert teller.states() == [DeliveryState.WAITING]
    assert (teller.tries()[0].status, teller.tries()[0].code) == (status, "status")


def test_a_redirect_is_not_followed(teller: Teller, receiver: Receiver) -> None:
    with receiving() as elsewhere:
        receiver.replies = [Reply(status=307, headers={"location": elsewhere.url})]
        teller.company.subscribe(url=receiver.url)
        teller.happens()
        teller.turn()
        assert (elsewhere.got, teller.tries()[0].code) == ([], "redirect")


@pytest.mark.parametrize(("status", "header", "least"), [(429, "600", 600), (503, "900", 900)])
def test_retry_after_is_honoured(teller: Teller, receiver: Receiver, status: int, header: str, least: int) -> None:
    teller.company.subscribe(url=receiver.url)
    receiver.replies = [Reply(status=status, headers={"retry-after": header})]
    teller.happens()
    teller.turn()
    (delivery,) = teller.company.deliveries()
    assert delivery.due_at - utcnow() > timedelta(seconds=least - 5)


def test_retry_after_is_read_as_seconds_or_date_and_never_for_longer_than_a_day() -> None:
    assert wait_asked("120", NOW) == timedelta(seconds=120)
    assert wait_asked("Thu, 26 Nov 2026 12:10:00 GMT", NOW) == timedelta(minutes=10)
    assert wait_asked("999999999", NOW) == timedelta(days=1)
    assert wait_asked("Thu, 26 Nov 2020 12:10:00 GMT", NOW) == timedelta(0)
    for untrusted in ("", "-5", "soon", "1e9", "٣", "9" * 40, "Thu, 99 Nov 2026 12:10:00 GMT"):
        assert wait_asked(untrusted, NOW) is None


def test_410_disables_the_endpoint_with_a_trace_and_what_follows_waits(both: Teller, receiver: Receiver) -> None:
    subscriber = both.company.subscribe(url=receiver.url)
    receiver.replies = [Reply(status=410)]
    both.happens(2)
    assert both.turn() == 1
    found = both.subscriber(subscriber)
    assert (found.state, found.state_reason) == (SubscriberState.DISABLED, "gone")
    with both.company.database.reading() as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.event == "courier:subscriber:disabled")).one()
        assert (event.subject_id, event.details) == (subscriber, {"reason": "gone"})
        alarm = session.scalars(select(Alarm)).one()
        assert (alarm.kind, alarm.code, alarm.closed_at) == ("integration", "gone", None)
    assert both.states() == [DeliveryState.FAILED, DeliveryState.WAITING]
    with both.company.database.transaction() as session:
        session.get_one(CrmSubscriber, subscriber).resume()
    assert both.turn() == 1
    assert both.states() == [DeliveryState.FAILED, DeliveryState.DELIVERED]
    with both.company.database.reading() as session:
        assert session.scalars(select(Alarm.closed_at)).one() is not None, "what works again needs nobody"


def test_an_endpoint_that_fails_for_five_days_is_disabled(teller: Teller, receiver: Receiver) -> None:
    subscriber = teller.company.subscribe(url=receiver.url)
    receiver.usual = Reply(status=500)
    teller.happens()
    teller.turn()
    assert teller.subscriber(subscriber).state == SubscriberState.ACTIVE
    change(teller, subscriber, failing_since=utcnow() - FAILING - timedelta(minutes=1))
    teller.turn(after=timedelta(minutes=1))
    assert teller.subscriber(subscriber).state_reason == "failing"


def test_one_success_and_the_five_days_begin_anew(teller: Teller, receiver: Receiver) -> None:
    subscriber = teller.company.subscribe(url=receiver.url)
    change(teller, subscriber, failing_since=utcnow() - FAILING - timedelta(minutes=1))
    teller.happens()
    teller.turn()
    assert teller.subscriber(subscriber).failing_since is None


def test_a_paused_endpoint_gets_what_waited_when_it_is_resumed(both: Teller, receiver: Receiver) -> None:
    subscriber = both.company.subscribe(url=receiver.url)
    change(both, subscriber, state=SubscriberState.PAUSED)
    both.happens(3)
    assert both.turn() == 0
    change(both, subscriber, state=SubscriberState.ACTIVE)
    assert both.turn() == 3


def test_what_was_leased_before_the_pause_is_not_sent(teller: Teller, receiver: Receiver) -> None:
    subscriber = teller.company.subscribe(url=receiver.url)
    teller.happens()
    (held,) = leased(teller.company.database, now=utcnow())
    change(teller, subscriber, state=SubscriberState.PAUSED)
    deliver(teller.tools, held)
    assert (receiver.got, teller.states(), teller.tries()) == ([], [DeliveryState.WAITING], [])


def test_during_a_rotation_both_secrets_sign_and_afterwards_only_the_new_one(
    teller: Teller, receiver: Receiver
) -> None:
    subscriber = teller.company.subscribe(url=receiver.url)
    change(
        teller,
        subscriber,
        previous_boxed=boxed(subscriber, OLD, "previous_boxed"),
        previous_until=utcnow() + timedelta(hours=1),
    )
    receiver.secrets = (SECRET, OLD)  # the receiver checks with each
    teller.happens()
    teller.turn()
    assert receiver.headers[0]["webhook-signature"].count("v1,") == 2
    change(teller, subscriber, previous_until=utcnow() - timedelta(seconds=1))
    receiver.secrets = (SECRET,)
    teller.happens()
    teller.turn()
    assert receiver.headers[1]["webhook-signature"].count("v1,") == 1


def test_a_secret_that_cannot_be_opened_sends_nothing_unsigned(teller: Teller, receiver: Receiver) -> None:
    teller.company.subscribe(url=receiver.url, secret_boxed=b"planted")
    teller.happens()
    teller.turn()
    assert (receiver.got, teller.tries()[0].code) == ([], "secret")


def test_a_secret_of_another_row_is_not_taken(teller: Teller, receiver: Receiver) -> None:
    teller.company.subscribe(url=receiver.url, secret_boxed=boxed("another", SECRET))
    teller.happens()
    teller.turn()
    assert (receiver.got, teller.tries()[0].code) == ([], "secret")


def test_a_kind_without_connector_waits(teller: Teller) -> None:
    teller.company.subscribe(kind=SubscriberKind.HUBSPOT)
    teller.happens()
    teller.turn()
    assert (teller.states(), teller.tries()[0].code) == ([DeliveryState.WAITING], "no_connector")


def test_a_slow_endpoint_occupies_one_worker_and_holds_up_nobody_else(both: Teller, receiver: Receiver) -> None:
    slow = both.company.subscribe(url="https://slow.example/hook")
    both.company.subscribe(url=receiver.url)
    both.happens(5)
    first = leased(both.company.database, now=utcnow())
    assert len(first) == 2, "one of each endpoint"
    of_slow = [each for each in first if each.id in {row.id for row in both.company.deliveries(slow)}]
    for held in first:
        if held not in of_slow:
            deliver(both.tools, held)
    for _ in range(4):
        (held,) = leased(both.company.database, now=utcnow())  # while the slow one hangs
        deliver(both.tools, held)
    assert len(receiver.got) == 5
    assert leased(both.company.database, now=utcnow()) == []


def test_a_failed_event_lets_the_next_ones_pass(teller: Teller, receiver: Receiver) -> None:
    teller.company.subscribe(url=receiver.url)
    receiver.replies = [Reply(status=500)]
    teller.happens(3)
    assert teller.turn() == 3
    assert teller.states().count(DeliveryState.DELIVERED) == 2


def test_an_endpoint_that_does_not_answer_ends_at_the_deadline(sqlite_database: Database, receiver: Receiver) -> None:
    teller = Teller(company=a_company(sqlite_database), tools=tools_for(sqlite_database, timeout_s=0.3))
    teller.company.subscribe(url=receiver.url)
    receiver.replies = [Reply(wait_s=3)]
    teller.happens()
    teller.turn()
    assert teller.tries()[0].code == "timeout"


def test_a_courier_that_comes_back_late_changes_nothing(both: Teller, receiver: Receiver) -> None:
    both.company.subscribe(url=receiver.url)
    both.happens()
    (zombie,) = leased(both.company.database, now=utcnow())
    both.turn(after=LEASE + timedelta(seconds=1))
    assert len(receiver.got) == 1
    with pytest.raises(LostLease):
        deliver(both.tools, zombie)
    with pytest.raises(LostLease), both.company.database.transaction() as session:
        delivering._finish(session, zombie, Delivered(status=204), started_at=utcnow(), took=timedelta(0))
    assert len(both.tries()) == 1


def test_killed_in_the_middle_of_a_delivery_it_arrives_again_under_the_same_id(
    both: Teller, receiver: Receiver, database_url: str
) -> None:
    both.company.subscribe(url=receiver.url)
    receiver.replies = [Reply(wait_s=30)]
    both.happens()
    courier = subprocess.Popen([sys.executable, "-m", "tests.notifications.crm.courier", database_url], cwd=ROOT)
    until = time.monotonic() + 60
    while not receiver.got and time.monotonic() < until:
        time.sleep(0.02)
    os.kill(courier.pid, signal.SIGKILL)
    courier.wait(10)
    assert both.states() == [DeliveryState.WAITING]
    assert leased(both.company.database, now=utcnow()) == [], "its lease still lives"
    assert both.turn(after=LEASE + timedelta(seconds=1)) == 1
    assert receiver.ids() == [f"evt_{both.company.events()[0].id}"] * 2
    assert both.states() == [DeliveryState.DELIVERED]


def test_nothing_of_an_answer_is_kept(teller: Teller, receiver: Receiver) -> None:
    teller.company.subscribe(url=receiver.url)
    receiver.replies = [Reply(status=500, body=b"canary-in-the-answer" * 10_000)]
    teller.happens()
    teller.turn()
    with teller.company.database.reading() as session:
        rows = [*teller.tries(), *session.scalars(select(CrmDelivery)), *session.scalars(select(CrmSubscriber))]
        assert "canary" not in json.dumps([str(vars(row)) for row in rows])
