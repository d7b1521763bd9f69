"""The bag of a real case: valid for `bagit` and for its own verify.py; whatever is not as filed never leaves whole."""

import csv
import io
import json
import shutil
import subprocess
import sys
import tracemalloc
import zipfile
from functools import partial

import bagit
import pytest
from sqlalchemy import delete, update

from audit import AuditEvent
from audit.tree import AuditCheckpoint
from portal.worker import keeping
from portal.worker.opener import OpeningRefused
from records.documents import Document, DocumentState, Part
from records.errors import WrongState
from records.exporting.bag import stream_bag
from records.exporting.contents import gather
from records.exporting.errors import ExportDamaged
from records.links import Visit
from records.withdrawing import withdraw
from sandbox.tsa.authority import Authority
from storage.blobs.local import LocalBlobStore
from storage.database import utcnow
from tests.records.exporting.casting import CHECKPOINTS, a_company, unpacked

PHOTO = b"\xff\xd8\xff front " * 20_000
PAPER = b"%PDF-1.7 page " * 90_000


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority.at(tmp_path_factory.mktemp("keys") / "tsa")


@pytest.fixture
def company(sqlite_database, tmp_path, authority):
    blobs = LocalBlobStore(tmp_path / "blobs")
    blobs.check()
    return a_company(sqlite_database, blobs, authority, tmp_path / "roots")


@pytest.fixture
def filed(company):
    """The ids of three documents: both sides of an ID card with one name, and a paper."""
    return [
        company.file(0, "INE frente.jpg", PHOTO),
        company.file(1, "INE frente.jpg", PHOTO + b"back"),
        company.file(2, "../../Cédula de Ñandú\u202egpj.pdf", PAPER, "application/pdf"),
    ]


