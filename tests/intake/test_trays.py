"""Trays: photos gather, are moved, turned, retaken and removed, and become one document when they are sent."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select

from audit import AuditEvent
from intake import sweeping
from intake.errors import EmptyFile, MalformedUpload, TooLarge, TrayChanged, TrayFull
from intake.standing import Told
from intake.trays import Change
from records import links, trays
from records.documents import Document
from records.errors import LinkClosed, NotFound, SlotTaken
from records.links import UploadLink
from records.requests import Slot, SlotState
from records.uploads import UPLOAD_LIFE, Slice, Upload, UploadState
from storage.blobs import LocalBlobStore
from storage.database import Database
from tests.intake.building import MIB, World, a_world


@pytest.fixture
def both(database: Database, tmp_path: Path) -> World:
    """A world on SQLite and on PostgreSQL."""
    world = a_world(database, LocalBlobStore(tmp_path / "blobs"))
    world.allow_pages(3)
    return world


@pytest.fixture
def world(sqlite_database: Database, tmp_path: Path) -> World:
    world = a_world(sqlite_database, LocalBlobStore(tmp_path / "blobs"))
    world.allow_pages(3)
    return world


def documents(world: World) -> list[Document]:
    with world.database.reading() as session:
        return list(session.scalars(select(Document)))


def state(world: World, upload: str) -> UploadState:
    with world.database.reading() as session:
        return UploadState(session.get_one(Upload, upload).state)


def turns(world: World) -> list[int]:
    with world.database.reading() as session:
        return [page.turn for page in trays.pages_in(session, world.slots[0], world.clock.now)]


def events(world: World, name: str) -> list[AuditEvent]:
    with world.database.reading() as session:
        return list(session.scalars(select(AuditEvent).where(AuditEvent.event == name)))


def test_photos_gather_in_their_order_and_are_no_document_until_they_are_sent(both: World) -> None:
    pages = [both.add_page(b"one"), both.add_page(b"two"), both.add_page(b"three")]
    assert both.tray() == pages
    assert documents(both) == []
    document = both.send_tray()
    (made,) = documents(both)
    assert (made.id, made.size, made.upload_id) == (document, len(b"onetwothree"), pages[0])
    assert {state(both, page) for page in pages} == {UploadState.FINISHED}
    with both.database.reading() as session:
        assert session.get_one(Slot, both.slots[0]).state == SlotState.RECEIVED
        assert [page.upload_id for page in trays.pages_of(session, document)] == pages
        assert session.get_one(UploadLink, both.link_id).used_files == 3
    (sent,) = events(both, "customer:upload:finished")
    assert sent.details == {"document": document, "slot": both.slots[0], "bytes": 11, "pages": 3}


def test_pages_are_moved_turned_and_removed(both: World) -> None:
    one, two, three = both.add_page(), both.add_page(), both.add_page()
    both.arrange(three, Change.EARLIER)
    assert both.tray() == [one, three, two]
    both.arrange(one, Change.LATER)
    assert both.tray() == [three, one, two]
    both.arrange(three, Change.EARLIER)
    both.arrange(two, Change.LATER)
    assert both.tray() == [three, one, two]
    for _ in range(5):
        both.arrange(one, Change.TURN)
    assert turns(both) == [0, 90, 0]
    both.arrange(three, Change.REMOVE)
    assert both.tray() == [one, two]
    assert state(both, three) == UploadState.ENDED


def test_a_retaken_photo_takes_the_place_of_the_old_one(both: World) -> None:
    one, two = both.add_page(), both.add_page()
    again = both.add_page(retakes=one)
    assert both.tray() == [again, two]
    assert state(both, one) == UploadState.ENDED


def test_a_photo_that_retakes_a_page_which_is_gone_comes_last(both: World) -> None:
    one, two = both.add_page(), both.add_page()
    both.arrange(one, Change.REMOVE)
    again = both.add_page(retakes=one)
    assert both.tray() == [two, again]


def test_a_full_tray_takes_a_retake_and_nothing_more(world: World) -> None:
    pages = [world.add_page() for _ in range(3)]
    with pytest.raises(TrayFull):
        world.add_page()
    world.add_page(retakes=pages[1])
    assert len(world.tray()) == 3


def test_the_photos_of_a_tray_together_are_no_larger_than_a_pdf_may_be(
    sqlite_database: Database, tmp_path: Path
) -> None:
    world = a_world(sqlite_database, LocalBlobStore(tmp_path / "blobs"), max_bytes=MIB)
    world.allow_pages()
    world.add_page(bytes(MIB // 2))
    with pytest.raises(TrayFull):
        world.add_page(bytes(MIB // 2 + 1))
    with pytest.raises(TooLarge):
        world.begin(1, MIB + 1)


def test_a_requirement_without_pages_has_no_tray(world: World) -> None:
    world.allow_pages(1)
    with pytest.raises(MalformedUpload):
        world.add_page()


def test_a_double_tap_on_send_makes_one_document(both: World) -> None:
    both.add_page()
    both.add_page()
    seen = both.edition()
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: both.send_tray(seen), range(8)))
    assert len(made) == len(documents(both)) == 1


def test_a_tray_that_another_phone_changed_is_not_sent_as_seen(both: World) -> None:
    one = both.add_page()
    both.add_page()
    seen = both.edition()
    both.arrange(one, Change.TURN)
    with pytest.raises(TrayChanged):
        both.send_tray(seen)
    assert documents(both) == []


def test_a_tray_that_the_sweep_is_ending_makes_no_document(both: World) -> None:
    page = both.add_page()
    seen, late = both.edition(), both.clock.now + UPLOAD_LIFE

    def send() -> str:
        try:
            return both.send_tray(seen)
        except TrayChanged as error:
            return error.code

    with ThreadPoolExecutor(1) as pool:
        with both.database.transaction() as session:
            assert sweeping.expire(session, now=late)
            sending = pool.submit(send)
            time.sleep(1)  # the phone was just in time, and waits for whoever came first
        assert sending.result(timeout=60) == "tray_changed"
    assert (state(both, page), documents(both)) == (UploadState.ENDED, [])


def test_an_empty_tray_is_not_sent(world: World) -> None:
    with pytest.raises(TrayChanged):
        world.send_tray()


def test_what_was_sent_is_never_rearranged(world: World) -> None:
    page = world.add_page()
    world.send_tray()
    for change in Change:
        with pytest.raises(SlotTaken):
            world.arrange(page, change)
    with pytest.raises(SlotTaken):
        world.send_tray("another")
    with pytest.raises(SlotTaken):
        world.add_page()


def test_a_tray_of_another_request_is_out_of_reach(world: World, sqlite_database: Database) -> None:
    other = a_world(sqlite_database, world.blobs, keys=world.keys)
    other.allow_pages()
    page = other.add_page()
    with pytest.raises(TrayChanged):
        world.arrange(page, Change.REMOVE)
    world.slots[0] = other.slots[0]
    with pytest.raises(NotFound):
        world.arrange(page, Change.REMOVE)
    with pytest.raises(NotFound):
        world.send_tray(other.edition())
    assert other.tray() == [page]


def test_a_revoked_link_neither_changes_nor_sends_its_tray(world: World) -> None:
    page = world.add_page()
    with world.database.transaction() as session:
        links.revoke(session, session.get_one(UploadLink, world.link_id), now=world.clock.now)
    with pytest.raises(LinkClosed):
        world.arrange(page, Change.TURN)
    with pytest.raises(LinkClosed):
        world.send_tray()


def test_a_file_sent_by_itself_ends_the_tray(world: World) -> None:
    page = world.add_page()
    upload = world.begin(length=3)
    world.intake.append(visit_id=world.visit_id, upload_id=upload, offset=0, body=[b"pdf"])
    assert world.tray() == []
    assert state(world, page) == UploadState.ENDED
    (document,) = documents(world)
    assert document.upload_id == upload


def test_an_abandoned_tray_goes_24_hours_after_its_last_photo(both: World) -> None:
    both.add_page(b"first")
    both.clock.advance(minutes=25)
    both.add_page(b"second")
    both.clock.advance(hours=23, minutes=50)
    assert len(both.tray()) == 2
    sweeping.sweep(both.database, both.blobs, now=both.clock.now)
    assert len(both.tray()) == 2
    both.clock.advance(hours=1)
    assert both.tray() == []
    sweeping.sweep(both.database, both.blobs, now=both.clock.now)
    assert both.blob_names() == []
    with both.database.reading() as session:
        assert session.scalars(select(Slice)).all() == []


def test_a_page_finishes_with_a_deferred_length_too(world: World) -> None:
    upload = world.begin(told=Told(page=True))
    with pytest.raises(EmptyFile):
        world.intake.finish(visit_id=world.visit_id, upload_id=upload)
    upload = world.begin(told=Told(page=True))
    world.intake.append(visit_id=world.visit_id, upload_id=upload, offset=0, body=[b"a photo"])
    assert world.intake.finish(visit_id=world.visit_id, upload_id=upload) is None
    assert world.intake.finish(visit_id=world.visit_id, upload_id=upload) is None
    assert world.tray() == [upload]


def test_a_document_tells_that_zones_were_covered_on_one_of_its_photos(world: World) -> None:
    world.add_page()
    world.add_page(covered=True)
    world.send_tray()
    (document,) = documents(world)
    assert document.covered
    (sent,) = events(world, "customer:upload:finished")
    assert sent.details["covered"] == "yes"
