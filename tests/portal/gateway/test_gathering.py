"""Deliveries of many connections at once are committed together, and none can spoil another's."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import event, select, text

from records.messages import InboundEvent
from storage.database import utcnow
from tests.notifications.whatsapp.shapes import a_change, a_delivery, a_status

TOGETHER = 12


@pytest.fixture
def commits(quick):
    """Count what is committed."""
    counted = []
    event.listen(quick.database.engine, "commit", lambda _connection: counted.append(utcnow()))
    return counted


def a_body(number):
    return a_delivery(a_change(statuses=[a_status(f"wamid.{number}")]))


@contextmanager
def a_busy_database(gateway):
    """Hold the write lock until all deliveries but the one that waits for it have queued up."""
    with gateway.database.transaction():
        yield
        waiting = gateway.app.extensions["gathering"]._waiting
        deadline = time.monotonic() + 10
        while len(waiting) < TOGETHER - 1 and time.monotonic() < deadline:
            time.sleep(0.01)


def deliver_at_once(gateway):
    gateway.webhook(a_body("first"))  # the secret is known from now on: nobody reads while the lock is held
    with ThreadPoolExecutor(TOGETHER) as connections:
        with a_busy_database(gateway):
            running = [connections.submit(gateway.webhook, a_body(number)) for number in range(TOGETHER)]
        return [each.result().status_code for each in running]


def stored(gateway):
    with gateway.database.reading() as session:
        return set(session.scalars(select(InboundEvent.wamid)))


def test_deliveries_that_wait_share_a_commit_and_none_is_lost(quick, commits):
    assert deliver_at_once(quick) == [200] * TOGETHER
    assert stored(quick) == {"wamid.first", *(f"wamid.{number}" for number in range(TOGETHER))}
    assert len(commits) < TOGETHER


def test_a_delivery_that_the_database_refuses_spoils_no_other(quick):
    with quick.database.transaction() as session:
        refuse = "SELECT RAISE(ABORT, 'no') WHERE NEW.wamid = 'wamid.7'"
        session.execute(text(f"CREATE TRIGGER odd BEFORE INSERT ON inbound_events BEGIN {refuse}; END"))
    answers = deliver_at_once(quick)
    assert answers == [503 if number == 7 else 200 for number in range(TOGETHER)]
    assert stored(quick) == {"wamid.first", *(f"wamid.{number}" for number in range(TOGETHER) if number != 7)}