def verified(root, *options):
    done = subprocess.run(
        [sys.executable, "-I", "-S", "verify.py", *options], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def damage(company, document_id, name="original", at=-1):
    """Flip one bit of a stored object."""
    with company.database.reading() as session:
        blob = session.query(Part).filter_by(document_id=document_id, name=name).one().blob
    content = bytearray(b"".join(company.blobs.read(blob)))
    content[at] ^= 1
    company.blobs.delete(blob)
    company.blobs.put(blob, [bytes(content)])


def test_the_bag_of_a_case_is_valid_for_bagit_and_for_itself(company, filed, tmp_path):
    root = unpacked(company.bag(), tmp_path / "out")
    bagit.Bag(str(root)).validate()
    status, lines = verified(root)
    assert (status, lines[-1]) == (0, "VALID")
    assert any(line.startswith("Sello de tiempo: ") and "no" not in line for line in lines)
    assert not any("completo" in line for line in lines)
    documents = json.loads((root / "data/index.json").read_text())["documents"]
    assert [one["id"] for one in documents] == filed
    assert [(root / one["path"]).read_bytes() for one in documents] == [PHOTO, PHOTO + b"back", PAPER]


def test_names_in_the_bag_are_plain_unique_and_inside_it(company, filed, tmp_path):
    root = unpacked(company.bag(), tmp_path / "out")
    documents = json.loads((root / "data/index.json").read_text())["documents"]
    assert [one["path"] for one in documents] == [
        "data/documents/001-doc0-front/INE frente.jpg",
        "data/documents/002-doc0-back/INE frente.jpg",
        "data/documents/003-doc1-whole/Cedula de Nandugpj.pdf",
    ]
    assert documents[2]["name"] == "../../Cédula de Ñandú\u202egpj.pdf"


def test_the_pages_and_descriptions_stay_behind(company, filed):
    with zipfile.ZipFile(io.BytesIO(company.bag())) as archive:
        names = [name.partition("/")[2] for name in archive.namelist()]
    assert [name for name in names if name.startswith("data/documents/")] == names[1:4]
    assert sorted(set(names) - set(names[1:4])) == sorted(
        ["bagit.txt", "bag-info.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt", "verify.py"]
        + ["LEEME.txt", "README.txt", "data/index.json", "data/index.csv"]
        + [f"data/audit/{name}" for name in ("events.jsonl", "proofs.json", "checkpoint.txt", "checkpoint.pub")]
        + ["data/audit/checkpoint.tsr", "data/audit/tsa-ca.pem"]
    )


def test_one_flipped_byte_of_a_document_is_named_by_both(company, filed, tmp_path):
    root = unpacked(company.bag(), tmp_path / "out")
    path = root / "data/documents/001-doc0-front/INE frente.jpg"
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    with pytest.raises(bagit.BagValidationError, match="001-doc0-front/INE frente"):
        bagit.Bag(str(root)).validate()
    status, lines = verified(root)
    assert (status, lines[-1]) == (1, "NOT VALID")
    assert any("001-doc0-front/INE frente.jpg" in line and "[altered_document]" in line for line in lines)


def test_a_missing_audit_line_is_named(company, filed, tmp_path):
    root = unpacked(company.bag(), tmp_path / "out")
    path = root / "data/audit/events.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    gone = json.loads(lines.pop(2))
    path.write_bytes(b"".join(lines))
    status, said = verified(root)
    assert status == 1
    assert any(gone["id"] in line and "[removed_event]" in line for line in said)


def test_a_damaged_payload_never_becomes_a_whole_archive(company, filed):
    export_id = company.exported()
    damage(company, filed[2])
    found, event_id = company.gathered(export_id)
    received = io.BytesIO()
    chunks = stream_bag(found, blobs=company.blobs, open_part=partial(company.open_part, event_id))
    with pytest.raises(ExportDamaged, match=filed[2]):
        received.writelines(chunks)
    assert received.tell() > len(PHOTO)
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(received)


@pytest.mark.parametrize("part", ["meta", "original"])
def test_a_lost_object_is_noticed_before_the_first_byte(company, filed, part):
    found, event_id = company.gathered(company.exported())
    with company.database.reading() as session:
        company.blobs.delete(session.query(Part).filter_by(document_id=filed[1], name=part).one().blob)
    with pytest.raises(ExportDamaged, match=filed[1]):
        stream_bag(found, blobs=company.blobs, open_part=partial(company.open_part, event_id))


def test_a_damaged_description_is_noticed_before_the_first_byte(company, filed):
    found, event_id = company.gathered(company.exported())
    damage(company, filed[0], "meta")
    with pytest.raises(ExportDamaged, match=filed[0]):
        stream_bag(found, blobs=company.blobs, open_part=partial(company.open_part, event_id))


def test_a_description_swapped_between_documents_is_refused(company, filed):
    """Whoever can write rows and objects gives one document the whole `meta` of another: the keys do not fit."""
    with company.database.transaction() as session:
        one, other = (session.query(Part).filter_by(document_id=each, name="meta").one() for each in filed[:2])
        one.blob, other.blob = "docs/x1", other.blob
        company.blobs.put("docs/x1", company.blobs.read(other.blob))
    found, event_id = company.gathered(company.exported())
    with pytest.raises(ExportDamaged, match=filed[0]):
        stream_bag(found, blobs=company.blobs, open_part=partial(company.open_part, event_id))


def test_bytes_that_are_not_those_of_the_filing_event_never_become_a_whole_archive(company):
    document_id = company.file(0, "a.jpg", PHOTO, lie=PHOTO + b"!")
    found, event_id = company.gathered(company.exported())
    with pytest.raises(ExportDamaged, match=document_id):
        b"".join(stream_bag(found, blobs=company.blobs, open_part=partial(company.open_part, event_id)))


def test_without_the_downloads_event_no_key_and_no_bag(company, filed):
    found, _ = company.gathered(company.exported())
    with pytest.raises(OpeningRefused):
        stream_bag(found, blobs=company.blobs, open_part=partial(company.open_part, "0" * 32))


def test_an_altered_event_row_stops_the_export(company, filed):
    export_id = company.exported()
    with company.database.transaction() as session:
        session.execute(
            update(AuditEvent).where(AuditEvent.subject_id == filed[0]).values(details={"commitment": "0" * 64})
        )
    with pytest.raises(ExportDamaged, match="not as it was sealed"):
        company.gathered(export_id)


def test_a_deleted_event_row_stops_the_export(company, filed):
    """The extract would be short: the export's own event says what it must add up to, and its row is gone too."""
    export_id = company.exported()
    with company.database.transaction() as session:
        session.execute(delete(AuditEvent).where(AuditEvent.event == "staff:case:exported"))
    with pytest.raises(ExportDamaged):
        company.gathered(export_id)


def test_a_checkpoint_signed_by_another_key_stops_the_export(company, filed):
    export_id = company.exported()
    with company.database.reading() as session, pytest.raises(ExportDamaged):
        gather(session, export_id, checkpoint_keys=[bytes(32)], tsa_root=None)


def test_a_stamp_over_other_bytes_stops_the_export(company, filed):
    export_id = company.exported()
    with company.database.transaction() as session:
        checkpoint = session.query(AuditCheckpoint).filter(AuditCheckpoint.stamp.is_not(None)).one()
        stamp = bytearray(checkpoint.stamp)
        stamp[-1] ^= 1
        checkpoint.stamp = bytes(stamp)
    with pytest.raises(ExportDamaged):
        company.gathered(export_id)


def test_an_export_that_is_not_ready_gives_nothing(company, filed):
    export_id = company.ask()
    with company.database.reading() as session, pytest.raises(WrongState):
        gather(session, export_id, checkpoint_keys=[CHECKPOINTS.public], tsa_root=None)


def test_a_document_filed_after_the_request_waits_for_the_next_export(company, filed, tmp_path):
    export_id = company.exported()
    with company.database.transaction() as session:
        slot = session.get_one(Document, filed[0]).slot
        slot.returned("blurred", "se ve borrosa", utcnow())
    late = company.file(0, "otra.jpg", PHOTO)
    keeping.seal_trail(company.custodian, utcnow())
    root = unpacked(company.bag(export_id), tmp_path / "out")
    index = json.loads((root / "data/index.json").read_text())
    assert index["omitted"] == [{"id": late, "reason": "not_in_this_trail"}]
    assert verified(root)[1][-1] == "VALID"


def test_a_withdrawn_document_is_named_and_left_out_before_it_is_erased(company, filed, tmp_path):
    export_id = company.exported()
    with company.database.transaction() as session:
        slot = session.get_one(Document, filed[1]).slot
        withdraw(session, session.get_one(Visit, company.visit_id), slot.id, now=utcnow())
    root = unpacked(company.bag(export_id), tmp_path / "out")
    index = json.loads((root / "data/index.json").read_text())
    assert [one["id"] for one in index["documents"]] == [filed[0], filed[2]]
    assert index["omitted"] == [{"id": filed[1], "reason": "withdrawn"}]


def test_a_recalled_document_is_named_and_left_out(company, filed, tmp_path):
    with company.database.transaction() as session:
        session.get_one(Document, filed[1]).move(DocumentState.RECALLED)
    root = unpacked(company.bag(), tmp_path / "out")
    index = json.loads((root / "data/index.json").read_text())
    assert [one["id"] for one in index["documents"]] == [filed[0], filed[2]]
    assert index["omitted"] == [{"id": filed[1], "reason": "recalled"}]
    status, lines = verified(root)
    assert status == 0
    assert f"No incluido: {filed[1]} (recalled)" in lines


def test_a_forged_filed_row_brings_nothing_into_the_bag(company, filed, tmp_path):
    """A row that says `filed` without a sealed event of the inspector is only named."""
    forged = "e" * 32
    with company.database.transaction() as session:
        genuine = session.get_one(Document, filed[0])
        values = {column.name: getattr(genuine, column.name) for column in Document.__table__.columns}
        upload = {c.name: getattr(genuine.upload, c.name) for c in type(genuine.upload).__table__.columns}
        session.add(type(genuine.upload)(**{**upload, "id": "f" * 32}))
        session.flush()
        session.add(Document(**{**values, "id": forged, "upload_id": "f" * 32}))
    root = unpacked(company.bag(), tmp_path / "out")
    index = json.loads((root / "data/index.json").read_text())
    assert forged not in {one["id"] for one in index["documents"]}
    assert {"id": forged, "reason": "not_in_this_trail"} in index["omitted"]


def test_a_cell_that_a_spreadsheet_would_run_is_text(company, tmp_path):
    for slot, name in enumerate(["=HYPERLINK(1).jpg", "+1.jpg", "\t@SUM(1).jpg"]):
        company.file(slot, name, PHOTO)
    root = unpacked(company.bag(), tmp_path / "out")
    rows = list(csv.DictReader(io.StringIO((root / "data/index.csv").read_bytes().decode("utf-8-sig"))))
    assert [row["name"] for row in rows] == ["'=HYPERLINK(1).jpg", "'+1.jpg", "' @SUM(1).jpg"]
    assert all(not value.startswith(("=", "+", "-", "@", "\t")) for row in rows for value in row.values())
    assert [row["side"] for row in rows] == ["front", "back", "whole"]


def test_the_keys_are_asked_for_one_part_at_a_time_and_each_leaves_an_event(company, filed):
    before = len(company.events())
    company.bag()
    opened = [e for e in company.events()[before:] if e.event == "opener:part:opened"]
    assert sorted((e.subject_id, e.details["part"]) for e in opened) == sorted(
        (document, part) for document in filed for part in ("meta", "original")
    )


def test_a_case_without_documents_still_has_its_trail(company, tmp_path):
    root = unpacked(company.bag(), tmp_path / "out")
    bagit.Bag(str(root)).validate()
    assert verified(root)[1][-1] == "VALID"


def test_debians_unzip_reads_it(company, filed, tmp_path):
    (tmp_path / "bag.zip").write_bytes(company.bag())
    command = shutil.which("unzip") or shutil.which("bsdtar")
    if command is None:
        pytest.fail("unzip is not installed: apt install unzip")
    subprocess.run([command, "-t", str(tmp_path / "bag.zip")], check=True, capture_output=True)


def test_memory_does_not_grow_with_the_document(company):
    piece = b"\x00" * 1_048_576
    company.file(0, "big.jpg", piece * 48)
    found, event_id = company.gathered(company.exported())
    chunks = stream_bag(found, blobs=company.blobs, open_part=partial(company.open_part, event_id))
    tracemalloc.start()
    try:
        size = sum(len(chunk) for chunk in chunks)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size > 48 * len(piece)
    assert peak < 8 * len(piece)


def test_a_later_export_of_the_same_case_is_complete_too(company, filed, tmp_path):
    company.bag()
    with company.database.transaction() as session:
        slot = session.get_one(Document, filed[0]).slot
        slot.returned("blurred", None, utcnow())
    again = company.file(0, "INE frente.jpg", PHOTO + b"again")
    root = unpacked(company.bag(), tmp_path / "out")
    bagit.Bag(str(root)).validate()
    status, lines = verified(root)
    assert (status, lines[-1]) == (0, "VALID")
    documents = json.loads((root / "data/index.json").read_text())["documents"]
    assert [one["id"] for one in documents] == [*filed, again]
    assert [one["slot_state"] for one in documents] == ["superseded", "filed", "filed", "filed"]


def test_a_line_left_out_together_with_its_proof_is_noticed(company, filed, tmp_path):
    """A forger drops a line, its proof and rewrites nothing else: the export's event says what the lines add up to."""
    root = unpacked(company.bag(), tmp_path / "out")
    events = root / "data/audit/events.jsonl"
    lines = events.read_bytes().splitlines(keepends=True)
    gone = json.loads(lines.pop(0))
    events.write_bytes(b"".join(lines))
    proofs = root / "data/audit/proofs.json"
    told = json.loads(proofs.read_text())
    told["proofs"] = [one for one in told["proofs"] if one["event"] != gone["id"]]
    proofs.write_text(json.dumps(told))
    assert any("[incomplete_extract]" in line for line in verified(root)[1])
