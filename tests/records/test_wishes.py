"""Wishes for a new link: who may have one, how often, and what the courier does with them, on both databases."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from audit import AuditEvent
from notifications.renewing import renew_link
from records.links import MAX_ACTIVATIONS, UploadLink, issue, newest_link, revoke
from records.messages import Message, Purpose, queue
from records.optouts import opt_out
from records.requests import DocumentRequest, RequestState, SendMode
from records.wishes import MOST_A_DAY, SPACING, LinkWish, may_wish, wish
from storage.database import Database
from storage.due import lease
from tests.records.case_of_ana import NOW, World, world_in

LATE = NOW + timedelta(days=8)


def link_of(database: Database, world: World) -> str:
    with database.reading() as session:
        return newest_link(session, world.request.id).id


def ask(database: Database, link_id: str, now=LATE) -> bool:
    with database.transaction() as session:
        return may_wish(session, link_id, now) and wish(session, link_id, now=now)


def courier(database: Database, now=LATE) -> int:
    """Let the courier take up what is due; how many messages there are then."""
    with database.transaction() as session:
        leases = lease(session, LinkWish, now=now, limit=5)
    for held in leases:
        renew_link(database, held)
    with database.reading() as session:
        return len(session.scalars(select(Message)).all())


def expire(database: Database, link_id: str) -> None:
    """End a link before today: the courier looks at the real clock."""
    with database.transaction() as session:
        session.get_one(UploadLink, link_id).expires_at = NOW


def events(database: Database, name: str) -> list[AuditEvent]:
    with database.reading() as session:
        return list(session.scalars(select(AuditEvent).where(AuditEvent.event == name)))


def test_an_expired_link_brings_a_new_one_to_the_number_on_file(database: Database) -> None:
    world = world_in(database)
    old = link_of(database, world)
    expire(database, old)
    assert ask(database, old)
    assert courier(database) == 1
    with database.reading() as session:
        message = session.scalars(select(Message)).one()
        assert (message.purpose, message.request_id) == (Purpose.REQUEST, world.request.id)
        assert message.link_id == newest_link(session, world.request.id).id != old
    assert events(database, "customer:link:wished")[0].actor_id == old
    assert events(database, "courier:link:issued")[0].details["message"] == message.id
    assert courier(database) == 1, "one wish, one message"


def test_a_code_that_waits_to_be_sent_does_not_stand_for_the_new_link(database: Database) -> None:
    world = world_in(database)
    old = link_of(database, world)
    with database.transaction() as session:
        link = session.get_one(UploadLink, old)
        queue(session, request=link.request, link=link, purpose=Purpose.CODE, now=NOW)
    expire(database, old)
    assert ask(database, old)
    assert courier(database) == 2
    with database.reading() as session:
        purposes = session.scalars(select(Message.purpose).where(Message.link_id == link_of(database, world))).all()
        assert purposes == [Purpose.REQUEST]


@pytest.mark.parametrize("how", ["superseded", "opened too often"])
def test_other_closed_links_bring_one_too(database: Database, how: str) -> None:
    world = world_in(database)
    old = link_of(database, world)
    with database.transaction() as session:
        link = session.get_one(UploadLink, old)
        if how == "superseded":
            link.superseded_at = NOW
        else:
            link.activations = MAX_ACTIVATIONS
    assert ask(database, old, NOW)


@pytest.mark.parametrize("how", ["open", "revoked", "its successor revoked", "cancelled", "complete", "unknown"])
def test_what_is_open_or_was_ended_on_purpose_brings_nothing(database: Database, how: str) -> None:
    world = world_in(database)
    old, now = link_of(database, world), NOW if how == "open" else LATE
    with database.transaction() as session:
        request = session.get_one(DocumentRequest, world.request.id)
        if how == "revoked":
            revoke(session, session.get_one(UploadLink, old), now=NOW)
        if how == "its successor revoked":
            revoke(session, issue(session, request, now=LATE - timedelta(hours=1)), now=LATE)
        if how in ("cancelled", "complete"):
            request.state = RequestState(how)
    assert not ask(database, "0" * 32 if how == "unknown" else old, now)
    assert courier(database) == 0
    assert events(database, "customer:link:wished") == []


def test_impatience_is_told_nothing_and_brings_nothing(database: Database) -> None:
    world = world_in(database)
    old, now = link_of(database, world), LATE
    assert [ask(database, old, now) for _ in range(2)] == [True, False]
    for _ in range(MOST_A_DAY - 1):
        now += SPACING
        assert ask(database, old, now)
    assert not ask(database, old, now + SPACING), "no more than three a day"
    assert ask(database, old, LATE + timedelta(days=1))


def test_of_twenty_wishes_at_once_one_is_taken(database: Database) -> None:
    world = world_in(database)
    old, start = link_of(database, world), threading.Barrier(20)

    def try_it(_: int) -> bool:
        start.wait()
        return ask(database, old)

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(try_it, range(20))) == 1


@pytest.mark.parametrize("why", ["opted_out", "sent_by_others", "not_wanted"])
def test_the_courier_decides_again_and_says_why_not(database: Database, why: str) -> None:
    world = world_in(database, send_mode=SendMode.NONE if why == "sent_by_others" else SendMode.AUTO)
    old = link_of(database, world)
    assert ask(database, old)
    with database.transaction() as session:
        request = session.get_one(DocumentRequest, world.request.id)
        if why == "opted_out":
            opt_out(session, org_id=request.org_id, addresses=[request.party.phone], said_at=LATE)
        if why == "not_wanted":
            request.state = RequestState.CANCELLED
    assert courier(database) == 0
    assert events(database, "courier:link:withheld")[0].details["reason"] == why
    assert link_of(database, world) == old
