"""Office documents: refused by default, and where they are accepted only those that do nothing but show."""

import io
import socket
import struct
import threading
import zipfile
from collections.abc import Callable

import pytest

from intake.inspection.limits import Limits
from intake.inspection.verdicts import Finding, Mime, Reason, Verdict
from tests.intake.inspection import documents
from tests.intake.inspection import office_files as files
from tests.intake.inspection.fakes import FakeScanner
from tests.services.clamd import EICAR

Judge = Callable[..., Verdict]
ACCEPTED = Limits(accept_office=True)
DOCX, XLSX = files.a_docx(), files.a_xlsx()


@pytest.mark.parametrize(("content", "name"), [(DOCX, "contrato.docx"), (XLSX, "gastos.xlsx"), (DOCX, "foto.jpg")])
def test_an_office_document_is_refused_by_default_with_its_own_reason(content: bytes, name: str, judge: Judge) -> None:
    verdict = judge(content, name)
    assert (verdict.finding, verdict.reason) == (Finding.WRONG_TYPE, Reason.OFFICE_DOCUMENT)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (documents.a_zip(), Reason.ARCHIVE),
        (b"Rar!\x1a\x07\0" + bytes(200), Reason.ARCHIVE),
        (b"\x1f\x8b\x08" + bytes(200), Reason.ARCHIVE),
        (bytes(257) + b"ustar" + bytes(300), Reason.ARCHIVE),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), Reason.OFFICE_DOCUMENT),
        (b"{\\rtf1 hola}", Reason.OFFICE_DOCUMENT),
        (files.zipped({"mimetype": "application/vnd.oasis.opendocument.text"}, zipfile.ZIP_STORED), None),
    ],
)
def test_archives_and_old_office_files_are_told_apart_and_never_accepted(
    content: bytes, reason: Reason | None, judge: Judge
) -> None:
    for limits in (Limits(), ACCEPTED):
        assert judge(content, "a.docx", limits=limits).reason is (reason or Reason.OFFICE_DOCUMENT)


@pytest.mark.parametrize(
    ("content", "name", "mime"),
    [
        (DOCX, "contrato.docx", Mime.DOCX),
        (XLSX, "gastos.xlsx", Mime.XLSX),
        (XLSX, "", Mime.XLSX),
        (files.zipped(files.docx_members(), zipfile.ZIP_STORED), "c.docx", Mime.DOCX),
    ],
)
def test_where_it_is_accepted_a_plain_one_is_clean_without_pages(
    content: bytes, name: str, mime: Mime, judge: Judge
) -> None:
    verdict = judge(content, name, limits=ACCEPTED)
    assert (verdict.finding, verdict.mime, verdict.pages) == (Finding.CLEAN, mime, 0)


@pytest.mark.parametrize("name", ["a.xlsx", "a.docm", "a.zip", "a.pdf"])
def test_a_document_under_another_name_is_refused(name: str, judge: Judge) -> None:
    assert judge(DOCX, name, limits=ACCEPTED).reason is Reason.EXTENSION_MISMATCH


def test_every_member_is_scanned_by_itself(judge: Judge) -> None:
    scanner = FakeScanner(marker=EICAR)
    infected = files.a_docx(**{"word/media/image2.png": b"\x89PNG" + EICAR})
    assert EICAR not in infected
    assert judge(infected, "a.docx", scanner, ACCEPTED).reason is Reason.VIRUS_FOUND
    assert len(scanner.streams) == 1 + 6


def test_a_virus_outranks_a_macro(judge: Judge) -> None:
    infected = files.a_docx(**{"word/vbaProject.bin": EICAR})
    assert judge(infected, "a.docx", FakeScanner(marker=EICAR), ACCEPTED).reason is Reason.VIRUS_FOUND


def _relation(kind: str, target: str, *, outside: bool = False) -> bytes:
    entry = files.a_relation(kind, target, outside=outside)
    return files.a_docx(**{"word/_rels/document.xml.rels": files.relations(entry)})


def _typed(more: str, **members: bytes) -> bytes:
    declared = files.types("word/document.xml", "wordprocessingml.document", more)
    return files.a_docx(**{"[Content_Types].xml": declared, **members})


def _override(part: str, kind: str) -> str:
    return f'<Override PartName="/{part}" ContentType="{kind}"/>'


def _field(*pieces: str) -> bytes:
    runs = "".join(f"<w:r><w:instrText>{piece}</w:instrText></w:r>" for piece in pieces)
    begin, end = '<w:fldChar w:fldCharType="begin"/>', '<w:fldChar w:fldCharType="end"/>'
    return files.a_docx(**{"word/document.xml": files.a_text(f"<w:p>{begin}{runs}{end}</w:p>")})


