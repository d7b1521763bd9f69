"""Tickets, attacked: by a captured inspector, and by a hand in the database. Each test is named after the attack."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update

from intake.inspection.sandbox import Sandbox
from portal.worker.ticketing import ROUND, Budget
from records.documents import Document, DocumentState, Part
from records.rescans import TICKET, TICKET_LIFE, Rescan
from records.uploads import QuarantineKey
from storage.blobs import LocalBlobStore
from storage.database import Database, utcnow
from storage.keyring.local import LocalKeyring
from storage.sealing.contexts import DocumentContext
from storage.sealing.errors import ContextMismatch
from storage.sealing.signing import SigningKey
from storage.sealing.unseal import open_header
from tests.portal.worker.archive import JPEG, ROOM, Archive, an_archive


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(children=1) as walls:
        yield walls


@pytest.fixture
def archive(sqlite_database: Database, tmp_path: Path, sandbox: Sandbox) -> Archive:
    return an_archive(sqlite_database, LocalBlobStore(tmp_path / "blobs"), tmp_path, sandbox)


def change(archive: Archive, document: str, **values: Any) -> None:
    """Write into a re-scan what a hand in the database could."""
    with archive.desk.world.database.transaction() as session:
        session.execute(update(Rescan).where(Rescan.document_id == document).values(**values))


def with_ticket(archive: Archive) -> str:
    """One filed document whose ticket is written."""
    document = archive.file()
    archive.newer()
    archive.ask()
    archive.grant()
    return document


def was_not_read(archive: Archive, document: str, scanned: int) -> bool:
    row = archive.desk.document(document)
    return archive.scanner.scanned == scanned and (row.state, row.rescanned_at) == ("filed", None)


def test_a_ticket_for_another_document(archive: Archive) -> None:
    mine, other = archive.file(), archive.file()
    archive.newer()
    archive.ask()
    archive.grant()
    with archive.desk.world.database.transaction() as session:
        session.execute(delete(Rescan).where(Rescan.document_id == other))
        session.execute(update(Rescan).values(document_id=other))
    scanned = archive.scanner.scanned
    archive.look()
    assert archive.row(other).outcome == "refused"
    assert was_not_read(archive, other, scanned)
    assert was_not_read(archive, mine, scanned)


@pytest.mark.parametrize(
    "forged",
    [
        {"expires_at": utcnow() + timedelta(days=300)},
        {"payload_size": 1},
        {"payload_sha256": "0" * 64},
        {"header_sha256": "0" * 64},
        {"header": b"age-encryption.org/v1\n"},
        {"ticket": b"\0" * 64},
        {"ticket": None},
        {"id": "f" * 32},
    ],
    ids=lambda values: next(iter(values)),
)
def test_a_ticket_that_was_changed_afterwards(archive: Archive, forged: dict[str, Any]) -> None:
    document = with_ticket(archive)
    change(archive, document, **forged)
    scanned = archive.scanner.scanned
    archive.look()
    assert archive.row(document).outcome == "refused"
    assert was_not_read(archive, document, scanned)


def test_a_ticket_replayed_after_its_hour(archive: Archive) -> None:
    document = with_ticket(archive)
    row = archive.row(document)
    old = utcnow() - timedelta(minutes=1)
    row.expires_at = old
    signed = archive.custodian.signer.sign(TICKET, row.statement())
    change(archive, document, expires_at=old, ticket=signed)
    scanned = archive.scanner.scanned
    archive.look()
    assert (archive.row(document).outcome, archive.row(document).due_at) == (None, None)
    assert was_not_read(archive, document, scanned)
    assert [each.document_id for each in archive.grant()] == [document], "it waits for another"
    archive.look()
    assert archive.row(document).outcome == "clean"


def test_a_ticket_of_a_foreign_custodian(archive: Archive) -> None:
    document = with_ticket(archive)
    change(archive, document, ticket=SigningKey.generate().sign(TICKET, archive.row(document).statement()))
    scanned = archive.scanner.scanned
    archive.look()
    assert archive.row(document).outcome == "refused"
    assert was_not_read(archive, document, scanned)


def test_a_ticket_used_for_another_part_of_the_document(archive: Archive) -> None:
    row = archive.row(with_ticket(archive))
    private = archive.desk.tools.quarantine.private(row.quarantine_key_id or "")
    for part in ("meta", "page-0001"):
        with pytest.raises(ContextMismatch):
            open_header(row.header or b"", private, DocumentContext(org=row.org_id, doc=row.document_id, part=part))


def test_a_swapped_payload_is_neither_clean_nor_a_find(archive: Archive) -> None:
    document, other = archive.file(), archive.file()
    archive.newer(knows=JPEG[:16])
    archive.ask()
    archive.grant()
    with archive.desk.world.database.transaction() as session:
        session.execute(delete(Rescan).where(Rescan.document_id == other))
        parts = {part.document_id: part for part in session.query(Part).filter_by(name="original")}
        mine, theirs = parts[document].blob, parts[other].blob
        parts[other].blob = "docs/elsewhere"
        session.flush()
        parts[document].blob = theirs
        session.flush()
        parts[other].blob = mine
    scanned = archive.scanner.scanned
    archive.look()
    assert was_not_read(archive, document, scanned)
    assert (archive.row(document).unexamined, archive.row(document).outcome) == (1, None)


def test_the_ticket_dies_with_the_key_of_its_day(archive: Archive, tmp_path: Path) -> None:
    document = with_ticket(archive)
    key_id = archive.row(document).quarantine_key_id or ""
    (tmp_path / "quarantine" / key_id).rename(tmp_path / "shredded")
    scanned = archive.scanner.scanned
    archive.look()
    assert was_not_read(archive, document, scanned)
    assert (archive.row(document).outcome, archive.row(document).due_at) == (None, None)


def test_a_captured_inspector_that_asks_for_everything_gets_the_budget_and_no_more(archive: Archive) -> None:
    wanted = [archive.file() for _ in range(2)]
    now, budget = utcnow(), Budget(files=3, size=1 << 40)
    with archive.desk.world.database.transaction() as session:
        for document in wanted:
            org_id = session.get_one(Document, document).org_id
            session.add_all(
                Rescan(org_id=org_id, document_id=document, signatures=f"invented-{number}", asked_at=now)
                for number in range(ROUND)
            )
    for minutes in (0, 10, 59):
        archive.grant(budget, now + timedelta(minutes=minutes))
        assert len(archive.desk.events("custodian:rescan:granted")) == 3
    archive.grant(budget, now + TICKET_LIFE + timedelta(seconds=1))
    assert len(archive.desk.events("custodian:rescan:granted")) == 6


def test_the_budget_counts_bytes_too_and_always_lets_one_through(archive: Archive) -> None:
    for _ in range(2):
        archive.file()
    archive.newer()
    archive.ask()
    assert len(archive.grant(Budget(files=100, size=len(JPEG) // 2))) == 1
    assert len(archive.grant(Budget(files=100, size=len(JPEG) // 2))) == 1
    assert len(archive.grant(Budget(files=100, size=4 * len(JPEG)))) == 2


def test_a_budget_of_nothing_gives_nothing(archive: Archive) -> None:
    archive.file()
    archive.newer()
    archive.ask()
    assert archive.grant(Budget(files=0, size=1 << 40)) == []


@pytest.mark.parametrize("state", [state for state in DocumentState if state != DocumentState.FILED])
def test_a_request_invented_for_what_is_not_filed(archive: Archive, state: DocumentState) -> None:
    document = archive.file()
    archive.newer()
    archive.ask()
    archive.desk.change(Document, state=state)
    assert archive.grant() == []
    assert archive.row(document).outcome == "gone"


@pytest.mark.parametrize(
    "planted",
    [{"finding": "infected"}, {"attestation": b"\0" * 64}, {"payload_sha256": "0" * 64}, {"header": b"another"}],
    ids=lambda values: next(iter(values)),
)
def test_a_part_that_the_inspector_did_not_attest_gets_no_ticket(archive: Archive, planted: dict[str, Any]) -> None:
    document = archive.file()
    archive.newer()
    archive.ask()
    archive.desk.change(Part, **planted)
    assert archive.grant() == []
    assert archive.row(document).outcome == "refused"
    (event,) = archive.desk.events("custodian:rescan:refused")
    assert event.subject_id == document


def test_a_planted_quarantine_key_is_given_nothing(archive: Archive) -> None:
    document = archive.file()
    archive.newer()
    archive.ask()
    archive.desk.change(QuarantineKey, public=SigningKey.generate().raw())
    assert archive.grant() == []
    assert archive.row(document).outcome is None, "it waits for a key that the custodian certified"


def test_a_lost_root_postpones_and_never_refuses_for_good(archive: Archive, tmp_path: Path) -> None:
    document = archive.file()
    archive.newer()
    archive.ask()
    (tmp_path / "keyring").rename(tmp_path / "unmounted")
    assert archive.grant() == []
    assert archive.row(document).outcome is None
    (tmp_path / "unmounted").rename(tmp_path / "keyring")
    assert len(archive.grant(ROOM)) == 1


def test_everybody_writes_on_while_the_keyring_is_asked(archive: Archive, tmp_path: Path) -> None:
    document = archive.file()
    archive.newer()
    archive.ask()
    database, answered = archive.desk.world.database, []

    class Remote(LocalKeyring):
        """A keyring that somebody writes beside."""

        def open(self, org_id: str, sealed: bytes, context: Mapping[str, str]) -> bytes:
            with ThreadPoolExecutor(1) as pool:
                answered.append(pool.submit(_write, database).exception(timeout=30))
            return super().open(org_id, sealed, context)

    assert [row.document_id for row in archive.grant(keyring=Remote(tmp_path / "keyring"))] == [document]
    assert answered == [None]


def _write(database: Database) -> None:
    with database.transaction() as session:
        session.execute(update(Document).values(remarks=[]))
