"""Damaged, oversized, locked and active documents are told apart, within bounds of time and memory."""

import time
from collections.abc import Callable

import pikepdf
import pytest

from intake.inspection.limits import Limits
from intake.inspection.verdicts import Finding, Reason, Verdict
from tests.intake.inspection import documents
from tests.intake.inspection.fakes import FakeScanner
from tests.services.clamd import EICAR

Judge = Callable[..., Verdict]


def test_an_empty_file_is_damaged(judge: Judge) -> None:
    assert judge(b"", "ine.jpg").reason is Reason.EMPTY_FILE


@pytest.mark.parametrize(
    "whole",
    [
        documents.a_jpeg(),
        documents.a_jpeg(progressive=True),
        documents.a_png(),
        documents.a_webp(),
        documents.a_heic(),
    ],
    ids=["jpeg", "progressive jpeg", "png", "webp", "heic"],
)
@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9, 0.999])
def test_a_truncated_image_is_never_clean(whole: bytes, kept: float, judge: Judge) -> None:
    verdict = judge(whole[: int(len(whole) * kept)])
    assert verdict.finding in (Finding.DAMAGED, Finding.WRONG_TYPE)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.97])
def test_a_truncated_pdf_is_damaged(kept: float, judge: Judge) -> None:
    whole = documents.a_pdf()
    assert judge(whole[: int(len(whole) * kept)], "a.pdf").reason is Reason.PDF_DAMAGED


def test_a_truncated_linearized_pdf_is_damaged(judge: Judge) -> None:
    whole = documents.a_changed_pdf(lambda pdf: None, linearize=True)
    assert judge(whole, "a.pdf").finding is Finding.CLEAN
    assert judge(whole[: int(len(whole) * 0.9)], "a.pdf").finding is Finding.DAMAGED