VBA = "application/vnd.ms-office.vbaProject"
ACTS = {
    "macro": _typed(_override("word/vbaProject.bin", VBA), **{"word/vbaProject.bin": b"x"}),
    "macro without a type": files.a_docx(**{"word/vbaProject.bin": b"x"}),
    "macro called a picture": _typed(
        _override("word/media/a.png", VBA), **{"word/media/a.png": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"}
    ),
    "program called a picture": files.a_docx(**{"word/media/a.png": b"MZ" + bytes(90)}),
    "archive called a picture": files.a_docx(**{"word/media/a.png": documents.a_zip()}),
    "embedded package": _typed(
        '<Default Extension="docx" ContentType="application/zip"/>', **{"word/embeddings/a.docx": DOCX}
    ),
    "ole object": _relation("oleObject", "embeddings/oleObject1.bin"),
    "control": _relation("control", "activeX/activeX1.xml"),
    "alternative chunk": _relation("aFChunk", "chunk.html"),
    "template": _relation("attachedTemplate", "https://example.org/a.dotm", outside=True),
    "template at home": _relation("attachedTemplate", "a.dotx"),
    "picture from elsewhere": _relation("image", "https://example.org/a.png", outside=True),
    "picture from a share": _relation("image", "\\\\example.org\\a.png"),
    "picture by file address": _relation("image", "file:///c:/a.png"),
    "sub-document": _relation("subDocument", "b.docx", outside=True),
    "frame": _relation("frame", "b.html", outside=True),
    "link to a file": _relation("hyperlink", "file:///c:/windows/a.exe", outside=True),
    "link that runs": _relation("hyperlink", "ms-msdt:/id PCWDiagnostic", outside=True),
    "kind of the future": _relation("runAtOnce", "a.xml"),
    "dde": _field("DDEAUTO c:\\\\windows\\\\cmd.exe"),
    "dde in pieces": _field("D", "DE", "AUTO cmd"),
    "dde in one element": files.a_docx(
        **{"word/document.xml": files.a_text('<w:p><w:fldSimple w:instr=" DDE cmd a"/></w:p>')}
    ),
    "text from elsewhere": _field(' INCLUDETEXT "https://example.org/a"'),
    "formula that starts a program": files.a_xlsx(**{"xl/worksheets/sheet1.xml": files.a_sheet("cmd|'/c calc'!A0")}),
    "formula that fetches": files.a_xlsx(
        **{"xl/worksheets/sheet1.xml": files.a_sheet("WEBSERVICE(&quot;http://a&quot;)")}
    ),
    "external workbook": files.a_xlsx(
        **{
            "xl/_rels/workbook.xml.rels": files.relations(
                files.a_relation("externalLink", "externalLinks/externalLink1.xml")
            )
        }
    ),
    "climbing name": files.a_docx(**{"word/../../a.xml": "<a/>"}),
    "absolute name": files.a_docx(**{"/etc/a.xml": "<a/>"}),
    "backslash in a name": files.a_docx(**{"word\\a.xml": "<a/>"}),
    "declared entity": files.a_docx(
        **{"word/document.xml": '<!DOCTYPE a [<!ENTITY b "c">]>' + files.a_text().partition("?>")[2]}
    ),
}


@pytest.mark.parametrize("content", ACTS.values(), ids=ACTS.keys())
def test_an_office_document_that_does_more_than_show_is_refused(content: bytes, judge: Judge) -> None:
    assert judge(content, "", limits=ACCEPTED).reason is Reason.OFFICE_ACTIVE


def test_a_formula_may_speak_of_pipes_and_services(judge: Judge) -> None:
    formula = "CONCATENATE(&quot;a|b WEBSERVICE(&quot;,A1)"
    harmless = files.a_xlsx(**{"xl/worksheets/sheet1.xml": files.a_sheet(formula)})
    assert judge(harmless, "a.xlsx", limits=ACCEPTED).finding is Finding.CLEAN


def test_a_document_with_a_macro_enabled_type_is_refused(judge: Judge) -> None:
    kind = "application/vnd.ms-word.document.macroEnabled.main+xml"
    declared = files.types("word/document.xml", "x").replace(
        "application/vnd.openxmlformats-officedocument.x.main+xml", kind
    )
    assert judge(files.a_docx(**{"[Content_Types].xml": declared}), "", limits=ACCEPTED).reason is Reason.OFFICE_ACTIVE


@pytest.mark.parametrize(
    "members",
    [
        {"_rels/.rels": None},
        {"_rels/.rels": files.relations()},
        {"_rels/.rels": files.relations(files.a_relation("officeDocument", "word/gone.xml"))},
        {"word/document.xml": "<w:document"},
        {"[Content_Types].xml": files.types("word/gone.xml", "wordprocessingml.document")},
    ],
)
def test_an_office_document_whose_parts_do_not_fit_is_damaged(
    members: dict[str, str | bytes | None], judge: Judge
) -> None:
    assert judge(files.a_docx(**members), "a.docx", limits=ACCEPTED).reason is Reason.OFFICE_DAMAGED


def test_an_entity_from_elsewhere_is_never_fetched(judge: Judge) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(1.5)
        heard: list[object] = []

        def listen() -> None:
            try:
                heard.append(listening.accept())
            except TimeoutError:
                return

        ear = threading.Thread(target=listen)
        ear.start()
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/x"
        for doctype in (f'<!DOCTYPE a SYSTEM "{address}">', f'<!DOCTYPE a [<!ENTITY % b SYSTEM "{address}"> %b;]>'):
            content = files.a_docx(**{"word/document.xml": doctype + "<a>&b;</a>"})
            assert judge(content, "a.docx", limits=ACCEPTED).reason is Reason.OFFICE_ACTIVE
        ear.join()
    assert heard == []


def _lying_sizes(content: bytes) -> bytes:
    """The directory announces less than the member inflates to."""
    name = b"word/document.xml"
    for at in (files.directory_entry(content, name) + 24, content.index(name) - 8):
        content = files.changed(content, at, struct.pack("<I", 5))
    return content


def _renamed_in_its_own_header(content: bytes) -> bytes:
    return files.changed(content, content.index(b"word/document.xml"), b"word/documenT.xml")


def _doubled() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.docx_members().items():
            archive.writestr(name, content or "")
        archive.writestr("WORD/document.xml", files.a_text())
    return out.getvalue()


def _with_comment(content: bytes) -> bytes:
    return content[:-2] + b"\x05\0hello"


def _with_hidden_member(content: bytes) -> bytes:
    """Something between the last member and the directory, which readers by local header would find."""
    end = files.end_record(content)
    start = int.from_bytes(content[end + 16 : end + 20], "little")
    hidden = b"PK\x03\x04hidden-by-the-directory"
    moved = files.changed(content, end + 16, struct.pack("<I", start + len(hidden)))
    return moved[:start] + hidden + moved[start:]


LIES = {
    "before": b"PK\x03\x04" + DOCX,
    "behind": DOCX + b"\0",
    "comment": _with_comment(DOCX),
    "between": _with_hidden_member(DOCX),
    "two names that differ in case": _doubled(),
    "another name in its own header": _renamed_in_its_own_header(DOCX),
    "less than it inflates to": _lying_sizes(DOCX),
    "second directory": DOCX + DOCX[files.end_record(DOCX) :],
}


@pytest.mark.parametrize("content", LIES.values(), ids=LIES.keys())
def test_a_zip_that_two_readers_would_read_differently_is_refused(content: bytes, judge: Judge) -> None:
    assert judge(content, "a.docx", limits=ACCEPTED).reason is Reason.POLYGLOT


def test_a_locked_member_is_not_examined(judge: Judge) -> None:
    at = files.directory_entry(DOCX, b"word/document.xml") + 8
    assert judge(files.changed(DOCX, at, b"\x01\0"), "a.docx", limits=ACCEPTED).reason is Reason.ENCRYPTED_CONTENT


def test_a_flipped_byte_in_a_member_is_damage(judge: Judge) -> None:
    stored = files.zipped(files.docx_members(), zipfile.ZIP_STORED)
    at = stored.index(b"Contrato")
    assert judge(files.changed(stored, at, b"X"), "a.docx", limits=ACCEPTED).reason is Reason.OFFICE_DAMAGED


@pytest.mark.parametrize(
    ("members", "limits"),
    [
        ({"word/media/a.png": bytes(80 << 20)}, ACCEPTED),
        ({"word/media/a.png": bytes(2 << 20)}, ACCEPTED),
        ({f"word/media/{n}.png": b"x" for n in range(30)}, Limits(accept_office=True, members=20)),
        ({"word/media/a.png": b"x" * 3000}, Limits(accept_office=True, member_bytes=2000)),
        ({"word/media/a.png": b"x" * 3000}, Limits(accept_office=True, members_bytes=4000)),
    ],
    ids=["member", "ratio", "count", "one limit", "total"],
)
def test_a_zip_bomb_is_refused_from_its_directory(
    members: dict[str, str | bytes | None], limits: Limits, judge: Judge
) -> None:
    assert judge(files.a_docx(**members), "a.docx", limits=limits).reason is Reason.SCAN_LIMITS


def test_an_office_document_over_the_size_of_a_pdf_is_too_large(judge: Judge) -> None:
    limits = Limits(accept_office=True, pdf_bytes=len(DOCX) - 1)
    assert judge(DOCX, "a.docx", limits=limits).reason is Reason.TOO_LARGE
