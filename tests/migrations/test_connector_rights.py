"""Connectors on PostgreSQL: the gateway names, the courier tells, each with its own rights; the others see nothing."""

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError

from audit import Event
from notifications.connectors.setting_up import checked_settings
from notifications.connectors.telling import Connectors
from notifications.crm.delivering import Tools, deliver
from notifications.egress import Egress
from records.crm.deliveries import CrmDelivery, DeliveryState, sendable
from records.crm.references import refer
from records.crm.subscribers import SubscriberKind
from records.requests import DocumentRequest
from sandbox.crm import chatwoot
from sandbox.crm.serving import serving
from storage.database import Database, utcnow
from storage.due import lease
from tests.migrations.conftest import As
from tests.notifications.connectors.stage import TOKEN
from tests.notifications.connectors.test_telling import STAFF_URL, subscribe
from tests.records.crm.company import BOX, a_company


def test_what_the_gateway_named_the_courier_tells(owner: Database, acting_as: As) -> None:
    account = chatwoot.Chatwoot(token=TOKEN)
    account.conversations[123] = chatwoot.Conversation()
    company = a_company(owner)
    with serving(account.app()) as url:
        settings = checked_settings(SubscriberKind.CHATWOOT, {"url": url, "account": "1", "allow_private": True})
        subscribe(owner, company.world.org.id, SubscriberKind.CHATWOOT, settings)
        with acting_as("gateway").transaction() as session:
            request = session.get_one(DocumentRequest, company.world.request.id)
            refer(session, request, {"chatwoot_conversation": "123"}, now=utcnow())
        company.happens(Event.CRM_REQUEST_CREATED, company.world.request.id)
        company.tell()
        courier = acting_as("courier")
        ways = {SubscriberKind.CHATWOOT: Connectors(database=courier, egress=Egress(private_allowed=True))}
        with courier.transaction() as session:
            (held,) = lease(session, CrmDelivery, now=utcnow(), limit=9, only=sendable(utcnow()))
        deliver(Tools(database=courier, box=BOX, ways=ways, staff_url=STAFF_URL), held)
    with owner.reading() as session:
        assert session.scalars(select(CrmDelivery.state)).one() == DeliveryState.DELIVERED
    assert len(account.conversations[123].messages) == 1


@pytest.mark.parametrize("process", ["customer", "gateway", "staff", "inspector", "custodian", "opener"])
@pytest.mark.parametrize("table", ["crm_remote_objects", "crm_references"])
def test_nobody_else_reads_what_stands_in_a_crm(acting_as: As, process: str, table: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), acting_as(process).reading() as session:
        session.execute(text(f"SELECT * FROM {table}"))


@pytest.mark.parametrize("process", ["customer", "gateway", "inspector", "custodian", "opener"])
def test_nobody_but_courier_and_console_sees_subscribers(acting_as: As, process: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), acting_as(process).reading() as session:
        session.execute(text("SELECT id FROM crm_subscribers"))
