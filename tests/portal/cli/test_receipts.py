"""`receipt verify` says VALID of a real receipt and its files, offline, and of nothing else."""

import base64
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from portal.cli.app import cli
from sandbox.tsa.authority import Authority
from storage.database import Database
from tests.records.exporting.casting import CHECKPOINTS
from tests.records.receipts.acknowledging import changed
from tests.records.receipts.conftest import FILES, PHOTOS, a_counter

KEY = base64.b64encode(CHECKPOINTS.public).decode()


@pytest.fixture
def folder(sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A receipt as its holder has it, beside the files; no setting is there."""
    counter = a_counter(sqlite_database, tmp_path, Authority.at(tmp_path / "tsa"))
    (tmp_path / "acuse.json").write_bytes(counter.facts(counter.make()))
    (tmp_path / "ca.pem").write_bytes(counter.root)
    (tmp_path / "front.jpg").write_bytes(FILES[0])
    (tmp_path / "photo.jpg").write_bytes(PHOTOS[1])
    monkeypatch.delenv("RESGUARDO_DATABASE_URL", raising=False)
    return tmp_path


def verified(folder: Path, *more: object, key: str = KEY, fails: int = 0) -> Result:
    words = ["receipt", "verify", folder / "acuse.json", "--key", key, "--tsa-ca", folder / "ca.pem", *more]
    result = CliRunner().invoke(cli, [str(word) for word in words])
    assert result.exit_code == fails, result.output
    return result


def test_a_receipt_and_its_files_are_valid(folder: Path) -> None:
    told = verified(folder, "--file", folder / "front.jpg", "--file", folder / "photo.jpg").output
    assert told.endswith("VALID\n")
    assert "front.jpg: Identificación oficial (front)" in told
    assert "photo.jpg: Comprobante de domicilio (whole)" in told


def test_another_file_is_named(folder: Path) -> None:
    (folder / "front.jpg").write_bytes(FILES[0] + b".")
    assert "front.jpg is not in this receipt" in verified(folder, "--file", folder / "front.jpg", fails=1).output


def test_a_tampered_receipt_is_refused(folder: Path) -> None:
    facts = (folder / "acuse.json").read_bytes()
    (folder / "acuse.json").write_bytes(changed(facts, receipt__documents__0__size=1))
    told = verified(folder, fails=1).output
    assert "receipt_refused" in told
    assert "VALID" not in told


def test_the_keys_that_a_receipt_brings_along_are_not_believed(folder: Path) -> None:
    own = json.loads((folder / "acuse.json").read_bytes())["checkpoint_key"]
    assert verified(folder, key=own).output.endswith("VALID\n")
    assert "receipt_refused" in verified(folder, key=base64.b64encode(bytes(range(1, 33))).decode(), fails=1).output
