"""The inspector's outcomes: filed with proof, refused with nothing kept, postponed, or given up; never half of one."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from intake.filing import Fingerprints, verify_part
from intake.inspection.answers import Examination
from intake.inspection.chain import Inspector
from intake.inspection.limits import Limits
from intake.inspection.memory import Memory
from intake.inspection.sandbox import PROBE, Sandbox
from intake.inspection.verdicts import SandboxUnavailable
from intake.quarantine import QuarantineKeyGone
from migrations.models import metadata
from portal.worker.engine import Postponed
from portal.worker.materials import MAX_UNFINISHED, Suspected
from records.cases import CaseKey
from records.documents import Document, FilingIntent, Part, PreviewTask
from records.receipts.entries import Hashes, ReceiptEntry, open_entry
from records.requests import Slot, SlotState
from records.uploads import Upload
from storage.blobs import BlobMissing, LocalBlobStore
from storage.blobs.protocol import Chunk
from storage.database import Database
from storage.due import LostLease
from storage.sealing.errors import SignatureRefused
from tests.intake.building import a_world
from tests.intake.inspection import documents
from tests.portal.worker.desk import HASHES, Desk, a_desk, an_inspector, mint
from tests.services.clamd import EICAR, MARKER, MARKER_NAME, Clamd

JPEG = documents.a_jpeg()


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
    return a_desk(sqlite_database, LocalBlobStore(tmp_path / "blobs"), tmp_path / "quarantine", inspector)


def test_a_clean_document_is_filed_with_attested_parts_and_a_right_commitment(
    database: Database, tmp_path: Path, inspector: Inspector
) -> None:
    desk = a_desk(database, LocalBlobStore(tmp_path / "blobs"), tmp_path / "quarantine", inspector)
    document = desk.document(desk.send(JPEG))
    desk.inspect()
    parts = desk.parts()
    assert set(parts) == {"original", "meta"}
    for part in parts.values():
        verify_part(part, desk.tools.signer.verify_key())
        assert (part.case_id, part.finding) == (document.case_id, "clean")
    assert desk.opened(parts["original"]) == JPEG
    meta = desk.meta()
    assert (meta["name"], meta["mime"], meta["sha256"]) == ("ine.jpg", "image/jpeg", hashlib.sha256(JPEG).hexdigest())
    (event,) = desk.events("inspector:document:filed")
    salted = bytes.fromhex(meta["salt"]) + bytes.fromhex(meta["sha256"])
    assert event.details["commitment"] == hashlib.sha256(salted).hexdigest()
    assert event.details["payload_sha256"] == parts["original"].payload_sha256
    assert (desk.document(document.id).state, desk.slot().state) == ("filed", SlotState.FILED)
    assert desk.document(document.id).due_at is None
    (entry,) = desk.all(ReceiptEntry)
    assert open_entry(entry, HASHES) == Hashes(
        sha256=bytes.fromhex(meta["sha256"]), salt=bytes.fromhex(meta["salt"]), photos=()
    )
    assert (entry.document_id, entry.event_id, entry.size) == (document.id, event.id, len(JPEG))
    assert sorted(desk.vault()) == sorted(part.blob for part in parts.values())
    assert desk.all(FilingIntent) == []


def test_no_row_and_no_event_holds_the_hash_of_a_document(desk: Desk) -> None:
    """A plain hash of an ID would outlive its erasure: whoever has the file could show that it was here."""
    desk.send(JPEG)
    desk.inspect()
    digest = hashlib.sha256(JPEG)
    with desk.world.database.reading() as session:
        rows = [row for table in metadata.sorted_tables for row in session.execute(table.select())]
    assert len(rows) > 10
    told = b"".join(value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row)
    assert digest.hexdigest().encode() not in told
    assert digest.digest() not in told


REFUSED = {
    "virus_found": (JPEG + MARKER, "ine.jpg"),
    "pdf_locked": (documents.a_locked_pdf(), "contrato.pdf"),
    "unknown_type": (b"just some text, " * 40, "nota.txt"),
    "extension_mismatch": (JPEG, "estado.pdf"),
    "pdf_active_content": (documents.a_pdf_with_javascript(), "contrato.pdf"),
    "image_damaged": (JPEG[: len(JPEG) // 2], "ine.jpg"),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_does_not_pass_is_refused_and_leaves_nothing_in_the_vault(desk: Desk, reason: str) -> None:
    content, name = REFUSED[reason]
    document = desk.send(content, name)
    desk.inspect()
    row = desk.document(document)
    assert (row.state, row.reason, row.due_at) == ("refused", reason, None)
    assert (desk.slot().state, desk.slot().reason) == (SlotState.REFUSED, reason)
    assert (row.threat == MARKER_NAME) == (reason == "virus_found")
    assert desk.events("inspector:document:refused")[0].details["reason"] == reason
    assert desk.nothing_was_filed()
    assert desk.all(PreviewTask) == []


def test_eicar_in_a_pdf_attachment_is_refused(desk: Desk) -> None:
    document = desk.send(documents.a_pdf_with_attachment(EICAR), "contrato.pdf")
    desk.inspect()
    assert desk.document(document).state == "refused"
    assert desk.nothing_was_filed()


def test_a_document_waits_for_a_scanner_that_is_away_and_is_then_filed(
    desk: Desk, sandbox: Sandbox, tmp_path: Path
) -> None:
    document = desk.send(JPEG)
    with an_inspector(tmp_path / "no.sock", sandbox) as blind:
        for _ in range(MAX_UNFINISHED + 2):
            with pytest.raises(Postponed, match="scanner_unavailable"):
                desk.inspect(inspector=blind)
    assert (desk.document(document).state, desk.document(document).unfinished) == ("received", 0)
    assert desk.nothing_was_filed()
    desk.inspect()
    assert desk.document(document).state == "filed"


def test_a_document_waits_for_the_key_of_its_case(desk: Desk) -> None:
    document = desk.send(JPEG)
    desk.change(CaseKey, public=None, signature=None)
    with pytest.raises(Postponed, match="case_key_pending"):
        desk.inspect()
    assert desk.nothing_was_filed()
    mint(desk.world.database, desk.world.keys.custodian)
    desk.inspect()
    assert desk.document(document).state == "filed"


def test_a_document_waits_for_a_store_that_is_away(desk: Desk, tmp_path: Path) -> None:
    document = desk.send(JPEG)
    (tmp_path / "blobs").rename(tmp_path / "unmounted")
    for _ in range(MAX_UNFINISHED + 1):
        with pytest.raises(Postponed, match="blob_store_unavailable"):
            desk.inspect()
    (tmp_path / "unmounted").rename(tmp_path / "blobs")
    desk.inspect()
    assert desk.document(document).state == "filed"


class TakenOver(LocalBlobStore):
    """While the first part is written, another worker takes the document over."""

    desk: Desk

    def put(self, name: str, chunks: Iterable[Chunk]) -> int:
        size = super().put(name, chunks)
        if name.startswith("docs/"):
            self.desk.lease(Document)
        return size


def test_who_lost_the_lease_changes_nothing_and_leaves_no_orphan(
    database: Database, tmp_path: Path, inspector: Inspector
) -> None:
    desk = a_desk(database, LocalBlobStore(tmp_path / "blobs"), tmp_path / "quarantine", inspector)
    document = desk.send(JPEG)
    store = TakenOver(tmp_path / "blobs")
    store.desk = desk
    with pytest.raises(LostLease):
        desk.inspect(blobs=store)
    assert (desk.document(document).state, desk.slot().state) == ("received", SlotState.RECEIVED)
    assert (desk.all(Part), desk.vault(), desk.events("inspector:document:filed")) == ([], [], [])
    desk.inspect()
    assert desk.document(document).state == "filed"


@pytest.mark.parametrize("moves_the_upload_too", [False, True])
def test_a_document_row_moved_to_another_case_is_not_filed(desk: Desk, moves_the_upload_too: bool) -> None:
    """Who can write rows points Ana's papers at Bruno's case: with the upload's row too, only the seal tells."""
    document = desk.send(JPEG)
    other = a_world(desk.world.database, desk.world.blobs, keys=desk.world.keys)
    mint(desk.world.database, desk.world.keys.custodian)
    with desk.world.database.transaction() as session:
        slot = session.get_one(Slot, other.slots[0])
        slot.state, slot.document_id = SlotState.RECEIVED, document
        values = {
            "org_id": slot.org_id,
            "case_id": slot.request.case_id,
            "request_id": slot.request_id,
            "slot_id": slot.id,
        }
        session.execute(update(Document).values(**values))
        if moves_the_upload_too:
            session.execute(update(Upload).values(slot_id=slot.id, link_id=other.link_id, org_id=slot.org_id))
    for _ in range(MAX_UNFINISHED - 1):
        with pytest.raises(Exception, match="context_mismatch" if moves_the_upload_too else "another place"):
            desk.inspect()
    desk.inspect()
    assert (desk.document(document).state, desk.document(document).reason) == ("refused", "send_again")
    assert desk.nothing_was_filed()


