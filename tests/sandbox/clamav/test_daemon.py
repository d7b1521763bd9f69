"""clamd's own start: local socket only, memory spool only, our signatures and the official ones where they are."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from intake.inspection.clamav import ClamdScanner
from intake.inspection.scanning import Outcome
from intake.inspection.verdicts import ScannerUnavailable
from sandbox.clamav import UnsafeSpool, configuration, official_databases, prepare, require_memory_spool
from tests.services.clamd import EICAR, EICAR_NAME, MARKER, MARKER_NAME
from tests.services.processes import required


@pytest.fixture
def memory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        yield Path(directory)


def settings(text: str) -> dict[str, str]:
    return dict(line.split(" ", 1) for line in text.splitlines())


def test_the_configuration_listens_locally_and_tells_what_it_could_not_examine() -> None:
    text = configuration(socket=Path("/r/c.ctl"), database=Path("/r/db"), spool=Path("/r/spool"), official=False)
    found = settings(text)
    assert found["LocalSocket"] == "/r/c.ctl"
    assert not any(name.startswith("TCP") for name in found)
    for option in ("AlertExceedsMax", "AlertEncrypted", "AlertEncryptedArchive", "AlertEncryptedDoc"):
        assert found[option] == "yes"
    assert found["ScanImageFuzzyHash"] == found["Bytecode"] == "no"
    assert found["StreamMaxLength"] == found["MaxFileSize"] == "256M"


def test_bytecode_runs_only_with_the_official_signatures(memory: Path, tmp_path: Path) -> None:
    official = tmp_path / "official"
    official.mkdir()
    (official / "main.cvd").touch()
    assert official_databases(official) == []
    (official / "daily.cld").touch()
    assert {file.name for file in official_databases(official)} == {"main.cvd", "daily.cld"}
    conf = prepare(tmp_path / "c", socket=tmp_path / "s", spool=memory, official=official, free_bytes=1)
    assert settings(conf.read_text())["Bytecode"] == "yes"
    assert (tmp_path / "c" / "signatures" / "daily.cld").readlink() == official / "daily.cld"
    shutil.rmtree(official)
    conf = prepare(tmp_path / "c", socket=tmp_path / "s", spool=memory, official=official, free_bytes=1)
    assert settings(conf.read_text())["Bytecode"] == "no"
    assert not (tmp_path / "c" / "signatures" / "daily.cld").is_symlink()


def test_a_spool_on_a_disk_is_refused() -> None:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as disk, pytest.raises(UnsafeSpool, match="must be tmpfs"):
        require_memory_spool(Path(disk))


def test_a_spool_that_only_points_at_a_disk_is_refused(memory: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as disk:
        (memory / "spool").symlink_to(disk)
        with pytest.raises(UnsafeSpool, match="must be tmpfs"):
            require_memory_spool(memory / "spool")


def test_a_spool_without_room_is_refused(memory: Path) -> None:
    with pytest.raises(UnsafeSpool, match="free"):
        require_memory_spool(memory, free_bytes=1 << 60)


def test_a_spool_that_is_not_there_is_refused(memory: Path) -> None:
    with pytest.raises(UnsafeSpool, match="not a folder"):
        require_memory_spool(memory / "nowhere")


def test_a_path_with_a_space_is_refused() -> None:
    with pytest.raises(ValueError, match="spaces"):
        configuration(socket=Path("/a b"), database=Path("/d"), spool=Path("/s"), official=False)


def test_only_the_leftovers_of_a_killed_clamd_are_removed(memory: Path, tmp_path: Path) -> None:
    (memory / "clamav-0123.tmp").write_bytes(b"plaintext")
    (memory / "20261122_000000-scantemp.abc").mkdir()
    (memory / "somebody-elses").touch()
    prepare(tmp_path, socket=tmp_path / "s", spool=memory, free_bytes=1)
    assert [entry.name for entry in memory.iterdir()] == ["somebody-elses"]


def test_our_signatures_hold_no_sample_in_clear() -> None:
    for file in Path("sandbox/clamav").glob("portal.*"):
        assert EICAR not in file.read_bytes()


@pytest.mark.services
def test_a_clamd_of_this_configuration_finds_what_our_signatures_know(memory: Path, tmp_path: Path) -> None:
    spool = memory / "spool"
    conf = prepare(tmp_path, socket=memory / "c.ctl", spool=spool, official=tmp_path / "none")
    scanner = ClamdScanner(str(memory / "c.ctl"), command_seconds=2)
    with subprocess.Popen([required("clamd"), "-c", conf], stdout=subprocess.DEVNULL) as process:
        try:
            _wait_for(scanner)
            assert scanner.scan([EICAR], len(EICAR)).threat == EICAR_NAME
            assert scanner.scan([b"x", MARKER], 1 + len(MARKER)).threat == MARKER_NAME
            assert scanner.scan([b"hola"], 4).outcome is Outcome.CLEAN
            found = scanner.version()
            assert found.signatures.isdecimal()
            assert found.signatures_at is not None
            assert abs(datetime.now(UTC) - found.signatures_at) < timedelta(minutes=2)
            scanner.reload()
        finally:
            process.kill()


def _wait_for(scanner: ClamdScanner) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            return scanner.ping()
        except ScannerUnavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
