"""Accepting and returning, on both databases."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from audit import AuditEvent
from records.documents import Document, DocumentState, ReviewState
from records.errors import Forbidden, InvalidValue, NotFound, WrongState
from records.links import UploadLink
from records.messages import Message, Purpose
from records.requests import DocumentRequest, RequestState, SendMode, Slot, SlotState
from records.reviewing import ReturnReason, accept, checked_note, next_to_review, return_
from storage.database import Database
from tests.records.case_of_ana import NOW, World, a_filed_document, a_received_document, world_in

LATER = NOW + timedelta(hours=1)


def filed(database: Database, world: World, position: int = 0) -> str:
    with database.transaction() as session:
        request = session.get_one(DocumentRequest, world.request.id)
        return a_filed_document(session, request.slots[position]).id


def decide(database: Database, world: World, who: str, document_id: str, *, back: bool = False) -> None:
    with database.transaction() as session:
        if back:
            return_(session, world.members[who], document_id, reason=ReturnReason.CUT_OFF, note=None, now=LATER)
        else:
            accept(session, world.members[who], document_id, now=LATER)


def test_accepting_fills_the_slot_and_leaves_a_trace(database: Database) -> None:
    world = world_in(database)
    document_id = filed(database, world)
    decide(database, world, "eva", document_id)
    with database.reading() as session:
        document = session.get_one(Document, document_id)
        event = session.scalars(select(AuditEvent).where(AuditEvent.event == "staff:document:accepted")).one()
        assert (document.review, document.slot.state) == (ReviewState.ACCEPTED, SlotState.ACCEPTED)
        assert (event.actor_id, event.subject_id, event.case_id) == (
            world.members["eva"].id,
            document_id,
            world.case.id,
        )
        assert session.get_one(DocumentRequest, world.request.id).state == RequestState.REQUESTED


def test_the_last_accepted_document_completes_the_request(database: Database) -> None:
    world = world_in(database)
    for position in (0, 1):
        decide(database, world, "eva", filed(database, world, position))
    with database.reading() as session:
        assert session.get_one(DocumentRequest, world.request.id).state == RequestState.COMPLETE


def test_two_acceptances_at_once_complete_the_request(database: Database) -> None:
    world = world_in(database)
    documents = [filed(database, world, position) for position in (0, 1)]
    together = threading.Barrier(2)

    def one(document_id: str) -> None:
        together.wait()
        decide(database, world, "eva", document_id)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, documents))
    with database.reading() as session:
        assert session.get_one(DocumentRequest, world.request.id).state == RequestState.COMPLETE


def test_of_two_decisions_at_once_one_counts(database: Database) -> None:
    world = world_in(database)
    document_id = filed(database, world)
    together = threading.Barrier(2)

    def one(back: bool) -> str:
        together.wait()
        try:
            decide(database, world, "eva" if back else "sofia", document_id, back=back)
        except WrongState:
            return "refused"
        return "done"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(one, (True, False))) == ["done", "refused"]
    with database.reading() as session:
        document = session.get_one(Document, document_id)
        assert document.review == document.slot.state
        told = session.scalars(select(Message)).all()
        assert len(told) == (1 if document.review == ReviewState.RETURNED else 0)


def test_returning_asks_the_customer_again_through_an_open_link(database: Database) -> None:
    world = world_in(database)
    document_id = filed(database, world)
    with database.transaction() as session:
        return_(
            session,
            world.members["eva"],
            document_id,
            reason=ReturnReason.EXPIRED,
            note=" De hace ocho meses.\x07 ",
            now=LATER,
        )
    with database.reading() as session:
        slot = session.get_one(Document, document_id).slot
        message = session.scalars(select(Message)).one()
        assert (slot.state, slot.reason, slot.note) == (SlotState.RETURNED, "expired", "De hace ocho meses.")
        assert (message.purpose, message.due_at) == (Purpose.RETURNED, LATER)
        assert message.link.accepts_activation(LATER)


def test_returning_reuses_an_open_link_and_replaces_a_closed_one(database: Database) -> None:
    world = world_in(database, slots=2)
    first, second = filed(database, world, 0), filed(database, world, 1)
    decide(database, world, "eva", first, back=True)
    with database.transaction() as session:
        links = session.scalars(select(UploadLink)).all()
        assert len(links) == 1
        links[0].revoked_at = LATER
    decide(database, world, "eva", second, back=True)
    with database.reading() as session:
        assert len(session.scalars(select(UploadLink)).all()) == 2


def test_two_returns_in_a_row_are_one_message(database: Database) -> None:
    world = world_in(database)
    for position in (0, 1):
        decide(database, world, "eva", filed(database, world, position), back=True)
    with database.reading() as session:
        assert len(session.scalars(select(Message)).all()) == 1


def test_the_portal_sends_nothing_where_the_crm_sends(database: Database) -> None:
    world = world_in(database, send_mode=SendMode.NONE)
    decide(database, world, "eva", filed(database, world), back=True)
    with database.reading() as session:
        assert session.scalars(select(Message)).all() == []


def test_a_returned_document_reopens_a_complete_request(sqlite_database: Database) -> None:
    world = world_in(sqlite_database, slots=1)
    document_id = filed(sqlite_database, world)
    decide(sqlite_database, world, "eva", document_id)
    with pytest.raises(WrongState):
        decide(sqlite_database, world, "eva", document_id, back=True)


@pytest.mark.parametrize("who", ["omar", "carla", "saul", "aurora"])
def test_who_may_not_review_changes_nothing(sqlite_database: Database, who: str) -> None:
    world = world_in(sqlite_database)
    document_id = filed(sqlite_database, world)
    for back in (False, True):
        with pytest.raises(Forbidden):
            decide(sqlite_database, world, who, document_id, back=back)
    with sqlite_database.reading() as session:
        assert session.get_one(Document, document_id).review == ReviewState.PENDING


def test_a_document_of_another_organization_looks_like_none(sqlite_database: Database) -> None:
    world = world_in(sqlite_database)
    other = world_in(sqlite_database, slug="otra")
    with pytest.raises(NotFound):
        decide(sqlite_database, other, "sofia", filed(sqlite_database, world))


@pytest.mark.parametrize("state", [DocumentState.RECEIVED, DocumentState.REFUSED, DocumentState.RECALLED])
def test_only_a_filed_document_can_be_judged(sqlite_database: Database, state: DocumentState) -> None:
    world = world_in(sqlite_database)
    document_id = filed(sqlite_database, world)
    with sqlite_database.transaction() as session:
        session.get_one(Document, document_id).state = state
    for back in (False, True):
        with pytest.raises(WrongState):
            decide(sqlite_database, world, "eva", document_id, back=back)


def test_an_earlier_document_of_the_slot_cannot_be_judged(sqlite_database: Database) -> None:
    world = world_in(sqlite_database)
    first = filed(sqlite_database, world)
    with sqlite_database.transaction() as session:
        session.get_one(Slot, session.get_one(Document, first).slot_id).document_id = "f" * 32
    with pytest.raises(WrongState):
        decide(sqlite_database, world, "eva", first)


def test_a_closed_case_takes_no_decisions(sqlite_database: Database) -> None:
    world = world_in(sqlite_database)
    document_id = filed(sqlite_database, world)
    with sqlite_database.transaction() as session:
        session.merge(world.case).close(LATER)
    with pytest.raises(WrongState):
        decide(sqlite_database, world, "eva", document_id)


def test_a_cancelled_request_returns_nothing(sqlite_database: Database) -> None:
    world = world_in(sqlite_database)
    document_id = filed(sqlite_database, world)
    with sqlite_database.transaction() as session:
        session.get_one(DocumentRequest, world.request.id).cancel()
    with pytest.raises(WrongState):
        decide(sqlite_database, world, "eva", document_id, back=True)


def test_the_next_to_review_is_the_one_that_waited_longest(sqlite_database: Database) -> None:
    world = world_in(sqlite_database, slots=3)
    with sqlite_database.transaction() as session:
        slots = session.get_one(DocumentRequest, world.request.id).slots
        second = a_filed_document(session, slots[1], NOW + timedelta(minutes=2))
        first = a_filed_document(session, slots[0], NOW + timedelta(minutes=1))
        a_received_document(session, slots[2])
        found = next_to_review(session, world.case.id)
        after = next_to_review(session, world.case.id, after=first.id)
        assert found is not None
        assert after is not None
        assert (found.id, after.id) == (first.id, second.id)


def test_a_note_is_bounded_and_an_unlisted_reason_needs_one() -> None:
    assert checked_note("  ", ReturnReason.EXPIRED) is None
    assert checked_note("a\u202eb\tc\nd", ReturnReason.EXPIRED) == "a b c\nd"
    for text, reason in (("x" * 501, ReturnReason.EXPIRED), ("", ReturnReason.OTHER), (None, ReturnReason.OTHER)):
        with pytest.raises(InvalidValue):
            checked_note(text, reason)
