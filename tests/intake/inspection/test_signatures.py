"""Signatures: too old, without a date, or changing under a scan, they reach no verdict; then it goes on by itself."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from intake.inspection.chain import Inspector
from intake.inspection.clamav import ClamdScanner
from intake.inspection.sandbox import Sandbox
from intake.inspection.scanning import Scanner, ScannerVersion, SignatureRule
from intake.inspection.verdicts import Finding, ScannerUnavailable, SignaturesChanged, SignaturesStale, Verdict
from portal.worker.app.inspector import scanner_words
from tests.intake.inspection import documents
from tests.intake.inspection.fakes import FakeScanner, ReloadingScanner, a_clamd_that
from tests.services.clamd import Clamd, running_clamd

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
JPEG = documents.a_jpeg()
LATE = b"resguardo-" + b"known-only-to-later-signatures"


def of(number: int, *, age: timedelta = timedelta(0)) -> ScannerVersion:
    return ScannerVersion(engine="Fake 1", signatures=str(number), signatures_at=NOW - age)


def judged(scanner: Scanner, sandbox: Sandbox, content: bytes = JPEG, **rule: object) -> Verdict:
    signatures = SignatureRule(**rule)  # type: ignore[arg-type]
    with Inspector(scanner=scanner, sandbox=sandbox, signatures=signatures, clock=lambda: NOW) as inspector:
        return inspector.inspect(lambda: [content], size=len(content), declared_name="ine.jpg")


def test_signatures_of_last_month_reach_no_verdict_and_are_not_even_asked(sandbox: Sandbox) -> None:
    scanner = ReloadingScanner(of(1, age=timedelta(days=30)))
    with pytest.raises(SignaturesStale):
        judged(scanner, sandbox)
    assert scanner.streams == []
    scanner.versions = [of(2)]
    assert judged(scanner, sandbox).signatures == "2"


def test_the_limit_is_a_week_or_what_the_operator_says(sandbox: Sandbox) -> None:
    almost, over = of(1, age=timedelta(days=7)), of(1, age=timedelta(days=7, seconds=1))
    assert judged(ReloadingScanner(almost), sandbox).finding is Finding.CLEAN
    with pytest.raises(SignaturesStale):
        judged(ReloadingScanner(over), sandbox)
    assert judged(ReloadingScanner(over), sandbox, max_age=timedelta(days=8)).finding is Finding.CLEAN


def test_signatures_without_number_and_date_judge_nothing_where_it_counts(sandbox: Sandbox) -> None:
    assert judged(FakeScanner(), sandbox).signatures == "local"
    with pytest.raises(SignaturesStale):
        judged(FakeScanner(), sandbox, unnumbered=False)


def test_a_scan_across_a_reload_is_no_verdict(sandbox: Sandbox) -> None:
    scanner = ReloadingScanner(of(1), of(2))
    with pytest.raises(SignaturesChanged):
        judged(scanner, sandbox)
    assert len(scanner.streams) == 1
    assert judged(scanner, sandbox).signatures == "2"


def test_a_clamd_that_reloads_between_version_and_reply_is_not_believed(sandbox: Sandbox, tmp_path: Path) -> None:
    """Its OK came from signatures that are not the ones it had named."""
    number = iter((1, 2, 2, 2))

    def behave(connection: socket.socket) -> None:
        with connection.makefile("rb") as incoming:
            if incoming.peek(2)[:2] == b"zV":
                incoming.read(9)
                connection.sendall(b"ClamAV 1.4.6/%d/Thu Nov 26 11:00:00 2026\0" % next(number))
                return
            incoming.read(9)
            connection.sendall(b"fd[10]: OK\0")

    with a_clamd_that(behave, tmp_path) as path:
        with pytest.raises(SignaturesChanged):
            judged(ClamdScanner(path), sandbox)
        assert judged(ClamdScanner(path), sandbox).signatures == "2"


@pytest.fixture
def numbered_clamd() -> Iterator[Clamd]:
    with running_clamd() as clamd:
        clamd.publish(number=101)
        yield clamd


@pytest.mark.services
def test_under_a_real_reload_no_verdict_names_signatures_that_did_not_judge(
    numbered_clamd: Clamd, sandbox: Sandbox
) -> None:
    """Only the new signatures know what stands in the file: whoever calls it clean must name the old ones."""
    inspector = Inspector(scanner=ClamdScanner(str(numbered_clamd.socket)), sandbox=sandbox)
    done = False

    def judging(number: int) -> list[tuple[str | None, Finding]]:
        found = []
        while not done or len(found) < 3:
            content = JPEG + LATE + str((number, len(found))).encode()
            try:
                verdict = inspector.inspect(lambda c=content: [c], size=len(content), declared_name="ine.jpg")
            except ScannerUnavailable:
                continue
            found.append((verdict.signatures, verdict.finding))
        return found

    with inspector, ThreadPoolExecutor(3) as pool:
        running = [pool.submit(judging, number) for number in range(3)]
        for number in (102, 103, 104):
            numbered_clamd.publish(*([LATE] if number == 104 else []), number=number)
        done = True
        seen = {pair for each in running for pair in each.result()}
    assert {signatures for signatures, finding in seen if finding is Finding.INFECTED} == {"104"}
    assert all(finding is Finding.INFECTED for signatures, finding in seen if signatures == "104")


@pytest.mark.parametrize(
    ("version", "state"),
    [(of(1), "ok"), (of(1, age=timedelta(days=8)), "stale"), (FakeScanner().version(), "stale")],
)
def test_the_inspector_says_what_it_thinks_of_its_signatures(version: ScannerVersion, state: str) -> None:
    words = scanner_words(ReloadingScanner(version), SignatureRule(unnumbered=False), NOW)
    assert (words["scanner"], words["signatures"]) == (state, version.signatures)


def test_a_scanner_that_does_not_answer_is_away(tmp_path: Path) -> None:
    words = scanner_words(ClamdScanner(str(tmp_path / "no.sock")), SignatureRule(), NOW)
    assert words == {"scanner": "away", "error": "ScannerUnavailable"}
