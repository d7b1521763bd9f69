"""clamd: only a complete, understood OK within the deadline is clean."""

import os
import socket
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from intake.inspection.clamav import ClamdScanner
from intake.inspection.memory import Memory
from intake.inspection.scanning import Outcome, ScanResult
from intake.inspection.verdicts import ScannerUnavailable
from tests.intake.inspection import fakes
from tests.services.clamd import EICAR, EICAR_NAME, MARKER, Clamd

PHOTO = b"photo" * 200_000


def scanner(path: str) -> ClamdScanner:
    return ClamdScanner(path, scan_seconds=1.0, bytes_per_second=100_000_000, command_seconds=1.0)


def scan(path: str, content: bytes = PHOTO) -> Outcome:
    return scanner(path).scan([content], len(content)).outcome


def test_a_plain_ok_is_clean(tmp_path: Path) -> None:
    with fakes.a_clamd_that(fakes.answering(b"stream: OK\0"), tmp_path) as path:
        assert scan(path) is Outcome.CLEAN


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"\0",
        b"stream: OK",
        b"stream: O",
        b"OK\0",
        b"stream: ok\0",
        b"stream: OK \0",
        b" stream: OK\0",
        b"stream: OK\n\0",
        b"1: stream: OK\0",
        b"2: stream: OK\0",
        b"stream: OK\0stream: Eicar FOUND\0",
        b"stream: OK\0\0",
        b"stream2: OK\0",
        b"stream: FOUND\0",
        b"stream:  FOUND\0",
        b"stream: Can't allocate memory ERROR\0",
        b"stream: Time limit reached ERROR\0",
        b"INSTREAM size limit exceeded. ERROR\0",
        b"UNKNOWN COMMAND\0",
        b"\xff\xfe\0",
        b"x" * 100_000 + b"\0",
    ],
)
def test_any_other_reply_is_no_verdict(reply: bytes, tmp_path: Path) -> None:
    with fakes.a_clamd_that(fakes.answering(reply), tmp_path) as path, pytest.raises(ScannerUnavailable):
        scan(path)


@pytest.mark.parametrize(
    "behaviour",
    [
        fakes.hanging(5),
        fakes.not_reading(3),
        fakes.trickling(b"stream: OK\0", 0.3),
        fakes.trickling(b"x" * 40, 0.1),
        fakes.trickling(b"stream: " + b"OK" * 4000, 0.0),
    ],
    ids=["silent", "never reads", "one byte at a time", "endless", "endless and fast"],
)
def test_an_unfinished_scan_is_never_clean_and_ends_with_its_deadline(
    behaviour: fakes.Behaviour, tmp_path: Path
) -> None:
    with fakes.a_clamd_that(behaviour, tmp_path) as path:
        started = time.monotonic()
        with pytest.raises(ScannerUnavailable):
            scan(path)
        assert time.monotonic() - started < 2.0


def test_an_early_refusal_is_heard_while_the_stream_still_runs(tmp_path: Path) -> None:
    def refuse(connection: object) -> None:
        connection.recv(1000)
        connection.sendall(b"INSTREAM size limit exceeded. ERROR\0")
        fakes.not_reading(0.5)(connection)

    with fakes.a_clamd_that(refuse, tmp_path) as path, pytest.raises(ScannerUnavailable):
        scanner(path).scan((PHOTO for _ in range(50)), 50 * len(PHOTO))


def test_an_ok_that_comes_before_the_end_of_the_stream_is_no_verdict(tmp_path: Path) -> None:
    def hurry(connection: object) -> None:
        connection.recv(1000)
        connection.sendall(b"stream: OK\0")
        fakes.not_reading(0.5)(connection)

    with fakes.a_clamd_that(hurry, tmp_path) as path, pytest.raises(ScannerUnavailable):
        scanner(path).scan((PHOTO for _ in range(50)), 50 * len(PHOTO))


def test_the_ok_of_an_earlier_stream_is_never_the_answer_of_the_next(tmp_path: Path) -> None:
    """A clamd that answers late, and says OK to whoever comes: each scan has its own connection and closes it."""
    connections: list[object] = []

    def late(connection: object) -> None:
        connections.append(connection)
        if len(connections) == 1:
            return fakes.hanging(2)(connection)
        return fakes.answering(b"stream: OK\0stream: Eicar-Test FOUND\0")(connection)

    with fakes.a_clamd_that(late, tmp_path) as path:
        patient = scanner(path)
        for _ in range(2):
            with pytest.raises(ScannerUnavailable):
                patient.scan([PHOTO], len(PHOTO))
    assert len(connections) == 2


