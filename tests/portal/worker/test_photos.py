"""Photos sent together at the inspector: one PDF with the hash of each, or refused for the page to blame."""

import hashlib
import io
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pikepdf
import pytest
from sqlalchemy import select

from intake.filing import SlicesInconsistent, verify_part
from intake.inspection.chain import Inspector
from intake.inspection.sandbox import Sandbox
from intake.trays import Change
from portal.worker.clearing import sweep, sweep_leftovers
from portal.worker.inspecting import inspect
from portal.worker.materials import MAX_UNFINISHED
from records.documents import Document, PreviewTask
from records.links import UploadLink, Visit
from records.receipts.entries import ReceiptEntry, open_entry, photos_commitment
from records.requests import SlotState
from records.trays import Page
from records.uploads import REFUSED_LIFE, UPLOAD_LIFE, Slice, Upload
from records.withdrawing import withdraw
from storage.blobs import LocalBlobStore
from storage.database import Database, utcnow
from storage.due import LostLease
from tests.intake.inspection.documents import a_heic, a_jpeg, a_pdf, a_png
from tests.portal.worker.desk import HASHES, Desk, a_desk, an_inspector
from tests.services.clamd import MARKER, Clamd


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(children=2) as walls:
        yield walls


@pytest.fixture
def inspector(clamd: Clamd, sandbox: Sandbox) -> Iterator[Inspector]:
    with an_inspector(clamd.socket, sandbox) as inspector:
        yield inspector


@pytest.fixture
def desk(sqlite_database: Database, tmp_path: Path, inspector: Inspector) -> Desk:
    return a_desk_with_trays(sqlite_database, tmp_path, inspector)


def a_desk_with_trays(database: Database, folder: Path, inspector: Inspector) -> Desk:
    desk = a_desk(database, LocalBlobStore(folder / "blobs"), folder / "quarantine", inspector)
    desk.world.allow_pages()
    return desk


def test_photos_are_filed_as_one_pdf_with_the_hash_of_each_and_drawn_page_by_page(
    database: Database, tmp_path: Path, inspector: Inspector
) -> None:
    desk = a_desk_with_trays(database, tmp_path, inspector)
    photos = [a_jpeg(640, 480), a_png(300, 500), a_heic()]
    pages = [desk.world.add_page(photo, name=f"{number}.jpg") for number, photo in enumerate(photos)]
    desk.world.arrange(pages[1], Change.TURN)
    document = desk.world.send_tray()
    desk.inspect()
    parts = desk.parts()
    for part in parts.values():
        verify_part(part, desk.tools.signer.verify_key())
    pdf, meta = desk.opened(parts["original"]), desk.meta()
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        assert [[int(side) for side in page.mediabox[2:]] for page in opened.pages] == [
            [842, 632],
            [842, 505],
            [842, 632],
        ]
    assert (meta["name"], meta["mime"], meta["size"]) == ("documento.pdf", "application/pdf", len(pdf))
    assert meta["sha256"] == hashlib.sha256(pdf).hexdigest()
    assert [one["sha256"] for one in meta["photos"]] == [hashlib.sha256(photo).hexdigest() for photo in photos]
    assert [one["name"] for one in meta["photos"]] == ["0.jpg", "1.jpg", "2.jpg"]
    row = desk.document(document)
    assert (row.state, row.size, row.pages, desk.slot().state) == ("filed", len(pdf), 3, SlotState.FILED)
    (event,) = desk.events("inspector:document:filed")
    assert event.details["size"] == len(pdf)
    (entry,) = desk.all(ReceiptEntry)
    hashes = open_entry(entry, HASHES)
    assert [(one.sha256, one.size) for one in hashes.photos] == [
        (hashlib.sha256(photo).digest(), len(photo)) for photo in photos
    ]
    assert event.details["photos"] == photos_commitment(hashes.salt, hashes.photos)
    desk.preview()
    assert {"page-0001", "page-0002", "page-0003"} <= set(desk.parts())
    sweep(desk.tools, utcnow())
    assert desk.slices() == 0


