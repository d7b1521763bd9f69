"""The template studio on PostgreSQL, each step as the process that takes it, with only its own rights."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import make_url, select, text
from sqlalchemy.exc import ProgrammingError

from migrations import rights
from notifications.studio.moderation import apply
from notifications.studio.submitting import submit
from notifications.studio.syncing import sync
from notifications.studio.tools import Tools
from notifications.studio.writing import wordings
from notifications.whatsapp.library import REQUEST
from records import studio as use_case
from records.messages import InboundEvent
from records.templates import MessageTemplate, TemplateAccount, TemplateStatus, sendable
from storage.database import Database, utcnow
from storage.due import lease
from tests.notifications.courier import COURIER_BOX, a_courier
from tests.notifications.studio.conftest import SAUL
from tests.portal.gateway.company import PUBLIC_URL


@pytest.fixture
def owner(migrated_url: str) -> Iterator[Database]:
    database = Database(migrated_url)
    yield database
    database.dispose()


def acting_as(owner: Database, process: str) -> Database:
    url = owner.url.update_query_dict({"options": f"-c role={rights.group(process)}"})
    return Database(make_url(url).render_as_string(hide_password=False))


def turn(courier: Database, model: Any, work: Any, tools: Tools) -> None:
    with courier.transaction() as session:
        leases = lease(session, model, now=utcnow(), limit=50)
    assert leases
    for held in leases:
        work(tools, held)


def test_their_own_roles_are_enough_to_register_and_to_moderate(owner: Database) -> None:
    with a_courier(owner, templates=()) as stage:
        org_id, waba_id = stage.gateway.company.org_id, stage.stage.settings.waba_id
        staff, courier = acting_as(owner, "staff"), acting_as(owner, "courier")
        tools = Tools(database=courier, api=stage.stage.api, box=COURIER_BOX, public_url=PUBLIC_URL)
        with staff.transaction() as session:
            account = use_case.open_account(session, SAUL, org_id, waba_id, now=utcnow())
            use_case.register(session, SAUL, account, wordings(["es_MX"]), now=utcnow())
            use_case.refuse_marketing(session, SAUL, account, refuse=True, now=utcnow())
        turn(courier, TemplateAccount, sync, tools)
        turn(courier, MessageTemplate, submit, tools)
        with owner.reading() as session:
            row = session.scalars(select(MessageTemplate).filter_by(name=REQUEST)).one()
        event = InboundEvent(
            org_id=org_id,
            fields={
                "waba_id": waba_id,
                "field": "message_template_status_update",
                "event": "APPROVED",
                "template_id": str(row.remote_id),
            },
        )
        with courier.transaction() as session:
            apply(session, event, utcnow())
            assert sendable(session, org_id=org_id, waba_id=waba_id, name=REQUEST, language="es_MX")
        with staff.transaction() as session:
            found = use_case.template(session, org_id, row.id)
            assert found.status == TemplateStatus.APPROVED
            words = {"body": found.body, "footer": found.footer, "label": found.label}
            use_case.submit(session, SAUL, found, **words, now=utcnow())
            use_case.stand_by(session, SAUL, found, untrusted_name="", now=utcnow())
            use_case.delete(session, SAUL, found, now=utcnow())
        for database in (staff, courier):
            database.dispose()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE message_templates SET status = 'approved'",
        "UPDATE message_templates SET category = 'UTILITY'",
        "UPDATE template_accounts SET synced_at = NULL",
        "DELETE FROM message_templates",
        "SELECT token_boxed FROM whatsapp_senders",
    ],
)
def test_a_captured_console_cannot_speak_for_the_platform(owner: Database, statement: str) -> None:
    staff = acting_as(owner, "staff")
    with pytest.raises(ProgrammingError, match="permission denied"), staff.transaction() as session:
        session.execute(text(statement))
    staff.dispose()


@pytest.mark.parametrize("process", ["customer", "gateway", "inspector", "custodian", "opener"])
def test_no_other_process_sees_the_studio(owner: Database, process: str) -> None:
    database = acting_as(owner, process)
    with pytest.raises(ProgrammingError, match="permission denied"), database.reading() as session:
        session.execute(text("SELECT id FROM message_templates"))
    database.dispose()