@pytest.mark.parametrize("column", ["org_id", "case_id", "request_id", "slot_id", "size"])
def test_a_document_row_that_disagrees_with_its_upload_is_not_filed(desk: Desk, column: str) -> None:
    document = desk.send(JPEG)
    other = a_world(desk.world.database, desk.world.blobs, keys=desk.world.keys)
    with desk.world.database.transaction() as session:
        slot = session.get_one(Slot, other.slots[0])
        moved: dict[str, Any] = {
            "org_id": slot.org_id,
            "case_id": slot.request.case_id,
            "request_id": slot.request_id,
            "slot_id": slot.id,
            "size": 5,
        }
        session.execute(update(Document).values({column: moved[column]}))
    with pytest.raises(Exception, match="another place"):
        desk.inspect()
    assert desk.document(document).state == "received"
    assert desk.nothing_was_filed()


def test_a_document_of_an_upload_that_never_finished_is_not_filed(desk: Desk) -> None:
    desk.send(JPEG)
    desk.change(Upload, state="ended")
    with pytest.raises(Exception, match="another place"):
        desk.inspect()
    assert desk.nothing_was_filed()


def test_a_planted_document_leaves_the_slot_of_another_as_it_is(desk: Desk) -> None:
    document = desk.send(JPEG)
    desk.change(Slot, state=SlotState.ACCEPTED, document_id="another")
    desk.change(Document, unfinished=MAX_UNFINISHED - 1)
    desk.inspect()
    assert desk.document(document).state == "refused"
    assert desk.slot().state == SlotState.ACCEPTED