@pytest.mark.parametrize(
    ("bad", "reason"),
    [(a_jpeg() + MARKER, "virus_found"), (a_jpeg()[:-500], "image_damaged"), (a_pdf(), "unknown_type")],
)
def test_one_bad_photo_refuses_all_and_the_others_come_back_into_the_tray(desk: Desk, bad: bytes, reason: str) -> None:
    one, two, three = (desk.world.add_page(photo, name="") for photo in (a_jpeg(), bad, a_jpeg(400, 300)))
    desk.world.arrange(three, Change.TURN)
    document = desk.world.send_tray()
    desk.inspect()
    row, slot = desk.document(document), desk.slot()
    assert (row.state, row.reason, row.reason_page) == ("refused", reason, 2)
    assert (slot.state, slot.reason, slot.reason_page) == (SlotState.REFUSED, reason, 2)
    assert desk.nothing_was_filed()
    assert (desk.world.tray(), row.upload_id) == ([one, three], two)
    assert {page.upload_id: page.turn for page in desk.all(Page)}[three] == 90
    (refused,) = desk.events("inspector:document:refused")
    assert refused.details["kept"] == 2
    again = desk.world.add_page()
    assert desk.world.tray() == [one, again, three]
    desk.world.send_tray()
    assert desk.slot().reason_page is None
    sweep(desk.tools, utcnow() + REFUSED_LIFE + timedelta(hours=1))
    assert {piece.upload_id for piece in desk.all(Slice)} == {one, again, three}


def test_a_pdf_with_the_name_of_a_photo_is_told_to_be_no_photo(desk: Desk) -> None:
    desk.world.add_page(a_pdf(), name="foto.jpg")
    desk.world.send_tray()
    desk.inspect()
    assert (desk.slot().reason, desk.slot().reason_page) == ("unknown_type", 1)
    assert desk.nothing_was_filed()


def test_what_came_back_is_filed_when_the_missing_page_came_and_is_charged_once(
    database: Database, tmp_path: Path, inspector: Inspector
) -> None:
    desk = a_desk_with_trays(database, tmp_path, inspector)
    photos = [a_jpeg()[:-500], a_jpeg(400, 300)]
    for photo in photos:
        desk.world.add_page(photo)
    refused = desk.world.send_tray()
    desk.inspect()
    better = a_jpeg(500, 300)
    desk.world.add_page(better)
    document = desk.world.send_tray()
    desk.inspect()
    assert (desk.document(refused).state, desk.document(document).state) == ("refused", "filed")
    sent = [hashlib.sha256(photo).hexdigest() for photo in (better, photos[1])]
    assert [one["sha256"] for one in desk.meta()["photos"]] == sent
    (link,) = desk.all(UploadLink)
    assert (link.used_files, link.used_bytes) == (3, sum(map(len, (better, *photos))))
    desk.preview()
    sweep(desk.tools, utcnow())
    assert {piece.upload_id for piece in desk.all(Slice)} == {desk.document(refused).upload_id}


def test_what_came_back_is_judged_again_and_each_refusal_takes_one_page_more(desk: Desk) -> None:
    bad = a_jpeg()[:-500]
    pages = [desk.world.add_page(photo) for photo in (a_jpeg(), bad, bad)]
    first = desk.world.send_tray()
    desk.inspect()
    assert desk.world.tray() == [pages[0], pages[2]]
    second = desk.world.send_tray()
    desk.inspect()
    assert desk.world.tray() == [pages[0]]
    assert [desk.document(one).upload_id for one in (first, second)] == [pages[1], pages[2]]
    desk.world.send_tray()
    desk.inspect()
    assert desk.slot().state == SlotState.FILED


