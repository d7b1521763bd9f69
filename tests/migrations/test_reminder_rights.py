"""Reminders, notices and calls on PostgreSQL, each step as the process that takes it, with only its own rights."""

from collections.abc import Callable

import pytest
from sqlalchemy import select, text

from notifications.acknowledging import thank
from notifications.reminding import remind
from records.escalations import Escalation, clear_call, customer_acted, open_call
from records.links import UploadLink, newest_link
from records.messages import Message, Purpose
from records.notices import QUIET, ReceivedNotice, document_arrived
from records.reminders import ReminderPlan, hold, look_again, next_step, plan_of, reason_to_skip, start, start_again
from records.requests import DocumentRequest
from storage.database import Database
from storage.due import lease
from tests.migrations.conftest import As
from tests.notifications.plans import DAY
from tests.records.case_of_ana import NOW, world_in


def take(courier: Database, model: type, run: Callable, now) -> None:
    with courier.transaction() as session:
        leases = lease(session, model, now=now, limit=5)
    assert len(leases) == 1
    run(courier, leases[0], now=now)


@pytest.mark.parametrize("asking", ["gateway", "staff"])
def test_their_own_roles_are_enough_to_plan_to_remind_and_to_call(owner: Database, acting_as: As, asking: str) -> None:
    world = world_in(owner)
    request_id = world.request.id
    with acting_as(asking).transaction() as session:
        start(session, session.get_one(DocumentRequest, request_id), now=NOW)
        look_again(session, request_id, now=NOW)
    courier = acting_as("courier")
    for at in (NOW, NOW + 3 * DAY, NOW + 8 * DAY, NOW + 15 * DAY, NOW + 16 * DAY):
        take(courier, ReminderPlan, remind, at)
        with owner.transaction() as session:
            session.execute(text("UPDATE messages SET state = 'delivered'"))
    with owner.reading() as session:
        assert len(session.scalars(select(Message).where(Message.purpose == Purpose.REMINDER)).all()) == 3
        assert open_call(session, request_id) is not None
    staff = acting_as("staff")
    with staff.transaction() as session:
        plan, request = plan_of(session, request_id), session.get_one(DocumentRequest, request_id)
        assert plan is not None
        assert next_step(session, plan, request) is not None
        reason_to_skip(session, request, NOW)
        hold(session, request_id, paused_at=NOW, now=NOW)
        clear_call(session, world.members["eva"], request_id, untrusted_note="Llamé", now=NOW)
    for process in ("staff", "inspector"):  # a return, and a recall
        with acting_as(process).transaction() as session:
            start_again(session, request_id, now=NOW)


def test_their_own_roles_are_enough_to_tell_that_something_arrived(owner: Database, acting_as: As) -> None:
    world = world_in(owner)
    with acting_as("customer").transaction() as session:
        for _ in range(2):
            document_arrived(session, world.request.id, now=NOW + DAY)
        customer_acted(session, session.get_one(UploadLink, newest_link(session, world.request.id).id), now=NOW)
    take(acting_as("courier"), ReceivedNotice, thank, NOW + DAY + QUIET)
    with owner.reading() as session:
        assert session.scalars(select(Message.purpose)).one() == Purpose.RECEIVED


def test_the_customer_clears_a_call_and_reads_no_note_of_it(owner: Database, acting_as: As) -> None:
    world = world_in(owner)
    with owner.transaction() as session:
        row = {"org_id": world.org.id, "case_id": world.case.id, "request_id": world.request.id}
        session.add(Escalation(**row, reason="silent", raised_at=NOW))
    customer = acting_as("customer")
    with customer.transaction() as session:
        customer_acted(session, session.get_one(UploadLink, newest_link(session, world.request.id).id), now=NOW)
    with owner.reading() as session:
        assert open_call(session, world.request.id) is None
    for column in ("note", "reason"):
        with pytest.raises(Exception, match="permission denied"), customer.reading() as session:
            session.execute(text(f"SELECT {column} FROM escalations"))


@pytest.mark.parametrize("process", ["customer", "opener", "custodian"])
def test_who_has_no_business_with_reminders_sees_none(owner: Database, acting_as: As, process: str) -> None:
    with pytest.raises(Exception, match="permission denied"), acting_as(process).reading() as session:
        session.execute(text("SELECT id FROM reminder_plans"))
