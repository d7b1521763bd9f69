"""Equal files inside one case: a returned one is refused, any other twin is filed and shown, and no hash travels."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from intake.filing import Fingerprints
from intake.inspection.chain import Inspector
from intake.inspection.sandbox import Sandbox
from intake.inspection.verdicts import Mime
from portal.worker import inspecting
from records.documents import Document, Part, PreviewTask, ReviewState
from records.organizations import Organization
from records.requests import Slot, SlotState
from storage.blobs import LocalBlobStore
from storage.database import Database, utcnow
from storage.sealing.signing import SigningKey
from tests.intake.inspection import documents
from tests.intake.inspection.office_files import a_docx
from tests.portal.worker.desk import Desk, a_desk, an_inspector
from tests.services.clamd import Clamd

JPEG = documents.a_jpeg()


@pytest.fixture(scope="module")
def inspector(clamd: Clamd) -> Iterator[Inspector]:
    with Sandbox(children=2) as walls, an_inspector(clamd.socket, walls) as inspector:
        yield inspector


@pytest.fixture
def desk(sqlite_database: Database, tmp_path: Path, inspector: Inspector) -> Desk:
    return a_desk(sqlite_database, LocalBlobStore(tmp_path / "blobs"), tmp_path / "quarantine", inspector)


def filed(desk: Desk, content: bytes = JPEG, slot: int = 0) -> str:
    document = desk.send(content, "", slot)
    desk.inspect()
    assert desk.document(document).state == "filed"
    return document


def give_back(desk: Desk, document: str) -> None:
    """What a reviewer's return does to the rows."""
    with desk.world.database.transaction() as session:
        row = session.get_one(Document, document)
        row.judged(ReviewState.RETURNED)
        row.slot.returned("unreadable", None, utcnow())


def test_the_file_that_was_returned_is_refused_when_it_comes_back(desk: Desk) -> None:
    give_back(desk, filed(desk))
    parts = len(desk.all(Part))
    again = desk.send(JPEG)
    desk.inspect()
    assert (desk.document(again).state, desk.document(again).reason) == ("refused", "returned_before")
    assert (desk.slot().state, desk.slot().reason) == (SlotState.REFUSED, "returned_before")
    assert desk.events("inspector:document:refused")[0].details["reason"] == "returned_before"
    assert len(desk.all(Part)) == parts
    other = filed(desk, documents.a_jpeg(200, 100))
    assert desk.document(other).alike_id is None


def test_the_file_that_was_returned_from_one_side_may_be_right_for_the_other(desk: Desk) -> None:
    give_back(desk, filed(desk))
    assert desk.document(filed(desk, slot=1)).alike_id is None


def test_a_twin_of_a_living_document_is_filed_and_named(desk: Desk) -> None:
    first = filed(desk)
    second = filed(desk, slot=1)
    assert (desk.document(first).alike_id, desk.document(second).alike_id) == (None, first)
    named = [event.details.get("alike") for event in desk.events("inspector:document:filed")]
    assert named == [None, first]


def test_two_cases_with_the_same_file_have_nothing_in_common() -> None:
    prints, sha256 = Fingerprints(SigningKey.generate()), hashlib.sha256(JPEG).digest()
    assert prints.within_case("a", sha256) != prints.within_case("b", sha256)
    assert prints.within_case("a", sha256) != prints.of("a", sha256)
    assert prints.within_case("a", sha256) != Fingerprints(SigningKey.generate()).within_case("a", sha256)


def test_no_plain_hash_of_a_document_is_in_its_row_or_its_event(desk: Desk) -> None:
    row = desk.document(filed(desk))
    digest = hashlib.sha256(JPEG)
    known = repr([vars(row), *[event.details for event in desk.events("inspector:document:filed")]])
    assert row.likeness is not None
    assert row.likeness != digest.digest()
    assert digest.hexdigest() not in known


def test_of_two_equal_files_at_once_one_names_the_other(
    database: Database, tmp_path: Path, inspector: Inspector, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = a_desk(database, LocalBlobStore(tmp_path / "blobs"), tmp_path / "quarantine", inspector)
    sent = [desk.send(JPEG, slot=slot) for slot in (0, 1)]
    together, file = Barrier(2, timeout=30), inspecting._file

    def wait_and_file(*arguments: Any) -> None:
        together.wait()
        file(*arguments)

    monkeypatch.setattr(inspecting, "_file", wait_and_file)
    held = desk.lease_all(Document)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda one: inspecting.inspect(desk.tools, one), held))
    rows = {document: desk.document(document) for document in sent}
    assert {row.state for row in rows.values()} == {"filed"}
    assert sorted(row.alike_id is None for row in rows.values()) == [False, True]


def test_what_an_organization_wants_flagged_is_filed_with_a_remark(desk: Desk) -> None:
    refused = desk.send(documents.a_pdf_with_javascript(), "contrato.pdf")
    desk.inspect()
    assert desk.document(refused).reason == "pdf_active_content"
    desk.change(Organization, flag_active_pdfs=True, flag_pdf_attachments=True)
    flagged = desk.send(documents.a_pdf_with_javascript(), "contrato.pdf")
    desk.inspect()
    assert (desk.document(flagged).state, desk.document(flagged).remarks) == ("filed", ["active_content"])
    carrying = desk.send(documents.a_pdf_with_attachment(b"<cfdi/>"), "factura.pdf", slot=1)
    desk.inspect()
    assert desk.document(carrying).remarks == ["attachments"]
    assert [event.details.get("remarks") for event in desk.events("inspector:document:filed")] == [
        "active_content",
        "attachments",
    ]


def test_a_good_file_of_a_format_that_is_not_asked_for_is_told_so(desk: Desk) -> None:
    with desk.world.database.transaction() as session:
        session.get_one(Slot, desk.world.slots[0]).requirement.formats = ["pdf"]
    document = desk.send(JPEG)
    desk.inspect()
    assert desk.document(document).reason == "other_format"


def test_an_office_document_is_filed_without_pages_only_where_company_and_requirement_want_it(desk: Desk) -> None:
    def want(formats: list[str], *, accept: bool) -> None:
        desk.change(Organization, accept_office=accept)
        with desk.world.database.transaction() as session:
            session.get_one(Slot, desk.world.slots[0]).requirement.formats = formats

    for formats, accept in ((["pdf"], True), (["pdf", "office"], False)):
        want(formats, accept=accept)
        refused = desk.send(a_docx(), "contrato.docx")
        desk.inspect()
        assert desk.document(refused).reason == "office_document"
    want(["pdf", "office"], accept=True)
    document = desk.document(filed(desk, a_docx()))
    assert (document.mime, document.pages) == (str(Mime.DOCX), 0)
    desk.preview()
    (task,) = desk.all(PreviewTask)
    assert (task.gave_up, task.due_at) == (True, None)
    assert set(desk.parts()) == {"original", "meta"}