def test_what_came_back_and_is_not_sent_goes_after_24_hours_and_the_refused_page_after_72(desk: Desk) -> None:
    good, bad = desk.world.add_page(a_jpeg()), desk.world.add_page(a_jpeg()[:-500])
    desk.world.send_tray()
    desk.inspect()
    sweep_leftovers(desk.tools, utcnow() + timedelta(hours=23))
    assert {piece.upload_id for piece in desk.all(Slice)} == {good, bad}
    sweep_leftovers(desk.tools, utcnow() + UPLOAD_LIFE + timedelta(hours=1))
    assert {piece.upload_id for piece in desk.all(Slice)} == {bad}
    sweep(desk.tools, utcnow() + REFUSED_LIFE + timedelta(hours=1))
    assert desk.slices() == 0


def test_nothing_comes_back_from_a_tray_that_no_page_is_to_blame_for(desk: Desk) -> None:
    desk.world.add_page(a_jpeg())
    desk.world.add_page(a_jpeg())
    desk.world.send_tray()
    desk.change(Document, unfinished=MAX_UNFINISHED)
    desk.inspect()
    assert (desk.slot().state, desk.slot().reason_page) == (SlotState.REFUSED, None)
    assert desk.world.tray() == []


def test_an_inspector_that_lost_its_lease_opens_no_tray(desk: Desk) -> None:
    desk.world.add_page(a_jpeg())
    desk.world.add_page(a_jpeg()[:-500])
    desk.world.send_tray()
    stale = desk.lease(Document)
    desk.lease(Document)
    with pytest.raises(LostLease):
        inspect(desk.tools, stale)
    assert (desk.world.tray(), desk.slot().state) == ([], SlotState.RECEIVED)


def test_a_tray_that_was_taken_back_meanwhile_is_not_opened_again(desk: Desk) -> None:
    desk.world.add_page(a_jpeg())
    desk.world.add_page(a_jpeg()[:-500])
    desk.world.send_tray()
    held = desk.lease(Document)
    with desk.world.database.transaction() as session:
        withdraw(session, session.get_one(Visit, desk.world.visit_id), desk.world.slots[0], now=utcnow())
    with suppress(LostLease):
        inspect(desk.tools, held)
    assert (desk.world.tray(), desk.slot().state) == ([], SlotState.MISSING)


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [(Upload, "state", "gathered"), (Upload, "slot_id", None), (Document, "size", 7)],
)
def test_pages_that_are_not_what_was_sent_are_never_filed(
    desk: Desk, table: type[Upload | Document], column: str, value: object
) -> None:
    desk.world.add_page(a_jpeg())
    desk.world.add_page(a_jpeg())
    desk.world.send_tray()
    desk.change(table, **{column: value or desk.world.slots[1]})
    for _ in range(3):
        with suppress(SlicesInconsistent):  # an alarm each time, until the last refuses
            desk.inspect()
    assert desk.slot().state == SlotState.REFUSED
    assert desk.nothing_was_filed()


def test_a_slice_of_one_photo_does_not_open_in_the_place_of_another(desk: Desk) -> None:
    one, two = desk.world.add_page(a_jpeg()), desk.world.add_page(a_jpeg(400, 300))
    desk.world.send_tray()
    with desk.world.database.transaction() as session:
        slices = {
            upload: session.scalars(select(Slice).where(Slice.upload_id == upload, Slice.seq == 1)).one()
            for upload in (one, two)
        }
        slices[one].header, slices[one].length = slices[two].header, slices[two].length
        blob, slices[two].blob = slices[two].blob, "slices/2026010100/none"
        session.flush()
        slices[one].blob = blob
    for _ in range(3):
        with suppress(SlicesInconsistent):
            desk.inspect()
    assert desk.slot().state == SlotState.REFUSED
    assert desk.nothing_was_filed()


def test_a_worker_that_died_in_the_middle_leaves_nothing_and_the_next_one_files(desk: Desk) -> None:
    desk.world.add_page(a_jpeg())
    desk.world.add_page(a_jpeg())
    desk.world.send_tray()
    first = desk.lease(Document)
    assert first.attempt == 1
    desk.inspect()
    desk.preview()
    assert len(desk.all(PreviewTask)) == 1
    assert desk.slot().state == SlotState.FILED
