"""Upload links: reused while they have life and room, renewed before they run out."""

from pathlib import Path

import pytest

from records import links
from records.links import UploadLink
from records.requests import Slot, SlotState
from storage.blobs import LocalBlobStore
from storage.database import Database
from tests.intake.building import MIB, World, a_world


@pytest.fixture
def world(sqlite_database: Database, tmp_path: Path) -> World:
    return a_world(sqlite_database, LocalBlobStore(tmp_path / "blobs"), max_bytes=10 * MIB)


def issued(world: World) -> str:
    with world.database.transaction() as session:
        link = session.get_one(UploadLink, world.link_id)
        return links.issue(session, link.request, now=world.clock.now).id


def change(world: World, **values: int) -> None:
    with world.database.transaction() as session:
        link = session.get_one(UploadLink, world.link_id)
        for name, value in values.items():
            setattr(link, name, value)


def test_an_open_link_with_room_is_used_again(world: World) -> None:
    change(world, used_files=10, used_bytes=100 * MIB)
    assert issued(world) == world.link_id


@pytest.mark.parametrize(
    ("column", "used"), [("used_files", 58), ("used_bytes", 2 * 1024 * MIB - 1), ("activations", 200)]
)
def test_a_link_that_is_nearly_used_up_is_renewed(world: World, column: str, used: int) -> None:
    change(world, **{column: used})
    assert issued(world) != world.link_id


def test_what_is_sent_already_needs_no_room(world: World) -> None:
    change(world, used_files=links.MAX_FILES)
    with world.database.transaction() as session:
        for slot in session.query(Slot):
            slot.state = SlotState.RECEIVED
    assert issued(world) == world.link_id


def test_a_request_larger_than_any_quota_still_has_one_link_at_a_time(world: World) -> None:
    change(world, max_files=2, max_bytes=MIB)
    assert issued(world) == world.link_id
