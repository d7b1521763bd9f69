"""Webhooks about the account change what is sent: limits, stops and alarms, from the raw bytes to the next message."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from audit import AuditEvent
from notifications.delivery.routing import Hold, Route, route
from notifications.inbound.storing import Delivery, Receiver, store
from notifications.inbound.taking_in import process
from notifications.whatsapp.library import REQUEST
from notifications.whatsapp.webhooks import parse
from records.alarms import Alarm
from records.budgets import Budget
from records.messages import InboundEvent, Message, WaitReason
from records.senders import WhatsAppSender
from storage.database import Database, utcnow
from storage.due import lease
from tests.notifications.delivery.outbox import WABA, a_sender, an_outbox

VIOLATION = {"event": "ACCOUNT_VIOLATION", "violation_info": {"violation_type": "SPAM"}}
SOON = int((utcnow() + timedelta(hours=5)).timestamp())


class Company:
    """A company with two numbers on one account and one on another, and a message of Ana that waits."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.told = 0
        with an_outbox(database) as outbox:
            outbox.session.add_all(
                [a_sender(outbox.world.org.id, number="2"), a_sender(outbox.world.org.id, number="3", waba="9")]
            )
            self.message_id = outbox.queued().id
            self.receiver = Receiver(org_id=outbox.world.org.id, sender_id=outbox.sender.id)

    def hears(self, field: str, value: dict, *, entry: str = WABA) -> None:
        """Take a webhook in, as the gateway and the courier do."""
        self.told += 1
        change = {"field": field, "value": value}
        document = {"entry": [{"id": entry, "time": 1_790_000_000 + self.told, "changes": [change]}]}
        now = utcnow()
        with self.database.transaction() as session:
            delivery = Delivery(receiver=self.receiver, events=parse(json.dumps(document).encode()))
            store(session, [delivery], now=now)
            leases = lease(session, InboundEvent, now=now, limit=10)
        for held in leases:
            process(self.database, held)

    def way(self, *, after: timedelta = timedelta(0)) -> Route | Hold | None:
        """What would carry the message after a while."""
        with self.database.reading() as session:
            return route(session, session.get_one(Message, self.message_id), REQUEST, utcnow() + after)

    def limit(self) -> int | None:
        """The limit of new conversations that is kept."""
        with self.database.reading() as session:
            return session.scalars(select(Budget)).one().daily_limit

    def alarms(self) -> list[tuple[str, str]]:
        """What a person is told."""
        with self.database.reading() as session:
            rows = session.scalars(select(Alarm).where(Alarm.closed_at.is_(None)))
            return [(each.kind, each.code) for each in rows]

    def only_one_account(self) -> None:
        """Take the number on the other account away."""
        with self.database.transaction() as session:
            session.delete(session.scalars(select(WhatsAppSender).where(WhatsAppSender.waba_id == "9")).one())


@pytest.fixture
def company(database: Database) -> Company:
    """On both databases."""
    return Company(database)


@pytest.mark.parametrize(
    ("value", "limit"),
    [
        ({"max_daily_conversations_per_business": 2000}, 2000),
        ({"max_daily_conversations_per_business": "TIER_10K"}, 10_000),
        ({"max_daily_conversations_per_business": -1}, None),
        ({"max_daily_conversations_per_business": "TIER_UNLIMITED"}, None),
        ({"max_daily_conversation_per_phone": 1000}, 1000),
        ({"max_daily_conversations_per_business": 250, "max_daily_conversation_per_phone": 1000}, 250),
    ],
)
def test_the_limit_of_new_conversations_follows_the_platform(company: Company, value: dict, limit: int | None) -> None:
    company.hears("business_capability_update", value)
    assert company.limit() == limit
    company.hears("business_capability_update", {"max_daily_conversations_per_business": "TIER_NOT_SET"})
    company.hears("business_capability_update", {"max_daily_conversations_per_business": "many"})
    assert company.limit() == limit, "what is not understood changes nothing"


def test_a_lower_limit_and_a_flagged_number_are_told_and_end_with_the_flag(company: Company) -> None:
    number = {"display_phone_number": "15550783881"}
    company.hears("phone_number_quality_update", number | {"event": "UPGRADE", "current_limit": "TIER_10K"})
    assert (company.limit(), company.alarms()) == (10_000, [])
    company.hears("phone_number_quality_update", number | {"event": "FLAGGED", "current_limit": "TIER_10K"})
    assert company.alarms() == [("limit", "phone_number_quality_update")]
    company.hears("phone_number_quality_update", number | {"event": "UNFLAGGED", "current_limit": "TIER_10K"})
    assert company.alarms() == []
    company.hears("phone_number_quality_update", number | {"event": "DOWNGRADE", "current_limit": "TIER_2K"})
    assert company.limit() == 2000
    assert ("limit", "limit_2000") in company.alarms()


