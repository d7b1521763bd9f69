"""CRM events on PostgreSQL, each step as the process that takes it, with only its own rights."""

import psycopg
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError

from audit import Event
from notifications.crm.delivering import deliver
from portal.worker.telling import derive_events
from records.crm.events import CrmEvent
from storage.database import Database, utcnow
from tests.migrations.conftest import As
from tests.notifications.crm.courier import leased, tools_for
from tests.notifications.crm.receiver import Reply, receiving
from tests.records.crm.company import a_company


def test_the_courier_derives_delivers_and_disables_with_its_own_rights(owner: Database, acting_as: As) -> None:
    company, courier = a_company(owner), acting_as("courier")
    with receiving(Reply(), Reply(status=410)) as receiver:
        company.subscribe(url=receiver.url)
        for event in (Event.CRM_REQUEST_CREATED, Event.STAFF_REQUEST_CANCELLED):
            company.happens(event, company.world.request.id)
        company.seal()
        derive_events(courier, company.now)
        for _ in range(2):
            (held,) = leased(courier, now=utcnow())
            deliver(tools_for(courier), held)
    assert [each.state for each in company.deliveries()] == ["delivered", "failed"]
    with acting_as("gateway").reading() as session:
        assert len(session.scalars(select(CrmEvent)).all()) == 2


@pytest.mark.parametrize(
    ("process", "statement"),
    [
        ("staff", "SELECT secret_boxed FROM crm_subscribers"),
        ("staff", "SELECT previous_boxed FROM crm_subscribers"),
        ("staff", "UPDATE crm_subscribers SET settings = '{}'"),
        ("staff", "INSERT INTO crm_events SELECT * FROM crm_events"),
        ("staff", "INSERT INTO crm_deliveries SELECT * FROM crm_deliveries"),
        ("gateway", "SELECT settings FROM crm_subscribers"),
        ("gateway", "SELECT id FROM crm_deliveries"),
        ("courier", "UPDATE crm_subscribers SET settings = '{}'"),
        ("courier", "UPDATE crm_subscribers SET secret_boxed = ''"),
        ("courier", "UPDATE crm_events SET data = '{}'"),
        ("courier", "DELETE FROM crm_tries"),
        ("customer", "SELECT id FROM crm_events"),
        ("inspector", "SELECT id FROM crm_events"),
    ],
)
def test_a_captured_process_is_refused(acting_as: As, process: str, statement: str) -> None:
    with pytest.raises(ProgrammingError) as caught, acting_as(process).transaction() as session:
        session.execute(text(statement))
    assert isinstance(caught.value.orig, psycopg.errors.InsufficientPrivilege)
