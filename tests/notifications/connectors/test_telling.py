"""Connectors as subscribers: from an event of the trail to the CRM, with the memory in rows, on both databases."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from audit import Event
from notifications.connectors.setting_up import ConnectorRefused, checked_secret, checked_settings
from notifications.connectors.telling import Connectors
from notifications.crm.delivering import Tools, deliver
from notifications.egress import Egress
from records.crm.deliveries import CrmDelivery, DeliveryState, sendable
from records.crm.references import refer
from records.crm.remotes import CrmRemoteObject
from records.crm.subscribers import CrmSubscriber, SubscriberKind
from records.errors import InvalidValue
from records.links import issue
from records.requests import DocumentRequest
from sandbox.crm import chatwoot
from sandbox.crm.serving import Fault, serving
from storage.database import Database, new_id, utcnow
from storage.due import lease
from tests.notifications.connectors.stage import TOKEN
from tests.records.crm.company import BOX, Company, a_company, boxed

STAFF_URL = "https://consola.aurora.example"


def subscribe(database: Database, org_id: str, kind: SubscriberKind, settings: dict[str, Any]) -> str:
    """Add a connector, as the command line does; return its id."""
    row = new_id()
    with database.transaction() as session:
        session.add(
            CrmSubscriber(
                id=row,
                org_id=org_id,
                kind=kind,
                name=kind.value,
                settings=settings,
                event_types=[],
                secret_boxed=boxed(row, TOKEN),
                created_at=utcnow(),
            )
        )
    return row


class Told:
    """A company whose Chatwoot is told what happens."""

    def __init__(self, database: Database, account: chatwoot.Chatwoot, url: str) -> None:
        self.company: Company = a_company(database)
        self.account, self.database = account, database
        settings = checked_settings(SubscriberKind.CHATWOOT, {"url": url, "account": "1", "allow_private": True})
        self.subscriber = subscribe(database, self.company.world.org.id, SubscriberKind.CHATWOOT, settings)
        connectors = Connectors(database=database, egress=Egress(private_allowed=True, timeout_s=5))
        self.tools = Tools(database=database, box=BOX, ways={SubscriberKind.CHATWOOT: connectors}, staff_url=STAFF_URL)

    def refer(self, **crm: str) -> None:
        with self.database.transaction() as session:
            request = session.get_one(DocumentRequest, self.company.world.request.id)
            refer(session, request, crm, now=utcnow())

    def turn(self) -> list[CrmDelivery]:
        """Tell what is due; return every delivery."""
        with self.database.transaction() as session:
            leases = lease(session, CrmDelivery, now=utcnow(), limit=10, only=sendable(utcnow()))
        for held in leases:
            deliver(self.tools, held)
        return self.company.deliveries()

    def notes(self) -> list[str]:
        return [each["content"] for each in self.account.conversations[123].messages]

    def remembered(self) -> dict[str, str | None]:
        with self.database.reading() as session:
            rows = session.scalars(select(CrmRemoteObject).where(CrmRemoteObject.kind == "note"))
            return {row.our_id: row.remote_id for row in rows}


@pytest.fixture
def told(database: Database) -> Iterator[Told]:
    account = chatwoot.Chatwoot(token=TOKEN)
    account.conversations[123] = chatwoot.Conversation()
    with serving(account.app()) as url:
        yield Told(database, account, url)


def test_an_event_of_the_trail_becomes_a_note_in_the_conversation_that_the_crm_named(told):
    told.refer(chatwoot_conversation="123")
    told.company.happens(Event.CRM_REQUEST_CREATED, told.company.world.request.id)
    told.company.tell()
    (delivery,) = told.turn()
    assert (delivery.state, delivery.last_code) == (DeliveryState.DELIVERED, None)
    (note,) = told.notes()
    assert note.startswith("Se pidieron documentos por el portal seguro.")
    assert f"{STAFF_URL}/cases/{told.company.world.case.id}#aviso-" in note
    assert told.account.conversations[123].custom_attributes["expediente_estado"]


def test_a_note_whose_answer_got_lost_is_found_and_remembered(told):
    told.refer(chatwoot_conversation="123")
    told.account.faults.add(Fault(kind="drop", path="/messages"))
    told.company.happens(Event.CRM_REQUEST_CREATED, told.company.world.request.id)
    told.company.tell()
    (delivery,) = told.turn()
    assert delivery.state == DeliveryState.WAITING
    assert list(told.remembered().values()) == [None]
    with told.database.transaction() as session:
        session.get_one(CrmDelivery, delivery.id).due_at = utcnow()
    (delivery,) = told.turn()
    assert delivery.state == DeliveryState.DELIVERED
    assert len(told.notes()) == 1
    assert list(told.remembered().values()) == [str(told.account.conversations[123].messages[0]["id"])]


def test_a_case_that_no_conversation_was_named_for_is_told_nowhere_and_says_so(told):
    told.company.happens(Event.CRM_REQUEST_CREATED, told.company.world.request.id)
    told.company.tell()
    (delivery,) = told.turn()
    assert (delivery.state, delivery.last_code) == (DeliveryState.DELIVERED, "no_conversation")
    assert told.notes() == []


def test_nothing_to_tell_does_not_count_as_success_of_a_connector_that_fails(told):
    since = utcnow()
    with told.database.transaction() as session:
        session.get_one(CrmSubscriber, told.subscriber).failing_since = since
    told.company.happens(Event.CRM_REQUEST_CREATED, told.company.world.request.id)
    told.company.tell()
    told.turn()
    with told.database.reading() as session:
        assert session.get_one(CrmSubscriber, told.subscriber).failing_since == since


def test_a_test_looks_and_writes_nothing_to_anybody(told):
    told.company.happens(Event.ADMINISTRATOR_SUBSCRIBER_TESTED, told.subscriber, case=False)
    told.company.tell()
    (delivery,) = told.turn()
    assert delivery.state == DeliveryState.DELIVERED
    assert set(told.account.definitions) == {"expediente_url", "expediente_estado"}
    assert told.notes() == []


def test_nothing_of_the_person_and_no_customers_link_reaches_the_crm(told):
    told.refer(chatwoot_conversation="123")
    world = told.company.world
    with told.database.transaction() as session:
        request = session.get_one(DocumentRequest, world.request.id)
        link, name, phone = issue(session, request, now=utcnow()), request.party.name, request.party.phone
    told.company.happens(Event.CRM_REQUEST_CREATED, world.request.id)
    told.company.happens(Event.CUSTOMER_LINK_ACTIVATED, new_id(), actor=link.id)
    told.company.tell()
    while any(each.state == DeliveryState.WAITING for each in told.turn()):
        pass
    shown = repr(told.account)
    for secret in (name, phone, world.case.title, "/s/", link.id, link.check_code):
        assert str(secret) not in shown
    assert len(told.notes()) == 2


@pytest.mark.parametrize(
    "crm",
    [
        {"chatwoot_conversation": "123/../1"},
        {"chatwoot_conversation": ""},
        {"hubspot_ticket": "x"},
        {"helpdesk_ticket": "1" * 41},
        {"chatwoot_conversation": "１２３"},
        {"salesforce": "1"},
    ],
)
def test_what_is_no_id_of_a_crm_is_refused(told, crm):
    with pytest.raises(InvalidValue):
        told.refer(**crm)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (SubscriberKind.CHATWOOT, {"url": "https://chat.example"}),
        (SubscriberKind.CHATWOOT, {"url": "https://chat.example", "account": "../2"}),
        (SubscriberKind.CHATWOOT, {"url": "http://chat.example", "account": "1"}),
        (SubscriberKind.CHATWOOT, {"url": "https://chat.example", "account": "1", "token": "x"}),
        (SubscriberKind.HUBSPOT, {"stages": {"nearly": "1"}}),
        (SubscriberKind.HELPDESK, {"url": "https://desk.example", "queue": 0}),
        (SubscriberKind.GENERIC, {"url": "https://crm.example/x", "headers": {"Host": "other.example"}}),
        (SubscriberKind.GENERIC, {"url": "https://crm.example/x", "headers": {"X-A": "a\r\nX-B: b"}}),
        (SubscriberKind.GENERIC, {"url": "https://crm.example/x", "body": {"who": "{name}"}}),
        (SubscriberKind.WEBHOOK, {"url": "https://crm.example/x"}),
    ],
)
def test_settings_that_are_not_usable_are_refused(kind, settings):
    with pytest.raises(ConnectorRefused):
        checked_settings(kind, settings)


@pytest.mark.parametrize("secret", ["", "a\nb", "ñ", "x" * 2001])
def test_a_secret_that_is_no_line_is_refused(secret):
    with pytest.raises(ConnectorRefused):
        checked_secret(SubscriberKind.CHATWOOT, secret)


def test_a_helpdesk_signs_in_with_user_and_password():
    with pytest.raises(ConnectorRefused):
        checked_secret(SubscriberKind.HELPDESK, "only-a-password")
    assert checked_secret(SubscriberKind.HELPDESK, "agente:x:y") == "agente:x:y"