def test_a_ban_stops_every_number_of_the_account_and_reinstating_lets_them_go_on(company: Company) -> None:
    company.only_one_account()
    company.hears("account_update", {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "DISABLE"}})
    way = company.way(after=timedelta(days=30))
    assert isinstance(way, Hold)
    assert (way.why, way.reason, way.elsewhere) == (WaitReason.SENDER, "account_update", True)
    assert company.alarms() == [("account", "account_update")]
    company.hears("account_update", {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": ["REINSTATE"]}})
    assert isinstance(company.way(), Route)
    assert company.alarms() == []


def test_an_announced_ban_is_told_before_it_stops_anything(company: Company) -> None:
    company.only_one_account()
    info = {"waba_ban_state": ["SCHEDULE_FOR_DISABLE"], "waba_ban_date": "November 30, 2026"}
    company.hears("account_update", {"event": "DISABLED_UPDATE", "ban_info": info})
    assert isinstance(company.way(), Route)
    assert company.alarms() == [("account", "account_update")]


def test_a_restriction_holds_until_its_end(company: Company) -> None:
    company.only_one_account()
    info = {"restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING", "expiration": SOON}
    company.hears("account_update", {"event": "ACCOUNT_RESTRICTION", "restriction_info": [info]})
    assert isinstance(company.way(after=timedelta(hours=4)), Hold)
    assert isinstance(company.way(after=timedelta(hours=6)), Route)
    assert company.alarms() == [("account", "account_update")]


def test_the_numbers_of_another_account_go_on(company: Company) -> None:
    company.hears("account_update", {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "DISABLE"}})
    way = company.way()
    assert isinstance(way, Route)
    assert way.sender.waba_id == "9"


def test_what_is_told_of_another_account_at_this_address_does_not_stop_this_one(company: Company) -> None:
    ban = {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "DISABLE"}}
    company.hears("account_update", ban, entry="9")
    way = company.way()
    assert isinstance(way, Route)
    assert way.sender.waba_id == WABA
    company.hears("account_update", ban)
    assert isinstance(company.way(), Hold)


@pytest.mark.parametrize(
    ("field", "value", "alarm"),
    [
        ("account_alerts", {"alert_info": {"alert_severity": "CRITICAL", "alert_type": "X"}}, ("account", "X")),
        (
            "account_alerts",
            {"alert_severity": "WARNING", "alert_type": "INCREASED_CAPABILITIES"},
            ("account", "INCREASED_CAPABILITIES"),
        ),
        ("security", {"event": "PIN_RESET_REQUEST", "requester": "Ana Torres"}, ("security", "PIN_RESET_REQUEST")),
        ("account_review_update", {"decision": "REJECTED"}, ("account", "REJECTED")),
        (
            "account_update",
            {"event": "ACCOUNT_VIOLATION", "violation_info": {"violation_type": "SPAM"}},
            ("account", "SPAM"),
        ),
    ],
)
def test_what_the_platform_warns_of_is_told(company: Company, field: str, value: dict, alarm: tuple) -> None:
    company.hears(field, value)
    assert company.alarms() == [alarm]
    assert isinstance(company.way(), Route)
    with company.database.reading() as session:
        (event,) = session.scalars(select(InboundEvent))
        assert "Ana Torres" not in json.dumps(event.fields)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("account_alerts", {"alert_info": {"alert_severity": "INFORMATIONAL", "alert_type": "OBA_APPROVED"}}),
        ("account_review_update", {"decision": "APPROVED"}),
        ("account_update", {"event": "VERIFIED_ACCOUNT"}),
        ("account_update", {"event": "ACCOUNT_RESTRICTION_LATER", "restriction_info": "?"}),
        ("phone_number_name_update", {"decision": "APPROVED", "requested_verified_name": "Valle"}),
        ("business_capability_update", {}),
        ("phone_number_quality_update", {"event": ["FLAGGED"], "current_limit": {"a": 1}}),
    ],
)
def test_what_changes_nothing_is_kept_and_settled(company: Company, field: str, value: dict) -> None:
    company.hears(field, value)
    assert company.alarms() == []
    assert isinstance(company.way(), Route)
    with company.database.reading() as session:
        (event,) = session.scalars(select(InboundEvent))
        assert event.processed_at is not None


def test_who_stops_the_company_at_the_platform_gets_nothing_more_until_they_resume(company: Company) -> None:
    wish = {"wa_id": "5215512345678", "detail": "User requested to stop", "category": "marketing_messages"}
    company.hears("user_preferences", {"user_preferences": [wish | {"value": "stop"}]})
    way = company.way(after=timedelta(days=100))
    assert isinstance(way, Hold)
    assert (way.why, way.reason, way.forever) == (WaitReason.RECIPIENT, "131050", True)
    company.hears("user_preferences", {"user_preferences": [wish | {"value": "resume"}]})
    assert isinstance(company.way(), Route)
    with company.database.reading() as session:
        for row in session.scalars(select(InboundEvent)):
            assert (row.phone, row.bsuid) == (None, None)
            assert "5215512345678" not in json.dumps(row.fields)
        for event in session.scalars(select(AuditEvent)):
            assert "55123456" not in json.dumps(event.details)
