"""What a customer took back is erased: keys and rows first, then objects, whoever was still at work on it."""

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from intake.inspection.chain import Inspector
from intake.inspection.sandbox import Sandbox
from portal.worker.drawing import preview
from portal.worker.engine import Postponed
from portal.worker.erasing import erase
from portal.worker.inspecting import inspect
from records.documents import Document, DocumentState, FilingIntent, Part, PreviewTask, ReviewState
from records.links import Visit
from records.receipts.entries import ReceiptEntry
from records.requests import SlotState
from records.uploads import Slice
from records.withdrawing import Withdrawal, withdraw
from storage.blobs import BlobStoreUnavailable, LocalBlobStore
from storage.database import Database, utcnow
from storage.due import Lease, LostLease, lease
from tests.intake.building import a_request
from tests.intake.inspection import documents
from tests.portal.worker.desk import Desk, a_desk, an_inspector
from tests.services.clamd import MARKER, Clamd

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
def desk(database: Database, tmp_path: Path, inspector: Inspector) -> Desk:
    """On both databases."""
    return a_desk(database, LocalBlobStore(tmp_path / "blobs"), tmp_path / "quarantine", inspector)


def take_back(desk: Desk, slot: int = 0) -> None:
    with desk.world.database.transaction() as session:
        withdraw(session, session.get_one(Visit, desk.world.visit_id), desk.world.slots[slot], now=utcnow())


def lease_of(desk: Desk) -> Lease:
    """Lease the withdrawal alone: other work goes on holding its own lease."""
    with desk.world.database.transaction() as session:
        (held,) = lease(session, Withdrawal, now=utcnow(), limit=5)
        return held


def nothing_is_left(desk: Desk) -> bool:
    return all(desk.all(model) == [] for model in (Part, Slice, PreviewTask, FilingIntent, ReceiptEntry)) and (
        desk.world.blob_names() == []
    )


def test_a_filed_document_that_is_taken_back_leaves_neither_bytes_nor_keys_nor_hashes(desk: Desk) -> None:
    document = desk.send(JPEG)
    desk.inspect()
    desk.preview()
    assert len(desk.parts()) == 3
    take_back(desk)
    assert (desk.slot().state, desk.slot().document_id) == (SlotState.MISSING, None)
    erase(desk.tools, desk.lease(Withdrawal))
    row = desk.document(document)
    assert (row.state, row.likeness) == (DocumentState.WITHDRAWN, None)
    assert nothing_is_left(desk)
    (erased,) = desk.events("inspector:document:erased")
    assert erased.subject_id == document
    (withdrawal,) = desk.all(Withdrawal)
    assert (withdrawal.blobs, withdrawal.due_at) == ([], None)
    assert withdrawal.erased_at is not None
    assert "commitment" in desk.events("inspector:document:filed")[0].details, "the trail keeps what it said"


def test_a_document_that_waits_for_its_inspection_ends_quietly(desk: Desk) -> None:
    document = desk.send(JPEG)
    take_back(desk)
    desk.inspect()
    assert desk.events("inspector:document:filed") == []
    erase(desk.tools, desk.lease(Withdrawal))
    assert desk.document(document).state == DocumentState.WITHDRAWN
    assert nothing_is_left(desk)


@pytest.mark.parametrize("content", [JPEG, JPEG + MARKER])
@pytest.mark.parametrize("erased", [False, True])
def test_an_inspection_under_way_changes_nothing_any_more(
    desk: Desk, content: bytes, erased: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    document, told = desk.send(content), []

    class Meanwhile:
        """Examines; and while it does, the customer takes the file back."""

        def inspect(self, *what: Any, **more: Any) -> Any:
            verdict = desk.tools.inspector.inspect(*what, **more)
            told.append(verdict)
            take_back(desk)
            if erased:
                erase(desk.tools, lease_of(desk))
            return verdict

        def __getattr__(self, name: str) -> Any:
            return getattr(desk.tools.inspector, name)

    held = desk.lease(Document)
    capsys.readouterr()
    with pytest.raises(LostLease):
        inspect(dataclasses.replace(desk.tools, inspector=Meanwhile()), held)
    assert len(told) == 1
    if not erased:
        erase(desk.tools, lease_of(desk))
    assert desk.document(document).state == DocumentState.WITHDRAWN
    assert desk.slot().state == SlotState.MISSING
    assert desk.events("inspector:document:filed") + desk.events("inspector:document:refused") == []
    assert (desk.all(Part), desk.all(Slice), desk.world.blob_names()) == ([], [], [])
    assert "document_broken" not in capsys.readouterr().out


def test_pages_that_are_drawn_meanwhile_become_no_parts(desk: Desk) -> None:
    desk.send(JPEG)
    desk.inspect()
    held = desk.lease(PreviewTask)
    take_back(desk)
    erase(desk.tools, lease_of(desk))
    with pytest.raises(LostLease):
        preview(desk.tools, held)
    assert (desk.all(Part), desk.world.blob_names()) == ([], [])


def test_an_interrupted_erasure_goes_on_and_never_brings_a_key_back(desk: Desk) -> None:
    desk.send(JPEG)
    desk.inspect()
    take_back(desk)

    class Away:
        def delete(self, name: str) -> None:
            raise BlobStoreUnavailable(name)

    with pytest.raises(Postponed, match="blob_store_unavailable"):
        erase(dataclasses.replace(desk.tools, blobs=Away()), desk.lease(Withdrawal))
    assert (desk.all(Part), desk.all(Slice)) == ([], [])
    assert desk.world.blob_names() != []
    erase(desk.tools, desk.lease(Withdrawal))
    assert desk.world.blob_names() == []


@pytest.mark.parametrize("forged", ["decided", "standing", "late", "of long ago", "of another request"])
def test_a_withdrawal_that_a_captured_portal_forged_erases_nothing(desk: Desk, forged: str) -> None:
    document = desk.send(JPEG)
    desk.inspect()
    with desk.world.database.transaction() as session:
        row = session.get_one(Document, document)
        if forged == "of long ago":
            row.received_at -= timedelta(days=4)
        late = timedelta(hours=1) if forged == "late" else timedelta(0)
        session.add(
            Withdrawal(
                org_id=row.org_id,
                document_id=document,
                link_id=row.upload.link_id,
                asked_at=row.received_at + late,
                due_at=utcnow(),
            )
        )
        if forged != "standing":
            row.slot.document_id = None
        session.flush()
        if forged == "decided":
            row.review = ReviewState.ACCEPTED
        if forged == "of another request":
            row.request_id = a_second_request(session, row)
    erase(desk.tools, desk.lease(Withdrawal))
    assert set(desk.parts()) == {"original", "meta"}
    assert desk.document(document).state == DocumentState.FILED


def a_second_request(session: Any, row: Document) -> str:
    return a_request(session, now=row.received_at).id


def test_the_slot_takes_another_file_at_once(desk: Desk) -> None:
    desk.send(JPEG)
    take_back(desk)
    second = desk.send(JPEG, "otra.jpg")
    erase(desk.tools, lease_of(desk))
    desk.inspect()
    assert desk.document(second).state == DocumentState.FILED
    assert desk.slot().document_id == second
