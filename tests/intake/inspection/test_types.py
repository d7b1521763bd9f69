"""Types: signature at byte 0, libmagic and the name must agree; a polyglot is refused."""

from collections.abc import Callable

import pytest

from intake.inspection.names import suffix_of
from intake.inspection.verdicts import Finding, Mime, Reason, Verdict
from tests.intake.inspection import documents
from tests.services.clamd import EICAR

Judge = Callable[..., Verdict]


@pytest.mark.parametrize(
    ("make", "name", "mime"),
    [
        (documents.a_jpeg, "IMG_0001.JPG", Mime.JPEG),
        (documents.a_jpeg, "", Mime.JPEG),
        (documents.a_jpeg, "captura.png", Mime.JPEG),
        (documents.a_png, "ine.png", Mime.PNG),
        (documents.a_webp, "ine.webp", Mime.WEBP),
        (documents.a_heic, "IMG_0002.HEIC", Mime.HEIC),
        (documents.a_heic, "IMG_0002.jpg", Mime.HEIC),
        (documents.a_pdf, "estado de cuenta.pdf", Mime.PDF),
    ],
)
def test_every_accepted_type_is_clean_and_named(make: Callable[[], bytes], name: str, mime: Mime, judge: Judge) -> None:
    verdict = judge(make(), name)
    assert (verdict.finding, verdict.reason, verdict.mime) == (Finding.CLEAN, Reason.EXAMINED, mime)
    assert verdict.pages >= 1
    assert verdict.engine


@pytest.mark.parametrize(
    "content",
    [
        b"MZ" + bytes(200),
        b"\x7fELF" + bytes(200),
        b"<html><script>alert(1)</script></html>",
        b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>",
        b"II*\0" + bytes(200),
        b"GIF89a" + bytes(200),
        b"BM" + bytes(200),
        b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf" + bytes(200),
        b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + bytes(200),
        b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf" + bytes(200),
        b"hola",
        b"\0",
        EICAR,
    ],
)
@pytest.mark.parametrize("name", ["ine.jpg", "ine.pdf", "ine.heic"])
def test_a_foreign_type_under_an_accepted_name_is_refused(content: bytes, name: str, judge: Judge) -> None:
    assert judge(content, name).reason is Reason.UNKNOWN_TYPE


@pytest.mark.parametrize("name", ["ine.exe", "ine.jpg.exe", "ine.jpg.html", "ine.pdf", "ine.svg", "ine.jpg.\u202efdp"])
def test_an_image_under_a_foreign_name_is_refused(name: str, judge: Judge) -> None:
    assert judge(documents.a_jpeg(), name).reason is Reason.EXTENSION_MISMATCH


def test_a_pdf_under_an_image_name_is_refused(judge: Judge) -> None:
    assert judge(documents.a_pdf(), "ine.jpg").reason is Reason.EXTENSION_MISMATCH


def test_a_pdf_behind_a_script_is_refused(judge: Judge) -> None:
    assert judge(b"<html><script>1</script>\n" + documents.a_pdf(), "a.pdf").reason is Reason.UNKNOWN_TYPE


def test_a_pdf_behind_a_space_is_refused(judge: Judge) -> None:
    assert judge(b"\n" + documents.a_pdf(), "a.pdf").reason is Reason.UNKNOWN_TYPE


IMAGES = [documents.a_jpeg, documents.a_png, documents.a_webp, documents.a_heic]


@pytest.mark.parametrize("make", [*IMAGES, documents.a_pdf])
@pytest.mark.parametrize("load", [documents.a_zip, lambda: documents.a_zip(EICAR) + b"\n"])
def test_a_zip_behind_a_document_is_refused(make: Callable[[], bytes], load: Callable[[], bytes], judge: Judge) -> None:
    assert judge(make() + load()).reason is Reason.POLYGLOT


@pytest.mark.parametrize("make", IMAGES)
@pytest.mark.parametrize(
    "load", [documents.a_pdf(), b"MZ" + bytes(500), b"\x7fELF" + bytes(90), b"<?php system($_GET[1]); ?>"]
)
def test_a_document_or_program_behind_an_image_is_refused(make: Callable[[], bytes], load: bytes, judge: Judge) -> None:
    assert judge(make() + load).reason is Reason.POLYGLOT


def test_a_pdf_in_the_comment_of_an_image_is_refused(judge: Judge) -> None:
    assert judge(documents.a_jpeg(comment=b"\n%PDF-1.4\n1 0 obj")).reason is Reason.POLYGLOT


def test_a_program_behind_a_pdf_is_refused(judge: Judge) -> None:
    assert judge(documents.a_pdf() + b"\nMZ" + bytes(500)).reason is Reason.POLYGLOT


def test_the_second_picture_of_a_camera_is_accepted(judge: Judge) -> None:
    assert judge(documents.a_jpeg() + bytes(20) + documents.a_jpeg(32, 24)).finding is Finding.CLEAN


def test_the_trailer_of_a_phone_is_accepted(judge: Judge) -> None:
    samsung = b"\0\0\x01\x0a\x0e\0\0\0Image_UTC_Data1700000000000SEFH" + bytes(20) + b"\x18\0\0\0SEFT"
    video = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(400)
    assert judge(documents.a_jpeg() + samsung).finding is Finding.CLEAN
    assert judge(documents.a_jpeg() + video).finding is Finding.CLEAN


def test_a_program_inside_the_trailer_of_a_phone_is_refused(judge: Judge) -> None:
    assert judge(documents.a_jpeg() + b"\0\0MZ" + bytes(90) + b"SEFT").reason is Reason.POLYGLOT


@pytest.mark.parametrize("make", IMAGES)
def test_padding_behind_an_image_is_accepted(make: Callable[[], bytes], judge: Judge) -> None:
    assert judge(make() + bytes(64)).finding is Finding.CLEAN


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("ine.JPG", "jpg"),
        ("ine", ""),
        ("", ""),
        (".jpg", ""),
        ("ine.pdf.exe", "exe"),
        ("C:\\fotos\\ine.png ", "png"),
        ("../../etc/passwd.pdf", "pdf"),
        ("ine.pdf. . ", "pdf"),
        ("ine.p\u202edf", "?"),
        ("ine.muylargaextension", "?"),
        ("ine.jpg\r\nX: 1", "?"),
    ],
)
def test_a_name_gives_its_extension_and_nothing_else(name: str, suffix: str) -> None:
    assert suffix_of(name) == suffix
