"""Trays on PostgreSQL, each step as the process that takes it, with only its own rights."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url, select, update
from sqlalchemy.exc import ProgrammingError

from intake import sweeping
from intake.trays import Change
from migrations import rights
from records import trays
from records.documents import Document, DocumentState
from records.requests import Slot, SlotState
from records.trays import Page
from storage.blobs import LocalBlobStore
from storage.database import Database
from tests.intake.building import World, a_world


@pytest.fixture
def world(migrated_url: str, tmp_path: Path) -> Iterator[World]:
    """A world whose portal has the customer's rights only."""
    owner, portal = Database(migrated_url), Database(as_role(migrated_url, "customer"))
    made = a_world(owner, LocalBlobStore(tmp_path / "blobs"))
    made.allow_pages(3)
    yield dataclasses.replace(made, database=portal, intake=dataclasses.replace(made.intake, database=portal))
    for database in (owner, portal):
        database.dispose()


def as_role(url: str, process: str) -> str:
    query = {"options": f"-c role={rights.group(process)}"}
    return make_url(url).update_query_dict(query).render_as_string(hide_password=False)


def test_the_portals_own_role_is_enough_to_fill_arrange_and_send_a_tray(world: World) -> None:
    one, two = world.add_page(), world.add_page()
    world.add_page(retakes=one)
    world.arrange(two, Change.EARLIER)
    world.arrange(two, Change.TURN)
    world.arrange(two, Change.REMOVE)
    document = world.send_tray()
    with world.database.reading() as session:
        assert session.get_one(Document, document).state == DocumentState.RECEIVED
        assert len(trays.pages_of(session, document)) == 1


def test_the_inspectors_own_role_is_enough_to_give_good_pages_back_and_cannot_change_one(
    world: World, migrated_url: str
) -> None:
    good, bad = world.add_page(), world.add_page()
    document_id = world.send_tray()
    world.add_page(slot=1)
    inspector = Database(as_role(migrated_url, "inspector"))
    try:
        with inspector.transaction() as session:
            document = session.get_one(Document, document_id)
            document.size, document.reason_page = 7, 1
            document.slot.refused("image_damaged", world.clock.now, 2)
            assert trays.reopen(session, document, 2, world.clock.now) == 1
        assert world.tray() == [good]
        world.clock.advance(hours=25)
        assert sweeping.sweep(inspector, world.blobs, now=world.clock.now).expired == 2
        with inspector.reading() as session:
            slot = session.scalars(select(Slot).where(Slot.id == world.slots[0])).one()
            assert (slot.state, slot.reason_page) == (SlotState.REFUSED, 2)
            assert session.get_one(Document, document_id).upload_id == bad
        for changed in ({"turn": 90}, {"position": 9}, {"slot_id": world.slots[1]}):
            with pytest.raises(ProgrammingError, match="permission denied"), inspector.transaction() as session:
                session.execute(update(Page).values(changed))
    finally:
        inspector.dispose()