def test_a_slice_that_is_gone_is_asked_for_again_after_some_tries(desk: Desk) -> None:
    document = desk.send(JPEG)
    desk.lose_a_slice()
    for _ in range(MAX_UNFINISHED - 1):
        with pytest.raises(BlobMissing):
            desk.inspect()
        assert desk.slot().state == SlotState.RECEIVED
    desk.inspect()
    assert (desk.document(document).state, desk.slot().reason) == ("refused", "send_again")
    assert desk.nothing_was_filed()


def test_a_quarantine_key_that_is_gone_does_not_loop(desk: Desk, tmp_path: Path) -> None:
    document = desk.send(JPEG)
    for key in (tmp_path / "quarantine").iterdir():
        key.unlink()
    for _ in range(MAX_UNFINISHED - 1):
        with pytest.raises(QuarantineKeyGone):
            desk.inspect()
    desk.inspect()
    assert desk.document(document).reason == "send_again"


def test_a_swapped_case_key_gets_nothing_and_does_not_loop(desk: Desk) -> None:
    document = desk.send(JPEG)
    desk.change(CaseKey, signature=b"\0" * 64)
    for _ in range(MAX_UNFINISHED - 1):
        with pytest.raises(SignatureRefused):
            desk.inspect()
    desk.inspect()
    assert desk.document(document).state == "refused"
    assert desk.nothing_was_filed()


def test_a_document_that_ends_its_worker_again_and_again_is_refused_unopened(desk: Desk) -> None:
    """A worker that dies forgives nothing: the count stays."""
    document = desk.send(JPEG)
    desk.change(Document, unfinished=MAX_UNFINISHED)
    desk.inspect(inspector=None)
    assert (desk.document(document).state, desk.document(document).reason) == ("refused", "scan_limits")


def test_an_innocent_document_whose_worker_was_killed_twice_is_filed(desk: Desk) -> None:
    document = desk.send(JPEG)
    desk.change(Document, unfinished=MAX_UNFINISHED - 1, takeovers=50)
    desk.inspect()
    assert desk.document(document).state == "filed"


class LostOnDocuments(Sandbox):
    """A sandbox that some document breaks each time, and that judges everything else."""

    @contextmanager
    def examined(self, document: Memory, suffix: str, limits: Limits) -> Iterator[Examination]:
        if document.size != len(PROBE):
            raise SandboxUnavailable("no answer in time")
        with super().examined(document, suffix, limits) as examination:
            yield examination


class Away(Sandbox):
    """A machine on which no walls can be built."""

    @contextmanager
    def examined(self, document: Memory, suffix: str, limits: Limits) -> Iterator[Examination]:
        raise SandboxUnavailable("no walls")
        yield