@pytest.mark.parametrize("said", [b"", b"stream: OK"], ids=["nothing", "half an answer"])
def test_a_connection_that_closed_is_not_used_again(said: bytes, tmp_path: Path) -> None:
    closed: list[int] = []

    def close(connection: object) -> None:
        fakes.read_stream(connection)
        connection.sendall(said)
        connection.shutdown(socket.SHUT_WR)
        closed.append(len(connection.recv(100)))  # what the scanner still sends, after it was told no verdict

    with fakes.a_clamd_that(close, tmp_path) as path:
        one = scanner(path)
        for _ in range(3):
            with pytest.raises(ScannerUnavailable):
                one.scan([PHOTO], len(PHOTO))
    assert closed == [0, 0, 0]


def test_a_clamd_that_resets_the_connection_in_the_middle_gives_no_verdict(tmp_path: Path) -> None:
    def reset(connection: object) -> None:
        connection.recv(100)
        connection.close()

    with fakes.a_clamd_that(reset, tmp_path) as path, pytest.raises(ScannerUnavailable):
        scanner(path).scan((PHOTO for _ in range(50)), 50 * len(PHOTO))


def test_a_stream_that_is_shorter_than_announced_is_never_clean(tmp_path: Path) -> None:
    with fakes.a_clamd_that(fakes.answering(b"stream: OK\0"), tmp_path) as path, pytest.raises(ScannerUnavailable):
        scanner(path).scan([PHOTO], len(PHOTO) + 1)


def test_a_socket_without_clamd_is_no_verdict(tmp_path: Path) -> None:
    with pytest.raises(ScannerUnavailable):
        scan(str(tmp_path / "nobody.sock"))


@pytest.mark.parametrize(
    ("threat", "outcome"),
    [
        ("Heuristics.Limits.Exceeded.MaxFileSize", Outcome.LIMITS),
        ("Heuristics.Encrypted.PDF", Outcome.ENCRYPTED),
        ("Heuristics.OLE2.ContainsMacros", Outcome.INFECTED),
        ("Win.Test.EICAR_HDB-1", Outcome.INFECTED),
    ],
)
def test_limits_and_encryption_are_told_apart_from_viruses(threat: str, outcome: Outcome, tmp_path: Path) -> None:
    with fakes.a_clamd_that(fakes.answering(f"stream: {threat} FOUND\0".encode()), tmp_path) as path:
        result = scanner(path).scan([PHOTO], len(PHOTO))
    assert (result.outcome, result.threat) == (outcome, threat)


def command(reply: bytes) -> fakes.Behaviour:
    def behave(connection: object) -> None:
        connection.recv(100)
        connection.sendall(reply)

    return behave


def test_the_version_tells_the_age_of_the_official_signatures(tmp_path: Path) -> None:
    reply = b"ClamAV 1.4.6/27823/Sat Nov 21 09:26:41 2026\0"
    with fakes.a_clamd_that(command(reply), tmp_path) as path:
        version = scanner(path).version()
    assert (version.engine, version.signatures) == ("ClamAV 1.4.6", "27823")
    assert version.signatures_at == datetime(2026, 11, 21, 9, 26, 41, tzinfo=UTC)


@pytest.mark.parametrize("reply", [b"", b"\0", b"nginx\0", b"ClamAV 1.4.6/x/y\0", b"ClamAV 1.4.6/1/yesterday\0"])
def test_a_version_that_is_not_clamds_is_refused(reply: bytes, tmp_path: Path) -> None:
    with fakes.a_clamd_that(command(reply), tmp_path) as path, pytest.raises(ScannerUnavailable):
        scanner(path).version()


def test_a_ping_without_a_pong_is_refused(tmp_path: Path) -> None:
    with fakes.a_clamd_that(command(b"PANG\0"), tmp_path) as path, pytest.raises(ScannerUnavailable):
        scanner(path).ping()


