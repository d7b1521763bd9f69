"""From channel to channel: the company's order, what makes a message change it, and who is never written to."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from audit import AuditEvent
from records.cases import Party
from records.contacting import WEEKDAYS, standard_rules
from records.escalations import Escalation
from records.messages import Channel, Message, MessageState, Purpose, WaitReason
from records.optouts import opt_out
from records.organizations import Organization
from records.requests import RequestState
from records.senders import SmsSender
from storage.database import new_id, utcnow
from tests.notifications.courier import COURIER_BOX, Courier
from tests.notifications.mail.relays import an_inbox
from tests.notifications.sms.phones import BODY, HEADERS, KEY, Service, a_service

DAY = timedelta(hours=24)


@pytest.fixture
def phones(courier: Courier) -> Iterator[Service]:
    """A company that can send SMS too."""
    with a_service() as service:
        with courier.database.transaction() as session:
            row = new_id()
            sealed = COURIER_BOX.seal(KEY.encode(), table="sms_senders", row=row, column="secret_boxed")
            org_id = courier.gateway.company.org_id
            how = {"url": service.url, "headers": HEADERS, "body": BODY}
            session.add(SmsSender(id=row, org_id=org_id, secret_boxed=sealed, **how))
        yield service


def rules(courier: Courier, **values: object) -> None:
    with courier.database.transaction() as session:
        made = standard_rules(courier.gateway.company.org_id)
        for name, value in values.items():
            setattr(made, name, value)
        session.merge(made)


def refuse(courier: Courier, code: int = 131026) -> None:
    courier.fault("custom", code=code, status=400)


def events(courier: Courier, name: str) -> list[AuditEvent]:
    with courier.database.reading() as session:
        return list(session.scalars(select(AuditEvent).where(AuditEvent.event == name)))


def calls(courier: Courier) -> list[str]:
    with courier.database.reading() as session:
        return list(session.scalars(select(Escalation.reason)))


@pytest.mark.parametrize("code", [131026, 130472, 131049])
def test_what_whatsapp_does_not_deliver_goes_by_sms_with_the_same_link(courier, phones, code):
    message_id = courier.queue()
    refuse(courier, code)
    courier.turn()
    courier.turn()
    message = courier.message(message_id)
    assert (message.channel, message.state) == (Channel.SMS, MessageState.ACCEPTED)
    (sms,) = phones.phones.messages()
    assert courier.tools.token(message.link_id) in sms.text
    assert sms.to == "+525512345678"
    assert [each.channel for each in courier.attempts(message_id)] == [Channel.WHATSAPP, Channel.SMS]
    assert events(courier, "courier:message:rerouted")[0].details["to"] == "sms"
    assert calls(courier) == []


def test_the_company_says_which_way_comes_first(courier, phones):
    rules(courier, channels=["sms", "whatsapp"])
    courier.queue()
    courier.turn()
    assert len(phones.phones.messages()) == 1
    assert courier.on_the_phone() == []


def test_what_arrives_on_no_channel_asks_for_a_person(courier, phones):
    message_id = courier.queue()
    refuse(courier)
    phones.phones.answers.append(400)
    for _ in range(3):
        courier.turn()
    message = courier.message(message_id)
    assert (message.state, message.error) == (MessageState.FAILED, "sms_400")
    assert calls(courier) == ["undeliverable"]


def test_a_code_changes_no_channel(courier, phones):
    message_id = courier.queue()
    courier.change(Message, message_id, purpose=Purpose.CODE, channel=Channel.WHATSAPP)
    with courier.database.transaction() as session:
        from records import channels

        message = session.get_one(Message, message_id)
        assert channels.next_channel(session, message) is None
        assert channels.first_channel(session, message) == Channel.WHATSAPP


def test_who_said_stop_gets_no_sms_and_no_mail_either(courier, phones):
    message_id = courier.queue(contact={"name": "Ana", "phone": "+525512345678", "email": "ana@mail.example"})
    with courier.database.transaction() as session:
        org_id = courier.gateway.company.org_id
        session.get_one(Organization, org_id).mail_from = "avisos@aurora.example"
        opt_out(session, org_id=org_id, addresses=["+525512345678"], said_at=utcnow())
    courier.turn()
    message = courier.message(message_id)
    assert (message.state, message.error) == (MessageState.CANCELLED, "opted_out")
    assert phones.phones.messages() == []


def test_a_company_with_another_basis_may_write_a_mail_to_who_stopped_the_phone(courier, phones):
    with an_inbox() as (inbox, relay):
        courier.tools = replace(courier.tools, relay=relay)
        message_id = courier.queue(contact={"name": "Ana", "phone": "+525512345678", "email": "ana@mail.example"})
        with courier.database.transaction() as session:
            org_id = courier.gateway.company.org_id
            session.get_one(Organization, org_id).mail_from = "avisos@aurora.example"
            opt_out(session, org_id=org_id, addresses=["+525512345678"], said_at=utcnow())
        rules(courier, opt_out_everywhere=False)
        courier.turn()
        assert courier.message(message_id).channel == Channel.EMAIL
        assert len(inbox.mails()) == 1


def test_what_no_phone_confirms_within_a_day_goes_by_sms_once(courier, phones):
    message_id = courier.queue()
    courier.turn()
    assert courier.message(message_id).state == MessageState.ACCEPTED
    assert courier.turn(after=DAY - timedelta(minutes=1)) == 0
    assert courier.turn(after=DAY + timedelta(minutes=1)) == 1
    message = courier.message(message_id)
    assert (message.channel, message.state, message.error) == (Channel.SMS, MessageState.QUEUED, "not_delivered")
    courier.turn(after=DAY + timedelta(minutes=2))
    assert len(phones.phones.messages()) == 1
    assert courier.turn(after=10 * DAY) == 0, "an SMS is never confirmed, and followed by nothing"


def test_what_was_delivered_stays_where_it_is(courier, phones):
    message_id = courier.queue()
    courier.turn()
    courier.stage.pass_time()
    courier.take_in()
    message = courier.message(message_id)
    assert (message.state, message.due_at) == (MessageState.DELIVERED, None)
    assert courier.turn(after=2 * DAY) == 0


@pytest.mark.parametrize("state", [RequestState.OPENED, RequestState.COMPLETE, RequestState.CANCELLED])
def test_no_other_channel_is_tried_where_the_link_has_served(courier, phones, state):
    message_id = courier.queue()
    courier.turn()
    with courier.database.transaction() as session:
        session.get_one(Message, message_id).request.state = state
    courier.turn(after=2 * DAY)
    message = courier.message(message_id)
    assert (message.state, message.channel) == (MessageState.ACCEPTED, Channel.WHATSAPP)
    assert phones.phones.messages() == []


def test_without_another_channel_nothing_is_watched(courier):
    message_id = courier.queue()
    courier.turn()
    assert courier.message(message_id).due_at is None


def test_a_reminder_that_waited_into_the_night_waits_for_the_morning(courier):
    message_id = courier.queue()
    now = utcnow()
    in_three_days = WEEKDAYS[(now.weekday() + 3) % 7]
    rules(courier, rest_days=[day for day in WEEKDAYS if day != in_three_days], rest_on_holidays=False)
    courier.change(Message, message_id, purpose=Purpose.REMINDER, created_at=now - timedelta(hours=1))
    courier.turn()
    message = courier.message(message_id)
    assert (message.state, message.waits_for) == (MessageState.QUEUED, "quiet")
    assert message.due_at > now
    courier.change(Message, message_id, purpose=Purpose.REQUEST, due_at=now)
    courier.turn()
    assert courier.message(message_id).state == MessageState.ACCEPTED, "what a person asked for is not bound by hours"


def test_a_phone_in_doubt_gets_no_link_by_sms_either_until_a_person_has_made_sure(courier, phones):
    rules(courier, channels=["sms", "whatsapp"])
    message_id = courier.queue()
    with courier.database.reading() as session:
        party_id = session.get_one(Message, message_id).request.party_id
    courier.change(Party, party_id, verify_since=utcnow())
    courier.turn()
    message = courier.message(message_id)
    assert (message.state, message.waits_for) == (MessageState.QUEUED, WaitReason.VERIFY)
    assert phones.phones.messages() == []
    courier.change(Party, party_id, verify_since=None)
    courier.turn(after=timedelta(minutes=11))
    assert len(phones.phones.messages()) == 1
