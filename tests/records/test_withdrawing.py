"""Taking a file back while a person decides on it: one wins, the other is told, on both databases."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from audit import AuditEvent
from records.documents import Document, ReviewState
from records.errors import UndoOver, WrongState
from records.links import Visit
from records.opening import view_page
from records.requests import DocumentRequest, Slot, SlotState
from records.reviewing import accept, next_to_review
from records.withdrawing import Withdrawal, is_withdrawn, withdraw
from storage.database import Database
from tests.records.case_of_ana import NOW, World, a_filed_document, world_in

SOON = NOW + timedelta(minutes=29)


def filed(database: Database, world: World) -> tuple[str, str]:
    """A filed document and a visit that may take it back."""
    with database.transaction() as session:
        document = a_filed_document(session, session.get_one(DocumentRequest, world.request.id).slots[0])
        return document.id, document.upload.visit_id


def take_back(database: Database, visit_id: str, slot_id: str) -> None:
    with database.transaction() as session:
        withdraw(session, session.get_one(Visit, visit_id), slot_id, now=SOON)


def test_from_the_commit_on_nobody_decides_on_it_or_looks_at_it(database: Database) -> None:
    world = world_in(database)
    document_id, visit_id = filed(database, world)
    take_back(database, visit_id, world.request.slots[0].id)
    with database.transaction() as session:
        assert is_withdrawn(session, document_id)
        assert next_to_review(session, world.case.id) is None
        with pytest.raises(WrongState):
            accept(session, world.members["eva"], document_id, now=SOON)
        with pytest.raises(WrongState):
            view_page(session, world.members["eva"], document_id, 1, now=SOON)
        event = session.scalars(select(AuditEvent).where(AuditEvent.event == "customer:document:withdrawn")).one()
        assert event.subject_id == document_id


def test_of_a_reviewer_and_a_customer_at_once_one_wins(database: Database) -> None:
    for _ in range(5):
        world = world_in(database, slug=f"s{threading.get_ident()}-{_}")
        document_id, visit_id = filed(database, world)
        slot_id, start = world.request.slots[0].id, threading.Barrier(2)

        def accepting(document_id: str = document_id, world: World = world, start: threading.Barrier = start) -> str:
            start.wait()
            try:
                with database.transaction() as session:
                    accept(session, world.members["eva"], document_id, now=SOON)
            except WrongState:
                return ""
            return "accepted"

        def undoing(visit_id: str = visit_id, slot_id: str = slot_id, start: threading.Barrier = start) -> str:
            start.wait()
            try:
                take_back(database, visit_id, slot_id)
            except UndoOver:
                return ""
            return "withdrawn"

        with ThreadPoolExecutor(2) as pool:
            outcomes = [work.result() for work in (pool.submit(accepting), pool.submit(undoing))]
        assert sorted(map(bool, outcomes)) == [False, True]
        with database.reading() as session:
            slot, document = session.get_one(Slot, slot_id), session.get_one(Document, document_id)
            withdrawn = session.scalars(select(Withdrawal).where(Withdrawal.document_id == document_id)).first()
            if "accepted" in outcomes:
                assert (slot.state, document.review, withdrawn) == (SlotState.ACCEPTED, ReviewState.ACCEPTED, None)
            else:
                assert (slot.state, document.review) == (SlotState.MISSING, ReviewState.PENDING)
                assert withdrawn is not None
