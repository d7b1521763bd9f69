"""Sending through the CRM's inbox: Chatwoot sends the template, once, and another channel follows where it does not."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from notifications.connectors.setting_up import checked_settings
from notifications.egress import Egress
from notifications.whatsapp.library import REQUEST
from records.crm.subscribers import TABLE, CrmSubscriber, SubscriberKind, SubscriberState
from records.messages import Channel, Message, MessageState
from sandbox.crm import chatwoot
from sandbox.crm.serving import Fault, serving
from storage.database import Database, new_id, utcnow
from tests.notifications.courier import COURIER_BOX, SIGNER, Courier, a_courier
from tests.portal.gateway.company import a_body

TOKEN = "token-of-the-tests"
HOUR = timedelta(hours=1)


@dataclass
class Inbox:
    """A courier whose company has a Chatwoot, with a conversation of Ana's."""

    courier: Courier
    account: chatwoot.Chatwoot
    subscriber: str

    def queue(self, conversation: str = "123") -> str:
        """A CRM asks and wants its own inbox to send."""
        return self.courier.queue(send={"mode": "crm"}, crm={"chatwoot_conversation": conversation})

    def sent(self) -> list[dict]:
        return self.account.conversations[123].messages


@pytest.fixture
def inbox(sqlite_database: Database) -> Iterator[Inbox]:
    account = chatwoot.Chatwoot(token=TOKEN)
    account.conversations[123] = chatwoot.Conversation()
    with a_courier(sqlite_database) as courier, serving(account.app()) as url:
        courier.tools = replace(courier.tools, egress=Egress(private_allowed=True, timeout_s=2))
        row = new_id()
        place = {"table": TABLE, "row": row, "column": "secret_boxed"}
        settings = {"url": url, "account": "1", "allow_private": True}
        with sqlite_database.transaction() as session:
            session.add(
                CrmSubscriber(
                    id=row,
                    org_id=courier.gateway.company.org_id,
                    kind=SubscriberKind.CHATWOOT,
                    name="Chatwoot",
                    settings=checked_settings(SubscriberKind.CHATWOOT, settings),
                    event_types=[],
                    secret_boxed=COURIER_BOX.seal(TOKEN.encode(), **place),
                    created_at=utcnow(),
                )
            )
        yield Inbox(courier, account, row)


def test_the_crm_sends_the_template_with_the_link_in_its_button_alone(inbox):
    message_id = inbox.queue()
    inbox.courier.turn()
    message = inbox.courier.message(message_id)
    assert (message.state, message.channel) == (MessageState.ACCEPTED, Channel.CRM)
    (sent,) = inbox.sent()
    params, token = sent["template_params"], SIGNER.token(message.link_id)
    assert (params["name"], params["language"], params["category"]) == (REQUEST, "es_MX", "UTILITY")
    assert params["processed_params"]["buttons"] == [{"type": "url", "parameter": token}]
    assert params["processed_params"]["body"]["1"] == "Ana"
    assert sent["private"] is False
    assert sent["content"].startswith("Hola Ana, ")
    assert token not in sent["content"]
    assert "{{" not in sent["content"]
    assert inbox.courier.on_the_phone() == []


def test_an_answer_that_got_lost_leaves_it_unknown_and_a_person_sends_it_without_a_double(inbox):
    message_id = inbox.queue()
    inbox.account.faults.add(Fault(kind="drop", path="/messages"))
    inbox.courier.turn()
    assert inbox.courier.message(message_id).state == MessageState.UNKNOWN
    assert inbox.courier.turn(after=HOUR) == 0
    inbox.courier.change(Message, message_id, state=MessageState.QUEUED, due_at=utcnow())  # a person says: again
    inbox.courier.turn()
    assert inbox.courier.message(message_id).state == MessageState.ACCEPTED
    assert len(inbox.sent()) == 1


@pytest.mark.parametrize("status", [401, 429, 503])
def test_a_crm_that_takes_nothing_now_is_asked_again_later(inbox, status):
    message_id = inbox.queue()
    inbox.account.faults.add(Fault(path="/messages", status=status))
    inbox.courier.turn()
    assert inbox.courier.message(message_id).state == MessageState.QUEUED
    inbox.courier.turn(after=HOUR)
    assert inbox.courier.message(message_id).state == MessageState.ACCEPTED
    assert len(inbox.sent()) == 1


def test_a_conversation_that_is_gone_sends_the_same_link_by_our_own_number(inbox):
    message_id = inbox.queue(conversation="999")
    inbox.courier.turn()
    inbox.courier.turn()
    message = inbox.courier.message(message_id)
    assert message.channel == Channel.WHATSAPP
    (sent,) = inbox.courier.on_the_phone()
    assert SIGNER.token(message.link_id) in str(sent)


def test_without_a_connector_the_same_link_goes_by_our_own_number(inbox):
    inbox.courier.change(CrmSubscriber, inbox.subscriber, state=SubscriberState.PAUSED)
    message_id = inbox.queue()
    inbox.courier.turn()
    inbox.courier.turn()
    assert inbox.courier.message(message_id).channel == Channel.WHATSAPP
    assert len(inbox.courier.on_the_phone()) == 1
    assert inbox.sent() == []


def test_the_crm_must_say_in_which_conversation(inbox):
    body = a_body(external_ref=None) | {"send": {"mode": "crm"}}
    assert inbox.courier.gateway.ask(body, idempotency="k-1").status_code == 422


def test_the_answer_never_holds_the_link_that_the_crm_sends(inbox):
    body = a_body(external_ref=None) | {"send": {"mode": "crm"}, "crm": {"chatwoot_conversation": "123"}}
    made = inbox.courier.gateway.ask(body, idempotency="k-1")
    assert made.status_code == 201
    assert made.json["send_mode"] == "crm"
    assert not made.json.get("upload_url")
