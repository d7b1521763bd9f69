"""Documents that the customer does not have: declined, waived, insisted on, on both databases."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from audit import AuditEvent
from records.declining import decline
from records.errors import Forbidden, InvalidValue, NotFound, WrongState
from records.links import Visit, newest_link
from records.messages import Message, Purpose
from records.requests import DocumentRequest, RequestState, Slot, SlotState
from records.requirements import Requirement
from records.reviewing import accept
from records.waiving import INSISTED, insist, waive
from storage.database import Database, new_id
from tests.records.case_of_ana import NOW, World, a_filed_document, a_received_document, world_in

LATER = NOW + timedelta(hours=1)


def slot_of(world: World, position: int = 0) -> str:
    return world.request.slots[position].id


def answer(database: Database, slot_id: str, reason: str = "lost", note: str = "") -> None:
    with database.transaction() as session:
        request_id = session.get_one(Slot, slot_id).request_id
        link = newest_link(session, request_id)
        visit = Visit(
            link=link, cookie_sha256=new_id() * 2, locale="es", started_at=NOW, last_seen_at=NOW, ends_at=LATER
        )
        session.add(visit)
        session.flush()
        decline(session, visit, slot_id, untrusted_reason=reason, untrusted_note=note, now=NOW)


def state(database: Database, slot_id: str) -> tuple[str, str | None, str | None]:
    with database.reading() as session:
        slot = session.get_one(Slot, slot_id)
        return slot.state, slot.reason, slot.note


def test_an_answer_waits_for_a_person_with_its_reason_and_leaves_a_trace_without_the_words(database: Database) -> None:
    world = world_in(database)
    answer(database, slot_of(world), note="Me la robaron en marzo")
    assert state(database, slot_of(world)) == (SlotState.DECLINED, "lost", "Me la robaron en marzo")
    with database.reading() as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.event == "customer:slot:declined")).one()
        assert event.subject_id == slot_of(world)
        assert event.details == {"request": world.request.id, "reason": "lost", "note": True}


def test_a_file_sent_later_replaces_the_answer(database: Database) -> None:
    world = world_in(database)
    answer(database, slot_of(world))
    with database.transaction() as session:
        a_received_document(session, session.get_one(Slot, slot_of(world)))
    assert state(database, slot_of(world)) == (SlotState.RECEIVED, None, None)


@pytest.mark.parametrize(("reason", "note"), [("because", ""), ("", ""), ("other", "  "), ("lost", "x" * 201)])
def test_an_answer_outside_the_form_is_refused(database: Database, reason: str, note: str) -> None:
    world = world_in(database)
    with pytest.raises(InvalidValue):
        answer(database, slot_of(world), reason, note)
    assert state(database, slot_of(world))[0] == SlotState.MISSING


def test_what_the_template_wants_in_any_case_cannot_be_declined(database: Database) -> None:
    world = world_in(database)
    with database.transaction() as session:
        session.get_one(Requirement, world.request.slots[0].requirement_id).may_decline = False
    with pytest.raises(WrongState):
        answer(database, slot_of(world))


def test_what_was_sent_or_answered_cannot_be_declined(database: Database) -> None:
    world = world_in(database)
    with database.transaction() as session:
        a_filed_document(session, session.get_one(Slot, slot_of(world)))
    answer(database, slot_of(world, 1))
    for position in (0, 1):
        with pytest.raises(WrongState):
            answer(database, slot_of(world, position))


def test_a_slot_of_another_request_is_nobodys(database: Database) -> None:
    world, other = world_in(database), world_in(database, slug="otra")
    with database.transaction() as session:
        visit = Visit(link=newest_link(session, world.request.id), cookie_sha256="x" * 64, locale="es",
                      started_at=NOW, last_seen_at=NOW, ends_at=LATER)  # fmt: skip
        session.add(visit)
        session.flush()
        with pytest.raises(NotFound):
            decline(session, visit, slot_of(other), untrusted_reason="lost", untrusted_note="", now=NOW)


def test_waiving_settles_the_request_and_keeps_why(database: Database) -> None:
    world = world_in(database)
    answer(database, slot_of(world), "never_had")
    with database.transaction() as session:
        document = a_filed_document(session, session.get_one(Slot, slot_of(world, 1)))
        accept(session, world.members["eva"], document.id, now=LATER)
    with database.transaction() as session:
        waive(session, world.members["eva"], slot_of(world), now=LATER)
    assert state(database, slot_of(world)) == (SlotState.WAIVED, "never_had", None)
    with database.reading() as session:
        assert session.get_one(DocumentRequest, world.request.id).state == RequestState.COMPLETE


def test_insisting_asks_again_with_a_message_and_the_reviewers_words(database: Database) -> None:
    world = world_in(database)
    answer(database, slot_of(world), note="no la tengo")
    with database.transaction() as session:
        insist(session, world.members["eva"], slot_of(world), untrusted_note="Pide un duplicado", now=LATER)
    assert state(database, slot_of(world)) == (SlotState.RETURNED, INSISTED, "Pide un duplicado")
    with database.reading() as session:
        message = session.scalars(select(Message).where(Message.purpose == Purpose.RETURNED)).one()
        event = session.scalars(select(AuditEvent).where(AuditEvent.event == "staff:slot:insisted")).one()
        assert event.details["message"] == message.id
    answer(database, slot_of(world), "in_process")
    assert state(database, slot_of(world))[0] == SlotState.DECLINED


@pytest.mark.parametrize(("who", "error"), [("omar", Forbidden), ("carla", Forbidden), ("saul", Forbidden)])
def test_omar_cannot_decide_on_an_answer_of_another_team(database: Database, who: str, error: type[Exception]) -> None:
    world = world_in(database)
    answer(database, slot_of(world))
    with database.transaction() as session:
        with pytest.raises(error):
            waive(session, world.members[who], slot_of(world), now=LATER)
        with pytest.raises(error):
            insist(session, world.members[who], slot_of(world), untrusted_note="", now=LATER)


def test_what_was_not_declined_can_be_neither_waived_nor_insisted_on(database: Database) -> None:
    world = world_in(database)
    with database.transaction() as session:
        for decide in (waive, lambda *what, now: insist(*what, untrusted_note="", now=now)):
            with pytest.raises(WrongState):
                decide(session, world.members["eva"], slot_of(world), now=LATER)


def test_of_a_waiver_and_a_file_at_once_the_file_is_never_lost(database: Database) -> None:
    world = world_in(database)
    answer(database, slot_of(world))
    start = threading.Barrier(2)

    def waiving() -> str:
        start.wait()
        try:
            with database.transaction() as session:
                waive(session, world.members["eva"], slot_of(world), now=LATER)
        except WrongState:
            return "late"
        return "won"

    def sending() -> str:
        start.wait()
        try:
            with database.transaction() as session:
                slot = session.get_one(Slot, slot_of(world), with_for_update=True)
                a_received_document(session, slot)
        except WrongState:
            return "late"
        return "won"

    with ThreadPoolExecutor(2) as pool:
        outcomes = {name: pool.submit(work) for name, work in (("waive", waiving), ("send", sending))}
        won = {name for name, outcome in outcomes.items() if outcome.result() == "won"}
    expected = {"waive": SlotState.WAIVED, "send": SlotState.RECEIVED}
    assert len(won) == 1
    assert state(database, slot_of(world))[0] == expected[won.pop()]