def test_a_png_with_a_flipped_bit_is_damaged(judge: Judge) -> None:
    content = bytearray(documents.a_png())
    content[len(content) // 2] ^= 1
    assert judge(bytes(content)).reason is Reason.IMAGE_DAMAGED


def test_a_jpeg_without_tables_is_damaged(judge: Judge) -> None:
    content = documents.a_jpeg()
    start = content.index(b"\xff\xdb")
    length = int.from_bytes(content[start + 2 : start + 4], "big")
    assert judge(content[:start] + content[start + 2 + length :]).reason is Reason.IMAGE_DAMAGED


def test_a_pixel_flood_is_refused_from_its_header(judge: Judge) -> None:
    started = time.monotonic()
    verdict = judge(documents.a_png_that_claims(40_000, 40_000))
    assert verdict.reason is Reason.TOO_MANY_PIXELS
    assert time.monotonic() - started < 2


def test_a_png_with_a_text_bomb_is_never_clean(judge: Judge) -> None:
    assert judge(documents.a_png_with_text_bomb()).finding in (Finding.DAMAGED, Finding.NOT_EXAMINABLE)


def test_an_image_over_its_size_is_not_examined(judge: Judge) -> None:
    content = documents.a_png()
    assert judge(content, limits=Limits(image_bytes=len(content) - 1)).reason is Reason.TOO_LARGE
    assert judge(content, limits=Limits(image_bytes=10, pdf_bytes=10)).reason is Reason.TOO_LARGE
    assert judge(content, limits=Limits(image_bytes=len(content))).finding is Finding.CLEAN


def test_an_image_that_needs_more_memory_than_allowed_is_not_examined(judge: Judge) -> None:
    content = documents.a_flat_png(5000, 5000)
    assert judge(content).finding is Finding.CLEAN
    assert judge(content, limits=Limits(memory=80 << 20)).reason is Reason.SCAN_LIMITS


def test_a_document_that_takes_too_long_is_killed_and_not_examined(judge: Judge) -> None:
    slow = documents.a_pdf_bomb(100, pages=100)
    started = time.monotonic()
    verdict = judge(slow, "a.pdf", limits=Limits(examine_cpu_seconds=1, pdf_content_bytes=1 << 40))
    assert verdict.reason is Reason.SCAN_LIMITS
    assert time.monotonic() - started < 15


def test_a_pdf_whose_content_inflates_without_end_is_not_examined(judge: Judge) -> None:
    assert judge(documents.a_pdf_bomb(600), "a.pdf").reason is Reason.SCAN_LIMITS


def test_a_locked_pdf_is_told_apart_from_a_damaged_one(judge: Judge) -> None:
    assert judge(documents.a_locked_pdf(), "a.pdf").reason is Reason.PDF_LOCKED


def test_a_pdf_encrypted_with_an_empty_password_is_scanned_in_plain(judge: Judge) -> None:
    scanner = FakeScanner()
    assert judge(documents.a_locked_pdf(user=""), "a.pdf", scanner).finding is Finding.CLEAN
    assert len(scanner.streams) == 2
    assert b"/Encrypt" in scanner.streams[0]
    assert b"/Encrypt" not in scanner.streams[1]


def test_a_pdf_with_too_many_pages_is_not_examined(judge: Judge) -> None:
    assert judge(documents.a_pdf(3), "a.pdf", limits=Limits(pages=2)).reason is Reason.TOO_MANY_PAGES
    assert judge(documents.a_pdf(2), "a.pdf", limits=Limits(pages=2)).pages == 2


def test_a_pdf_without_pages_is_damaged(judge: Judge) -> None:
    def empty(pdf: pikepdf.Pdf) -> None:
        del pdf.pages[:]

    assert judge(documents.a_changed_pdf(empty), "a.pdf").reason is Reason.PDF_DAMAGED


@pytest.mark.parametrize("typed", [True, False])
def test_a_pdf_attachment_is_scanned_by_itself_and_refused(typed: bool, judge: Judge) -> None:
    scanner = FakeScanner(marker=EICAR)
    infected = documents.a_pdf_with_attachment(typed=typed)
    assert EICAR not in infected
    assert judge(infected, "a.pdf", scanner).reason is Reason.VIRUS_FOUND
    harmless = documents.a_pdf_with_attachment(b"<cfdi/>", typed=typed)
    assert judge(harmless, "a.pdf", scanner).reason is Reason.PDF_ATTACHMENTS


def test_a_policy_may_accept_attachments_but_each_is_scanned(judge: Judge) -> None:
    policy = Limits(accept_pdf_attachments=True)
    scanner = FakeScanner(marker=EICAR)
    assert judge(documents.a_pdf_with_attachment(b"<cfdi/>"), "a.pdf", scanner, policy).finding is Finding.CLEAN
    assert judge(documents.a_pdf_with_attachment(), "a.pdf", scanner, policy).reason is Reason.VIRUS_FOUND
    few = Limits(accept_pdf_attachments=True, attachment_bytes=3)
    assert judge(documents.a_pdf_with_attachment(b"<cfdi/>"), "a.pdf", scanner, few).reason is Reason.PDF_ATTACHMENTS


NAME = pikepdf.Name


def _open_action(**action: object) -> Callable[[pikepdf.Pdf], None]:
    def act(pdf: pikepdf.Pdf) -> None:
        pdf.Root.OpenAction = pikepdf.Dictionary(**action)

    return act


def _javascript_name(pdf: pikepdf.Pdf) -> None:
    script = pikepdf.Dictionary(S=NAME.JavaScript, JS=pikepdf.Stream(pdf, b"app.alert(1)"))
    pdf.Root.Names = pikepdf.Dictionary(JavaScript=pikepdf.Dictionary(Names=["a", pdf.make_indirect(script)]))


def _xfa(pdf: pikepdf.Pdf) -> None:
    pdf.Root.AcroForm = pikepdf.Dictionary(Fields=[], XFA=pikepdf.Stream(pdf, b"<xdp/>"))


def _deep_script(pdf: pikepdf.Pdf) -> None:
    action = pikepdf.Dictionary(
        S=NAME.URI, URI="https://example.org", Next=[pikepdf.Dictionary(S=NAME.Launch, F="a.exe")]
    )
    pdf.pages[1].AA = pikepdf.Dictionary(O=action)


def _rich_media(pdf: pikepdf.Pdf) -> None:
    note = pikepdf.Dictionary(Type=NAME.Annot, Subtype=NAME.RichMedia, Rect=[0, 0, 9, 9])
    pdf.pages[0].Annots = [pdf.make_indirect(note)]


def _external_stream(pdf: pikepdf.Pdf) -> None:
    stream = pikepdf.Stream(pdf, b"")
    stream.F = pikepdf.Dictionary(Type=NAME.Filespec, F="/etc/passwd")
    pdf.pages[0].Contents = stream


@pytest.mark.parametrize(
    "change",
    [
        _open_action(S=NAME.JavaScript, JS="app.alert(1)"),
        _open_action(S=NAME.Launch, F="cmd.exe"),
        _open_action(S=NAME.SubmitForm, F="https://example.org"),
        _open_action(S=NAME.ImportData, F="a.fdf"),
        _open_action(S=NAME.GoToR, F="\\\\example.org\\share"),
        _open_action(S=NAME.GoToE, F="a.pdf"),
        _javascript_name,
        _xfa,
        _deep_script,
        _rich_media,
        _external_stream,
    ],
)
def test_a_pdf_that_acts_is_refused(change: Callable[[pikepdf.Pdf], None], judge: Judge) -> None:
    verdict = judge(documents.a_changed_pdf(change), "a.pdf")
    assert (verdict.finding, verdict.reason) == (Finding.WRONG_TYPE, Reason.PDF_ACTIVE_CONTENT)


def test_a_pdf_with_links_and_a_first_view_is_accepted(judge: Judge) -> None:
    def link(pdf: pikepdf.Pdf) -> None:
        action = pikepdf.Dictionary(S=NAME.URI, URI="https://example.org")
        note = pikepdf.Dictionary(Type=NAME.Annot, Subtype=NAME.Link, Rect=[0, 0, 9, 9], A=action)
        pdf.pages[0].Annots = [pdf.make_indirect(note)]
        pdf.Root.OpenAction = pikepdf.Array([pdf.pages[0].obj, NAME.Fit])
        pdf.pages[1].AA = pikepdf.Dictionary(O=pikepdf.Dictionary(S=NAME.GoTo, D=[pdf.pages[0].obj, NAME.Fit]))

    assert judge(documents.a_changed_pdf(link), "a.pdf").finding is Finding.CLEAN


def test_a_pdf_whose_objects_loop_ends(judge: Judge) -> None:
    def loop(pdf: pikepdf.Pdf) -> None:
        one, two = pdf.make_indirect(pikepdf.Dictionary()), pdf.make_indirect(pikepdf.Dictionary())
        one.Next, two.Next = two, one
        pdf.Root.Outlines = one

    assert judge(documents.a_changed_pdf(loop), "a.pdf").finding is Finding.CLEAN