def test_the_real_clamd_finds_eicar_and_the_marker_behind_many_chunks(clamd: Clamd) -> None:
    real = ClamdScanner(str(clamd.socket))
    real.ping()
    assert real.version().engine.startswith("ClamAV ")
    assert real.scan([EICAR], len(EICAR)).threat == EICAR_NAME
    assert real.scan([PHOTO, MARKER], len(PHOTO) + len(MARKER)).outcome is Outcome.INFECTED
    assert real.scan([PHOTO, PHOTO], 2 * len(PHOTO)).outcome is Outcome.CLEAN


def test_the_real_clamd_is_heard_when_it_refuses_a_stream_over_its_limit(clamd: Clamd) -> None:
    zeros = bytes(1 << 20)
    with pytest.raises(ScannerUnavailable):
        ClamdScanner(str(clamd.socket)).scan((zeros for _ in range(257)), 257 << 20)


def scan_file(path: str, content: bytes = PHOTO) -> ScanResult:
    with Memory.of([content], len(content)) as document:
        return scanner(path).scan_file(document)


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (b"fd[10]: OK\0", Outcome.CLEAN),
        (b"fd[10]: Win.Test.X FOUND\0", Outcome.INFECTED),
        (b"fd[7]: Heuristics.Limits.Exceeded.MaxFileSize FOUND\0", Outcome.LIMITS),
        (b"fd[7]: Heuristics.Encrypted.PDF FOUND\0", Outcome.ENCRYPTED),
    ],
)
def test_a_file_that_is_handed_over_is_judged_where_it_lies(reply: bytes, outcome: Outcome, tmp_path: Path) -> None:
    with fakes.a_clamd_that(fakes.taking_files(reply), tmp_path) as path:
        assert scan_file(path).outcome is outcome


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"\0",
        b"fd[10]: OK",
        b"fd[10]: OK \0",
        b"fd[10]:OK\0",
        b"fd[]: OK\0",
        b"fd[-1]: OK\0",
        b"fd[10]: OK\0fd[11]: OK\0",
        b"stream: OK\0",
        b"OK\0",
        b": OK\0",
        b"fd[10]: FOUND\0",
        b"UNKNOWN COMMAND\0",
    ],
)
def test_any_other_reply_to_a_file_is_no_verdict(reply: bytes, tmp_path: Path) -> None:
    with fakes.a_clamd_that(fakes.taking_files(reply), tmp_path) as path, pytest.raises(ScannerUnavailable):
        scan_file(path)


def test_a_clamd_that_may_not_read_a_file_is_sent_its_bytes(tmp_path: Path) -> None:
    with fakes.a_clamd_that(fakes.refusing_files(fakes.answering(b"stream: Win.Test.X FOUND\0")), tmp_path) as path:
        assert scan_file(path).threat == "Win.Test.X"


@pytest.mark.parametrize("reply", [b"fd[10]: OK\0", b"stream: Time limit reached ERROR\0", b""])
def test_a_clamd_that_reads_neither_file_nor_bytes_gives_no_verdict(reply: bytes, tmp_path: Path) -> None:
    with (
        fakes.a_clamd_that(fakes.refusing_files(fakes.answering(reply)), tmp_path) as path,
        pytest.raises(ScannerUnavailable),
    ):
        scan_file(path)


def test_a_silent_clamd_that_took_a_file_gives_no_verdict_within_the_deadline(tmp_path: Path) -> None:
    with fakes.a_clamd_that(fakes.not_reading(3), tmp_path) as path:
        started = time.monotonic()
        with pytest.raises(ScannerUnavailable):
            scan_file(path)
        assert time.monotonic() - started < 2.0


@pytest.mark.services
def test_the_real_clamd_judges_a_file_and_leaves_its_position_alone(clamd: Clamd) -> None:
    real = ClamdScanner(str(clamd.socket))
    for content, threat in ((EICAR, EICAR_NAME), (PHOTO, None)):
        with Memory.of([content], len(content)) as document:
            os.lseek(document.descriptor, 3, os.SEEK_SET)
            assert real.scan_file(document).threat == threat
            assert os.lseek(document.descriptor, 0, os.SEEK_CUR) == 3


@pytest.mark.services
def test_the_real_clamd_says_so_when_a_file_is_over_its_limit(clamd: Clamd) -> None:
    zeros = bytes(1 << 20)
    with Memory.of((zeros for _ in range(257)), 257 << 20) as document:
        assert ClamdScanner(str(clamd.socket)).scan_file(document).outcome is Outcome.LIMITS
