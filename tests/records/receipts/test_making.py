"""Receipts are made step by step, tell what was filed, nothing of the person, and are opened by their number only."""

import hashlib
import io
import re
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from sqlalchemy import select, update

from audit import AuditEvent
from migrations.models import metadata
from portal.worker import keeping, receipting
from portal.worker.engine import Postponed
from records.errors import NotFound, WrongState
from records.links import UploadLink
from records.receipts.entries import ReceiptEntry, erase_entry, open_entry
from records.receipts.rows import AN_HOUR, Receipt, ReceiptState, TooManyReceipts, find_receipt, is_superseded
from records.receipts.secret import ReceiptSecret
from records.receipts.verifying import verify
from records.requests import Slot, SlotState
from sandbox.tsa.authority import Authority
from storage.database import Database, utcnow
from storage.sealing.errors import BoxRefused, SealingError
from tests.records.exporting.casting import CHECKPOINTS, HASHES
from tests.records.receipts.acknowledging import HANDOVER, Counter
from tests.records.receipts.conftest import FILES, NAME, PHOTOS, a_counter


def text_of(pdf: bytes) -> str:
    """What a reader sees, in one line."""
    told = subprocess.run(["pdftotext", "-", "-"], input=pdf, capture_output=True, check=True).stdout.decode()
    return re.sub(r"\s+", " ", told)


def test_a_receipt_goes_from_question_to_proof(database: Database, tmp_path: Path, authority: Authority) -> None:
    counter = a_counter(database, tmp_path, authority)
    secret = counter.make()
    row = counter.row(secret)
    assert (row.state, row.sealed_secret, row.due_at, row.lease_until) == (ReceiptState.READY, None, None, None)
    proven = verify(counter.facts(secret), checkpoint_keys=[CHECKPOINTS.public], tsa_root=counter.root)
    assert proven.number == secret.text
    assert [document.sha256 for document in proven.documents] == [hashlib.sha256(one).hexdigest() for one in FILES]
    assert [document.side for document in proven.documents] == ["front", "back", "whole"]
    assert [photo.sha256 for photo in proven.documents[2].photos] == [hashlib.sha256(one).digest() for one in PHOTOS]
    photo = proven.find(hashlib.sha256(PHOTOS[1]).hexdigest())
    assert photo is not None
    assert photo.id == proven.documents[2].id
    assert proven.find("0" * 64) is None
    assert abs(proven.stamped_at - utcnow()) < timedelta(minutes=1)


def test_the_pdf_says_it_all_and_names_nobody(counter: Counter) -> None:
    secret = counter.make()
    text = text_of(counter.pdf(secret))
    assert "Financiera del Valle" in text
    for content in (*FILES, *PHOTOS):
        assert hashlib.sha256(content).hexdigest() in text
    assert "Identificación oficial, frente" in text
    assert " UTC" in text
    assert secret.text in text
    everything = text.encode() + counter.facts(secret)
    for personal in (NAME, "CANARY", "Ana", "+525511112222", "Crédito"):
        assert personal.encode() not in everything


@pytest.mark.parametrize(("language", "word"), [("en", "Receipt for documents"), ("pt", "Recibo de documentos")])
def test_the_pdf_speaks_the_reader_s_language(counter: Counter, language: str, word: str) -> None:
    assert word in text_of(counter.pdf(counter.make(language)))


