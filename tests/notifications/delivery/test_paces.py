"""The pace to one person and the day's budget of new conversations: kept by all couriers together."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from records.breakers import hashed_address
from records.budgets import (
    STARTING_LIMIT,
    Budget,
    Conversation,
    claim_conversation,
    forget_conversations,
    set_limit,
)
from records.chats import ChatWindow
from records.messages import Message, MessageState, WaitReason
from records.organizations import Organization
from records.pacing import EVERY, claim_turn, forget_turns, give_turn_back
from records.senders import WhatsAppSender
from storage.database import Database, utcnow
from tests.notifications.delivery.outbox import a_sender

NOW = utcnow()


@pytest.fixture
def sender_id(database: Database) -> str:
    """A number of a company, on both databases."""
    with database.transaction() as session:
        organization = Organization(slug="valle", name="Valle", created_at=NOW)
        session.add(organization)
        session.flush()
        sender = a_sender(organization.id)
        session.add(sender)
        session.flush()
        return sender.id


def in_parallel(number: int, work) -> None:
    """Run `work(i)` in threads that begin together."""
    barrier = threading.Barrier(number)
    failures = []

    def run(i: int) -> None:
        barrier.wait()
        try:
            work(i)
        except Exception as error:  # noqa: BLE001 (shown by the test)
            failures.append(error)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_parallel_couriers_never_exceed_the_budget_together(database: Database, sender_id: str) -> None:
    with database.transaction() as session:
        sender = session.get_one(WhatsAppSender, sender_id)
        set_limit(session, org_id=sender.org_id, portfolio=sender.waba_id, daily_limit=7, now=NOW)
    taken: list[int] = []

    def work(i: int) -> None:
        for person in range(5):
            with database.transaction() as session:
                sender = session.get_one(WhatsAppSender, sender_id)
                if claim_conversation(session, sender, f"{i}-{person}", now=NOW) is None:
                    taken.append(person)

    in_parallel(6, work)
    assert len(taken) == 7
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Conversation)) == 7


def test_a_person_of_the_last_24_hours_costs_nothing_more_and_room_comes_back(
    database: Database, sender_id: str
) -> None:
    hour = timedelta(hours=1)
    with database.transaction() as session:
        sender = session.get_one(WhatsAppSender, sender_id)
        set_limit(session, org_id=sender.org_id, portfolio=sender.waba_id, daily_limit=2, now=NOW)
        assert claim_conversation(session, sender, "ana", now=NOW) is None
        assert claim_conversation(session, sender, "luis", now=NOW + hour) is None
        assert claim_conversation(session, sender, "ana", now=NOW + 2 * hour) is None
        assert claim_conversation(session, sender, "eva", now=NOW + 3 * hour) == NOW + 25 * hour
        assert claim_conversation(session, sender, "eva", now=NOW + 25 * hour) is None
        assert claim_conversation(session, sender, "omar", now=NOW + 25 * hour) == NOW + 26 * hour
        forget_conversations(session, now=NOW + 60 * hour)
        assert session.scalars(select(Conversation)).all() == []


def test_numbers_of_one_portfolio_share_a_budget_and_others_do_not(database: Database, sender_id: str) -> None:
    with database.transaction() as session:
        first = session.get_one(WhatsAppSender, sender_id)
        same, other = (a_sender(first.org_id, number=number, waba=number) for number in ("2", "3"))
        same.portfolio = first.portfolio = "p"
        session.add_all([same, other])
        session.flush()
        set_limit(session, org_id=first.org_id, portfolio="p", daily_limit=1, now=NOW)
        assert claim_conversation(session, first, "ana", now=NOW) is None
        assert claim_conversation(session, same, "luis", now=NOW) is not None
        assert claim_conversation(session, other, "luis", now=NOW) is None


def test_a_portfolio_that_nobody_told_about_begins_small_and_unlimited_has_no_end(
    database: Database, sender_id: str
) -> None:
    with database.transaction() as session:
        sender = session.get_one(WhatsAppSender, sender_id)
        claim_conversation(session, sender, "ana", now=NOW)
        assert session.scalars(select(Budget.daily_limit)).one() == STARTING_LIMIT == 250
        set_limit(session, org_id=sender.org_id, portfolio=sender.waba_id, daily_limit=None, now=NOW)
        assert all(claim_conversation(session, sender, str(person), now=NOW) is None for person in range(300))


def test_one_of_many_couriers_gets_the_turn_of_a_person(database: Database, sender_id: str) -> None:
    got: list[object] = []

    def work(_i: int) -> None:
        with database.transaction() as session:
            got.append(claim_turn(session, sender_id=sender_id, recipient="ana", now=NOW))

    in_parallel(8, work)
    assert sorted(each is None for each in got) == [False] * 7 + [True]
    assert {each for each in got if each is not None} == {NOW + EVERY}


def test_a_turn_comes_after_six_seconds_or_when_nothing_arrived(database: Database, sender_id: str) -> None:
    with database.transaction() as session:
        who = {"sender_id": sender_id, "recipient": "ana"}
        assert claim_turn(session, **who, now=NOW) is None
        assert claim_turn(session, **who, now=NOW + timedelta(seconds=5)) == NOW + EVERY
        assert claim_turn(session, **who, now=NOW + EVERY) is None
        give_turn_back(session, sender_id, "ana", NOW + EVERY)
        assert claim_turn(session, **who, now=NOW + EVERY) is None
        forget_turns(session, now=NOW + timedelta(minutes=1))
        assert claim_turn(session, **who, now=NOW + EVERY) is None


def test_two_messages_to_one_person_leave_six_seconds_apart(courier):
    first, second = courier.queue(), courier.queue()
    courier.turn()
    states = sorted(str(courier.message(each).state) for each in (first, second))
    assert states == ["accepted", "queued"]
    waiting = next(each for each in (first, second) if courier.message(each).state == MessageState.QUEUED)
    assert courier.message(waiting).waits_for == WaitReason.PAIR
    courier.turn(after=timedelta(seconds=4))
    assert len(courier.on_the_phone()) == 1
    courier.turn(after=timedelta(seconds=7))
    assert len(courier.on_the_phone()) == 2


def test_over_the_budget_a_message_waits_and_says_so_and_goes_when_there_is_room(courier):
    company = courier.gateway.company
    with courier.database.transaction() as session:
        sender = session.get_one(WhatsAppSender, company.sender_id)
        set_limit(session, org_id=company.org_id, portfolio=sender.waba_id, daily_limit=1, now=utcnow())
    courier.queue()
    courier.turn()
    other = courier.queue(contact={"name": "Luis", "phone": "+525598765432", "locale": "es"})
    courier.turn()
    waiting = courier.message(other)
    assert (waiting.state, waiting.waits_for) == (MessageState.QUEUED, WaitReason.BUDGET)
    assert waiting.due_at > utcnow() + timedelta(hours=23)
    courier.turn(after=timedelta(hours=25))
    assert courier.message(other).state == MessageState.ACCEPTED


def test_who_wrote_to_us_within_a_day_costs_no_new_conversation(courier):
    company = courier.gateway.company
    courier.queue()
    courier.turn()
    with courier.database.transaction() as session:
        sender = session.get_one(WhatsAppSender, company.sender_id)
        set_limit(session, org_id=company.org_id, portfolio=sender.waba_id, daily_limit=0, now=utcnow())
        session.query(Conversation).delete()
        message = session.scalars(select(Message)).one()
        party = message.request.party
        window = ChatWindow(
            org_id=company.org_id,
            sender_id=sender.id,
            address="5215512345678",
            phone="5215512345678",
            until=utcnow() + timedelta(hours=20),
            wamid="w",
        )
        session.add(window)
        assert hashed_address(party.org_id, party.phone) == hashed_address(party.org_id, "5215512345678")
        message.state, message.due_at = MessageState.QUEUED, utcnow()
    courier.turn(after=timedelta(seconds=10))
    assert len(courier.on_the_phone()) == 2
    courier.change(Message, message.id, state=MessageState.QUEUED, due_at=utcnow())
    courier.turn(after=timedelta(hours=21))
    assert courier.message(message.id).waits_for == WaitReason.BUDGET
