"""When signatures change, filed documents are scanned again: newest first, after fresh ones, and a find recalls."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from intake.inspection.sandbox import Sandbox
from intake.inspection.scanning import Outcome
from portal.worker import opener
from portal.worker.clearing import sweep
from portal.worker.engine import Postponed
from portal.worker.rescanning import MAX_UNEXAMINED, OPEN, Asking, when_idle
from portal.worker.ticketing import Budget
from portal.worker.ticketing import sweep as sweep_tickets
from records.documents import Document
from records.messages import Message
from records.requests import DocumentRequest, RequestState, SendMode, SlotState
from records.rescans import KEPT, TICKET_LIFE, Rescan
from storage.blobs import LocalBlobStore
from storage.database import Database, utcnow
from storage.due import any_due
from tests.portal.worker.archive import JPEG, LATER_KNOWN, Archive, an_archive


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(children=1) as walls:
        yield walls


@pytest.fixture
def archive(sqlite_database: Database, tmp_path: Path, sandbox: Sandbox) -> Archive:
    return an_archive(sqlite_database, LocalBlobStore(tmp_path / "blobs"), tmp_path, sandbox)


def test_nothing_is_asked_for_while_the_signatures_stay(archive: Archive) -> None:
    archive.file()
    assert archive.ask() == []


def test_a_clean_document_stays_filed_and_notes_who_saw_it_last(
    database: Database, tmp_path: Path, sandbox: Sandbox
) -> None:
    archive = an_archive(database, LocalBlobStore(tmp_path / "blobs"), tmp_path, sandbox)
    document = archive.file()
    archive.desk.preview()
    sweep(archive.desk.tools, utcnow())
    assert archive.desk.slices() == 0, "it can only be read through a ticket now"
    archive.newer()
    assert [row.document_id for row in archive.ask()] == [document]
    assert [row.document_id for row in archive.grant()] == [document]
    archive.look()
    row = archive.desk.document(document)
    assert (row.state, row.signatures, row.rescanned_signatures, row.rescanned_engine) == ("filed", "1", "2", "Fake 1")
    assert (archive.row(document).outcome, archive.row(document).header) == ("clean", None)
    assert archive.ask() == []
    (granted,) = archive.desk.events("custodian:rescan:granted")
    assert (granted.subject_id, granted.details["signatures"]) == (document, "2")


def test_a_find_recalls_at_once_and_asks_the_customer_for_another(
    database: Database, tmp_path: Path, sandbox: Sandbox
) -> None:
    archive = an_archive(database, LocalBlobStore(tmp_path / "blobs"), tmp_path, sandbox)
    archive.desk.change(DocumentRequest, send_mode=SendMode.AUTO)
    document = archive.file()
    archive.newer(knows=LATER_KNOWN)
    archive.ask()
    archive.grant()
    archive.look()
    row, slot = archive.desk.document(document), archive.desk.slot()
    assert (row.state, row.finding, row.reason) == ("recalled", "infected", "virus_found_later")
    assert (row.threat, row.signatures, row.rescanned_signatures) == ("Win.Test.Late", "1", "2")
    assert (slot.state, slot.reason) == (SlotState.REFUSED, "virus_found_later")
    (event,) = archive.desk.events("inspector:document:recalled")
    (message,) = [one for one in archive.desk.all(Message) if one.purpose == "returned"]
    assert (event.subject_id, event.details["threat"], event.details["message"]) == (
        document, "Win.Test.Late", message.id,
    )  # fmt: skip
    assert archive.row(document).outcome == "recalled"


def test_nothing_of_a_recalled_document_is_opened_whatever_events_exist(archive: Archive) -> None:
    document = archive.file()
    archive.desk.preview()
    archive.newer(knows=LATER_KNOWN)
    archive.ask()
    archive.grant()
    archive.look()
    tools = opener.Tools(
        database=archive.custodian.database,
        keyring=archive.custodian.keyring,
        custodian=archive.custodian.signer.verify_key(),
        inspector=archive.custodian.inspector,
    )
    for event in archive.desk.all(type(archive.desk.events("inspector:document:filed")[0])):
        for part in ("original", "meta", "page-0001"):
            asked = opener.Asked(event=event.id, document=document, part=part)
            with pytest.raises(opener.OpeningRefused):
                opener.open_part(tools, asked, now=utcnow())


def test_a_virus_found_in_one_document_leaves_the_other_where_it_is(archive: Archive) -> None:
    clean, bad = archive.file(), archive.file(JPEG[:-2] + JPEG[-2:])
    archive.newer(knows=LATER_KNOWN)
    archive.ask()
    archive.grant()
    archive.look()
    states = sorted(archive.desk.document(one).state for one in (clean, bad))
    assert states == ["filed", "recalled"]


@pytest.mark.parametrize("outcome", [Outcome.LIMITS, Outcome.ENCRYPTED])
def test_what_cannot_be_examined_is_neither_clean_nor_recalled_but_told(archive: Archive, outcome: Outcome) -> None:
    document = archive.file()
    archive.newer()
    archive.scanner.outcome = outcome
    archive.ask()
    archive.grant()
    for left in reversed(range(MAX_UNEXAMINED)):
        archive.look()
        row = archive.desk.document(document)
        assert (row.state, row.rescanned_at, row.rescanned_signatures) == ("filed", None, None)
        assert (row.rescan_failed_at is None) == bool(left)
    assert archive.row(document).outcome == "unexamined"
    (event,) = archive.desk.events("inspector:rescan:failed")
    assert event.details["reason"] in ("scan_limits", "encrypted_content")
    assert archive.ask() == [], "not again and again under the same signatures"
    archive.scanner.outcome = None
    archive.newer()
    archive.ask()
    archive.grant()
    archive.look()
    assert archive.desk.document(document).rescan_failed_at is None


def test_a_scanner_that_is_away_is_waited_for_without_counting(archive: Archive) -> None:
    document = archive.file()
    archive.newer()
    archive.ask()
    archive.grant()
    archive.scanner.away = True
    for _ in range(MAX_UNEXAMINED + 2):
        with pytest.raises(Postponed, match="scanner_unavailable"):
            archive.look()
    assert (archive.row(document).outcome, archive.row(document).unexamined) == (None, 0)
    assert archive.ask() != []
    archive.scanner.away = False
    archive.look()
    assert archive.row(document).outcome == "clean"


def test_a_document_that_kills_its_worker_again_and_again_is_told_as_not_examined(archive: Archive) -> None:
    document = archive.file()
    archive.newer()
    archive.ask()
    archive.grant()
    archive.desk.change(Rescan, unfinished=3)
    archive.look()
    assert archive.row(document).outcome == "unexamined"
    assert archive.desk.document(document).state == "filed"


def test_the_newest_documents_are_seen_first(archive: Archive) -> None:
    old, new = archive.file(), archive.file()
    archive.age(**{old: timedelta(days=9), new: timedelta(days=1)})
    archive.newer()
    archive.ask()
    (first,) = archive.grant(Budget(files=1, size=1 << 40))
    assert first.document_id == new


def test_fresh_documents_go_before_every_second_look(archive: Archive) -> None:
    archive.file()
    archive.newer()
    archive.ask()
    archive.grant()
    database = archive.desk.world.database

    def due() -> bool:
        with database.reading() as session:
            return any_due(session, Rescan, now=utcnow(), only=when_idle())

    assert due()
    archive.desk.send(JPEG, slot=1)
    assert not due()
    archive.desk.inspect()
    assert due()


def test_signatures_that_change_again_take_back_what_has_no_ticket_yet(archive: Archive) -> None:
    document = archive.file()
    archive.newer()
    archive.ask()
    archive.newer()
    assert [row.signatures for row in archive.ask()] == ["3"]
    assert sorted(str(row.outcome) for row in archive.desk.all(Rescan)) == ["None", "superseded"]
    archive.grant()
    archive.look()
    assert archive.desk.document(document).rescanned_signatures == "3"


def test_the_result_names_the_signatures_that_looked_not_those_that_asked(archive: Archive) -> None:
    document = archive.file()
    archive.newer()
    archive.ask()
    archive.grant()
    archive.newer()
    archive.look()
    assert archive.desk.document(document).rescanned_signatures == "3"
    assert archive.ask() == []


def test_no_more_is_open_at_a_time_than_makes_sense(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    assert OPEN >= 10
    monkeypatch.setattr("portal.worker.rescanning.OPEN", 1)
    archive.file()
    archive.file()
    archive.newer()
    one_after_another = Asking(archive.desk.tools)
    for _ in range(2):
        one_after_another(utcnow())
        one_after_another(utcnow())
        assert len([row for row in archive.desk.all(Rescan) if row.outcome is None]) == 1
        archive.grant()
        archive.look()
    assert {row.outcome for row in archive.desk.all(Rescan)} == {"clean"}


def test_a_complete_request_opens_again_and_an_accepted_document_is_asked_for_again(archive: Archive) -> None:
    document = archive.file()
    database = archive.desk.world.database
    with database.transaction() as session:
        slot = session.get_one(Document, document).slot
        for each in slot.request.slots:
            each.state = SlotState.ACCEPTED
        slot.request.settle()
        assert slot.request.state == RequestState.COMPLETE
    archive.newer(knows=LATER_KNOWN)
    archive.ask()
    archive.grant()
    archive.look()
    assert archive.desk.slot().state == SlotState.REFUSED
    assert [one.state for one in archive.desk.all(DocumentRequest)] == [RequestState.OPENED]


def test_a_document_that_was_replaced_is_recalled_and_its_successor_stays(archive: Archive) -> None:
    document = archive.file()
    with archive.desk.world.database.transaction() as session:
        session.get_one(Document, document).slot.returned("unreadable", None, utcnow())
    archive.newer(knows=LATER_KNOWN)
    archive.ask()
    archive.grant()
    archive.look()
    assert archive.desk.document(document).state == "recalled"
    assert archive.desk.slot().state == SlotState.RETURNED, "the customer is asked already"
    assert [one for one in archive.desk.all(Message) if one.purpose == "returned"] == []


def test_dead_tickets_lose_their_headers_and_old_rows_go(archive: Archive) -> None:
    archive.file()
    archive.newer()
    archive.ask()
    archive.grant()
    sweep_tickets(archive.custodian, utcnow() + TICKET_LIFE)
    (row,) = archive.desk.all(Rescan)
    assert (row.header, row.outcome) == (None, None)
    archive.grant(now=utcnow() + TICKET_LIFE)
    archive.look()
    sweep_tickets(archive.custodian, utcnow() + KEPT + timedelta(minutes=1))
    assert archive.desk.all(Rescan) == []


def test_a_half_read_store_is_waited_for(archive: Archive, tmp_path: Path) -> None:
    document = archive.file()
    archive.newer()
    archive.ask()
    archive.grant()
    (tmp_path / "blobs").rename(tmp_path / "unmounted")
    with pytest.raises(Postponed, match="blob_store_unavailable"):
        archive.look()
    (tmp_path / "unmounted").rename(tmp_path / "blobs")
    archive.look()
    assert archive.row(document).outcome == "clean"