def test_the_attachments_verify_with_openssl(counter: Counter, tmp_path: Path) -> None:
    (tmp_path / "acuse.pdf").write_bytes(counter.pdf(counter.make()))
    subprocess.run(["pdfdetach", "-saveall", "acuse.pdf"], cwd=tmp_path, check=True)
    openssl = "openssl ts -verify -data checkpoint.txt -in checkpoint.tsr -CAfile tsa-ca.pem"
    told = subprocess.run(openssl.split(), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "Verification: OK" in told.stdout + told.stderr
    facts = (tmp_path / "acuse.json").read_bytes()
    verify(facts, checkpoint_keys=[CHECKPOINTS.public], tsa_root=counter.root)
    (tmp_path / "checkpoint.txt").write_text("another")
    assert subprocess.run(openssl.split(), cwd=tmp_path, capture_output=True, check=False).returncode != 0


def test_the_pdf_is_made_for_archives_and_for_screen_readers(counter: Counter) -> None:
    with pikepdf.open(io.BytesIO(counter.pdf(counter.make("en")))) as pdf:
        root: Any = pdf.Root
        assert (str(root.Lang), bool(root.MarkInfo.Marked)) == ("en", True)
        attached = {str(one.F): str(one.AFRelationship) for one in root.AF}
        assert attached["acuse.json"] == "/Data"
        with pdf.open_metadata() as told:
            assert (told["pdfaid:part"], told["pdfaid:conformance"]) == ("3", "A")
            assert told["dc:title"] == "Receipt for documents"


def test_a_reader_of_the_database_learns_no_hash_and_no_number(counter: Counter) -> None:
    secret = counter.ask()
    counter.company.stamp()
    for _ in range(2):
        counter.work()
        counter.company.stamp()
    assert counter.row(secret).state == ReceiptState.READY
    with counter.company.database.reading() as session:
        rows = [row for table in metadata.sorted_tables for row in session.execute(table.select())]
    told = b"".join(value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row)
    for content in (*FILES, *PHOTOS):
        assert hashlib.sha256(content).hexdigest().encode() not in told
        assert hashlib.sha256(content).digest() not in told
    assert secret.text.encode() not in told


def test_a_captured_portal_opens_no_receipt_that_is_ready(counter: Counter) -> None:
    """All it holds is the key of the handover, and the secret is gone with the making."""
    row = counter.row(counter.make())
    with pytest.raises(WrongState):
        row.secret(HANDOVER)
    for box in (HANDOVER, HASHES, ReceiptSecret.fresh().box()):
        with pytest.raises(SealingError):
            box.open(row.facts or b"", table="receipts", row=row.id, column="facts")


def test_the_wrong_number_finds_nothing(counter: Counter) -> None:
    row = counter.row(counter.make())
    with counter.company.database.reading() as session, pytest.raises(NotFound):
        find_receipt(session, ReceiptSecret.fresh())
    for untrusted in ("", "x" * 32, row.id.upper(), row.id + "0", "../" + row.id, "١" * 32):
        with pytest.raises(NotFound):
            ReceiptSecret.read(untrusted)
    with pytest.raises(BoxRefused):
        row.open("facts", row.facts, ReceiptSecret(text=row.id))


def test_hashes_moved_to_another_document_do_not_open(counter: Counter) -> None:
    with counter.company.database.transaction() as session:
        first, second, _ = session.scalars(select(ReceiptEntry)).all()
        first.sealed = second.sealed
        session.flush()
        with pytest.raises(SealingError):
            open_entry(first, HASHES)


def test_a_handover_moved_to_another_receipt_makes_nothing(counter: Counter) -> None:
    counter.company.stamp()
    one, other = counter.ask(), counter.ask()
    with counter.company.database.transaction() as session:
        receipts = {row.id: row for row in session.scalars(select(Receipt))}
        receipts[one.receipt_id()].sealed_secret = receipts[other.receipt_id()].sealed_secret
    (bad,) = [held for held in counter.lease() if held.id == one.receipt_id()]
    with pytest.raises(SealingError):
        receipting.make(counter.tools, bad)
    assert counter.row(one).state == ReceiptState.REQUESTED


def test_a_receipt_waits_until_the_trail_has_sealed_its_filings(counter: Counter) -> None:
    counter.ask()
    with pytest.raises(Postponed, match="receipt_before_its_filings"):
        counter.work()
    keeping.seal_trail(counter.company.custodian, utcnow())
    with counter.company.database.transaction() as session:
        session.execute(update(Receipt).values(lease_until=None))
    assert counter.work() == 1


def test_a_receipt_without_a_stamp_is_not_worked_on(counter: Counter) -> None:
    counter.company.stamp()
    secret = counter.ask()
    counter.work()
    assert counter.row(secret).state == ReceiptState.GATHERED
    keeping.seal_trail(counter.company.custodian, utcnow())
    assert counter.row(secret).checkpoint_id is not None
    assert counter.work() == 0


def test_a_second_try_at_a_finished_step_changes_nothing(counter: Counter) -> None:
    secret = counter.make()
    before = counter.facts(secret)
    with counter.company.database.transaction() as session:
        session.execute(update(Receipt).values(due_at=utcnow()))
    assert counter.work() == 1
    assert counter.facts(secret) == before
    assert counter.row(secret).due_at is None


def test_nothing_is_acknowledged_while_something_is_examined(counter: Counter) -> None:
    with counter.company.database.transaction() as session:
        session.execute(update(Slot).where(Slot.position == 1).values(state=SlotState.RECEIVED))
    with pytest.raises(WrongState):
        counter.ask()
    with counter.company.database.transaction() as session:
        session.execute(update(Slot).values(state=SlotState.MISSING))
    with pytest.raises(WrongState):
        counter.ask()


def test_receipts_of_one_request_are_limited_by_the_hour(counter: Counter) -> None:
    for _ in range(AN_HOUR):
        counter.ask()
    with pytest.raises(TooManyReceipts):
        counter.ask()
    counter.ask(now=utcnow() + timedelta(hours=2))


def test_a_later_receipt_supersedes_the_earlier_once_it_is_ready(counter: Counter) -> None:
    first = counter.make()
    second = counter.ask()
    with counter.company.database.reading() as session:
        assert not is_superseded(session, find_receipt(session, first))
    counter.work()
    counter.company.stamp()
    counter.work()
    with counter.company.database.reading() as session:
        assert is_superseded(session, find_receipt(session, first))
        assert not is_superseded(session, find_receipt(session, second))


def test_an_erased_document_is_in_no_new_receipt_and_stays_in_the_old_one(counter: Counter) -> None:
    old = counter.make()
    with counter.company.database.transaction() as session:
        slot = session.scalars(select(Slot).where(Slot.position == 0)).one()
        erase_entry(session, str(slot.document_id))
    new = counter.make()
    counts = [
        len(verify(counter.facts(one), checkpoint_keys=[CHECKPOINTS.public], tsa_root=counter.root).documents)
        for one in (old, new)
    ]
    assert counts == [3, 2]


def test_the_pdf_goes_with_the_link_and_the_facts_stay(counter: Counter) -> None:
    secret = counter.make()
    with counter.company.database.reading() as session:
        expires_at = session.get_one(UploadLink, counter.company.link_id).expires_at
    receipting.drop_pdfs(counter.tools, expires_at - timedelta(seconds=1))
    assert counter.pdf(secret).startswith(b"%PDF")
    receipting.drop_pdfs(counter.tools, expires_at + timedelta(seconds=1))
    with pytest.raises(NotFound):
        counter.pdf(secret)
    verify(counter.facts(secret), checkpoint_keys=[CHECKPOINTS.public], tsa_root=counter.root)


def test_both_events_are_told_by_the_right_voice(counter: Counter) -> None:
    secret = counter.make()
    with counter.company.database.reading() as session:
        told = session.scalars(select(AuditEvent).where(AuditEvent.subject_id == secret.receipt_id())).all()
        assert {(event.event, event.actor_id) for event in told} == {
            ("customer:receipt:requested", counter.company.link_id),
            ("courier:receipt:gathered", "courier"),
        }
