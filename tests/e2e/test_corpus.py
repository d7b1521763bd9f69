"""A folder of documents goes through the running product as `python -m sandbox.corpus` sends it."""

import csv
import hashlib
from pathlib import Path

from sandbox.corpus import DECISION_S, Walk, samples_of
from tests.e2e.installation import Installation
from tests.intake.inspection import documents, office_files
from tests.services.clamd import EICAR

FILES = {
    "foto.jpg": ("accept", documents.a_jpeg(orientation=6, gps=True)),
    "estado.pdf": ("accept", documents.a_pdf(3)),
    "adjunto.pdf": ("reject-malware", documents.a_pdf_with_attachment(EICAR)),
    "acciones.pdf": ("reject-type", documents.a_pdf_with_javascript()),
    "contrato.docx": ("reject-type", office_files.a_docx()),
    "ine.jpg": ("reject-type", documents.a_zip()),
    "roto.pdf": ("must-not-crash", documents.a_pdf()[:700]),
}


def test_what_must_be_accepted_comes_back_and_what_must_be_refused_is_seen_by_nobody(
    here: Installation, tmp_path: Path
) -> None:
    with (tmp_path / "manifest.csv").open("w", newline="") as file:
        manifest = csv.writer(file)
        manifest.writerow(("path", "upload_as", "declared_mime", "expected", "sha256"))
        for name, (expected, content) in FILES.items():
            (tmp_path / name).write_bytes(content)
            manifest.writerow((name, name, "", expected, hashlib.sha256(content).hexdigest()))
    walk = Walk(here.stack)
    outcomes = list(walk.outcomes(samples_of(tmp_path)))
    walk.close()
    assert {one.sample.name: one.faults for one in outcomes if one.faults} == {}
    assert [one.state for one in outcomes] == ["filed"] * 2 + ["refused"] * 5
    assert [one.pages for one in outcomes[:2]] == [1, 3]
    assert max(one.seconds for one in outcomes) < DECISION_S


def test_a_file_that_became_what_its_manifest_does_not_expect_is_at_fault(here: Installation, tmp_path: Path) -> None:
    (tmp_path / "foto.jpg").write_bytes(documents.a_jpeg())
    (tmp_path / "manifest.csv").write_text(
        "path,upload_as,declared_mime,expected,sha256\nfoto.jpg,foto.jpg,image/jpeg,reject-type,\n"
    )
    walk = Walk(here.stack)
    (outcome,) = walk.outcomes(samples_of(tmp_path))
    walk.close()
    assert outcome.faults == ["must be refused"]