def test_a_document_that_alone_loses_the_sandbox_is_refused_after_some_tries(desk: Desk, clamd: Clamd) -> None:
    document = desk.send(JPEG)
    with LostOnDocuments() as walls, an_inspector(clamd.socket, walls) as inspector:
        for _ in range(MAX_UNFINISHED - 1):
            with pytest.raises(Suspected, match="sandbox_unavailable"):
                desk.inspect(inspector=inspector)
        desk.inspect(inspector=inspector)
    assert (desk.document(document).state, desk.document(document).reason) == ("refused", "scan_limits")


def test_a_document_waits_for_a_sandbox_that_works_for_nobody(desk: Desk, clamd: Clamd) -> None:
    document = desk.send(JPEG)
    with Away() as walls, an_inspector(clamd.socket, walls) as inspector:
        for _ in range(MAX_UNFINISHED + 2):
            with pytest.raises(Postponed, match="sandbox_unavailable"):
                desk.inspect(inspector=inspector)
    desk.inspect()
    assert desk.document(document).state == "filed"


def test_previews_are_drawn_sealed_and_attested(desk: Desk) -> None:
    desk.send(documents.a_pdf(pages=3), "estado.pdf")
    desk.inspect()
    desk.preview()
    pages = {name: part for name, part in desk.parts().items() if name.startswith("page-")}
    assert sorted(pages) == ["page-0001", "page-0002", "page-0003"]
    for page in pages.values():
        verify_part(page, desk.tools.signer.verify_key())
        assert desk.opened(page)[8:12] == b"WEBP"
    (task,) = desk.all(PreviewTask)
    assert (task.gave_up, task.done_at is not None, task.due_at) == (False, True, None)
    assert desk.all(FilingIntent) == []


def another_case(desk: Desk) -> str:
    other = a_world(desk.world.database, desk.world.blobs, keys=desk.world.keys)
    with desk.world.database.reading() as session:
        return session.get_one(Slot, other.slots[0]).request.case_id


BROKEN_PREVIEWS = {
    "a forged fingerprint": lambda desk: desk.change(PreviewTask, fingerprint=b"\0" * 32),
    "a slice that is gone": lambda desk: desk.lose_a_slice(),
    "a type that nobody draws": lambda desk: desk.change(Document, mime="text/html"),
    "a type that it is not": lambda desk: desk.change(Document, mime="application/pdf"),
    "a document that was recalled": lambda desk: desk.change(Document, state="recalled"),
    "a row moved to another case": lambda desk: desk.change(Document, case_id=another_case(desk)),
    "a forged case key": lambda desk: desk.change(CaseKey, signature=b"\0" * 64),
    "a worker that died each time": lambda desk: desk.change(PreviewTask, unfinished=MAX_UNFINISHED),
}


@pytest.mark.parametrize("what", BROKEN_PREVIEWS)
def test_previews_that_cannot_be_drawn_are_given_up_once_and_for_all(desk: Desk, what: str) -> None:
    desk.send(JPEG)
    desk.inspect()
    BROKEN_PREVIEWS[what](desk)
    desk.preview()
    (task,) = desk.all(PreviewTask)
    assert (task.gave_up, task.done_at is not None, task.due_at) == (True, True, None)
    assert set(desk.parts()) == {"original", "meta"}
    assert len(desk.vault()) == 2


def test_previews_wait_for_a_store_that_is_away(desk: Desk, tmp_path: Path) -> None:
    desk.send(JPEG)
    desk.inspect()
    (tmp_path / "blobs").rename(tmp_path / "unmounted")
    for _ in range(MAX_UNFINISHED + 2):
        with pytest.raises(Postponed, match="blob_store_unavailable"):
            desk.preview()
    (tmp_path / "unmounted").rename(tmp_path / "blobs")
    desk.preview()
    assert "page-0001" in desk.parts()


def test_pages_drawn_before_a_crash_are_not_drawn_twice(desk: Desk) -> None:
    document = desk.send(JPEG)
    desk.inspect()
    desk.preview()
    first = desk.parts()["page-0001"].blob
    fingerprint = Fingerprints(desk.tools.signer).of(document, hashlib.sha256(JPEG).digest())
    desk.change(PreviewTask, done_at=None, due_at=desk.world.clock.now, fingerprint=fingerprint)
    desk.preview()
    assert desk.parts()["page-0001"].blob == first
    assert len(desk.vault()) == 3
