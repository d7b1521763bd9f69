"""The whole chain: a verdict needs every step, and no step may be missing."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from intake.inspection.chain import Inspector
from intake.inspection.clamav import ClamdScanner
from intake.inspection.limits import Limits
from intake.inspection.reporting import inspect_file
from intake.inspection.sandbox import Sandbox
from intake.inspection.scanning import Outcome
from intake.inspection.verdicts import (
    FINDINGS,
    Finding,
    HashDisagreement,
    Mime,
    Reason,
    ScannerUnavailable,
    Verdict,
)
from tests.intake.inspection import documents
from tests.intake.inspection.fakes import FakeScanner, SilentScanner
from tests.services.clamd import EICAR, EICAR_NAME, MARKER, MARKER_NAME, Clamd

Judge = Callable[..., Verdict]


def test_every_reason_has_one_finding_and_only_one_reason_is_clean() -> None:
    assert set(FINDINGS) == set(Reason)
    assert [reason for reason, finding in FINDINGS.items() if finding is Finding.CLEAN] == [Reason.EXAMINED]


@pytest.mark.parametrize(
    ("finding", "reason"), [(Finding.CLEAN, Reason.VIRUS_FOUND), (Finding.DAMAGED, Reason.EXAMINED)]
)
def test_a_verdict_that_contradicts_itself_cannot_be_made(finding: Finding, reason: Reason) -> None:
    with pytest.raises(ValueError, match="never"):
        Verdict(finding=finding, reason=reason, sha256="", mime=Mime.PDF, pages=1, engine="x")


def test_a_clean_verdict_without_an_engine_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="engine"):
        Verdict(finding=Finding.CLEAN, reason=Reason.EXAMINED, sha256="", mime=Mime.PDF, pages=1)


def test_a_virus_outranks_every_other_reason(judge: Judge) -> None:
    scanner = FakeScanner(Outcome.INFECTED, "Eicar")
    for content in (documents.a_jpeg(), b"MZ" + bytes(200), documents.a_locked_pdf()):
        verdict = judge(content, "ine", scanner)
        assert (verdict.finding, verdict.reason, verdict.threat) == (Finding.INFECTED, Reason.VIRUS_FOUND, "Eicar")


@pytest.mark.parametrize(
    ("outcome", "reason"), [(Outcome.LIMITS, Reason.SCAN_LIMITS), (Outcome.ENCRYPTED, Reason.ENCRYPTED_CONTENT)]
)
def test_what_the_scanner_could_not_look_into_is_never_clean(outcome: Outcome, reason: Reason, judge: Judge) -> None:
    verdict = judge(documents.a_jpeg(), "ine.jpg", FakeScanner(outcome, "Heuristics"))
    assert (verdict.finding, verdict.reason) == (Finding.NOT_EXAMINABLE, reason)


def test_an_unfinished_scan_is_never_a_verdict(judge: Judge) -> None:
    for content in (documents.a_jpeg(), b"MZ" + bytes(200)):
        with pytest.raises(ScannerUnavailable):
            judge(content, "ine.jpg", SilentScanner())


def test_the_hash_of_a_verdict_is_of_the_bytes_that_were_scanned(judge: Judge) -> None:
    scanner = FakeScanner()
    content = documents.a_jpeg()
    assert judge(content, "ine.jpg", scanner).sha256 == hashlib.sha256(content).hexdigest()
    assert scanner.streams == [content]


def test_a_source_of_another_length_is_refused(sandbox: Sandbox) -> None:
    content = documents.a_jpeg()
    with Inspector(scanner=FakeScanner(), sandbox=sandbox) as inspector:
        for size in (len(content) - 1, len(content) + 1):
            with pytest.raises(HashDisagreement):
                inspector.inspect(lambda: [content], size=size, declared_name="ine.jpg")


def test_the_real_clamd_and_the_real_sandbox_agree(clamd: Clamd, judge: Judge) -> None:
    real = ClamdScanner(str(clamd.socket))
    for make in (documents.a_jpeg, documents.a_png, documents.a_webp, documents.a_heic, documents.a_pdf):
        assert judge(make(), "", real).finding is Finding.CLEAN
    assert judge(EICAR, "ine.jpg", real).threat == EICAR_NAME
    assert judge(documents.a_jpeg(comment=MARKER), "ine.jpg", real).threat == MARKER_NAME
    assert judge(documents.a_pdf_with_attachment(EICAR), "a.pdf", real).threat == EICAR_NAME
    assert judge(documents.a_jpeg() + documents.a_zip(EICAR), "ine.jpg", real).threat == EICAR_NAME


def test_a_pdf_with_an_empty_password_is_clean_and_with_a_payload_infected(clamd: Clamd, judge: Judge) -> None:
    real = ClamdScanner(str(clamd.socket))
    assert judge(documents.a_locked_pdf(user=""), "a.pdf", real).finding is Finding.CLEAN
    assert judge(documents.a_locked_pdf(), "a.pdf", real).reason is Reason.PDF_LOCKED


def test_a_report_says_what_was_found_without_failing(sandbox: Sandbox, tmp_path: Path) -> None:
    good, bad = tmp_path / "ine.jpg", tmp_path / "no.jpg"
    good.write_bytes(documents.a_jpeg())
    with Inspector(scanner=FakeScanner(), sandbox=sandbox) as inspector:
        report = inspect_file(inspector, good)
        assert (report["verdict"], report["reason"], report["mime"], report["pages"]) == (
            "clean",
            "examined",
            "image/jpeg",
            1,
        )
        assert inspect_file(inspector, bad)["reason"] == "unreadable"
    with Inspector(scanner=SilentScanner(), sandbox=sandbox) as inspector:
        assert inspect_file(inspector, good)["reason"] == "scanner_unavailable"


def test_many_documents_at_once_get_their_own_verdicts(sandbox: Sandbox) -> None:
    from concurrent.futures import ThreadPoolExecutor

    contents = [documents.a_jpeg(), b"MZ" + bytes(200), documents.a_pdf(3), documents.a_locked_pdf()] * 4
    expected = [Reason.EXAMINED, Reason.UNKNOWN_TYPE, Reason.EXAMINED, Reason.PDF_LOCKED] * 4
    with Inspector(scanner=FakeScanner(), sandbox=sandbox) as inspector, ThreadPoolExecutor(8) as pool:
        verdicts = pool.map(
            lambda content: inspector.inspect(lambda: [content], size=len(content), declared_name="", limits=Limits()),
            contents,
        )
        assert [verdict.reason for verdict in verdicts] == expected
