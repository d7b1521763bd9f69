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
from portal.worker.clearing import sweep
from records.documents import Document, PreviewTask
from records.receipts.entries import ReceiptEntry, open_entry, photos_commitment
from records.requests import SlotState
from records.uploads import REFUSED_LIFE, Slice, Upload
from storage.blobs import LocalBlobStore
from storage.database import Database, utcnow
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
def test_one_bad_photo_refuses_all_and_the_customer_reads_which(desk: Desk, bad: bytes, reason: str) -> None:
    for photo in (a_jpeg(), bad, a_jpeg()):
        desk.world.add_page(photo, name="")
    document = desk.world.send_tray()
    desk.inspect()
    row, slot = desk.document(document), desk.slot()
    assert (row.state, row.reason, row.reason_page) == ("refused", reason, 2)
    assert (slot.state, slot.reason, slot.reason_page) == (SlotState.REFUSED, reason, 2)
    assert desk.nothing_was_filed()
    again = desk.world.add_page()
    desk.world.send_tray()
    assert desk.slot().reason_page is None
    sweep(desk.tools, utcnow() + REFUSED_LIFE + timedelta(hours=1))
    assert {piece.upload_id for piece in desk.all(Slice)} == {again}


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
