"""Page images and originals: traced first, opened by another process, watermarked, never more than asked for."""

import io
from collections.abc import Callable

import pytest
from PIL import Image, ImageChops
from sqlalchemy import select

from audit import AuditEvent
from portal.staff.downloads import attachment, declared_name, safe_name
from portal.staff.watermark import PageUnreadable, plain, watermarked
from portal.web.application import PortalApp
from records.documents import Document, DocumentState
from storage.database import Database
from tests.portal.staff.company import Company, SlotState, a_page
from tests.portal.staff.conftest import Browser


@pytest.fixture
def document(company: Company, sqlite_database: Database) -> Document:
    """A filed document of two pages in Eva's case."""
    with sqlite_database.transaction() as session:
        request = company.a_request(session, company.a_case(session, reference="CRED-7"))
        return company.a_document(session, request.slots[0], pages=2)


def events(database: Database, name: str) -> list[AuditEvent]:
    with database.reading() as session:
        return list(session.scalars(select(AuditEvent).where(AuditEvent.event == name).order_by(AuditEvent.at)))


def test_a_page_comes_as_our_own_image_under_a_watermark(
    browser_of: Callable[[str], Browser], document: Document, company: Company
) -> None:
    answer = browser_of("eva").get(f"/documents/{document.id}/pages/2")
    assert answer.status_code == 200
    assert answer.mimetype == "image/webp"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    seen = Image.open(io.BytesIO(answer.data)).convert("RGB")
    clean = Image.open(io.BytesIO(a_page(document.slot, 2))).convert("RGB")
    assert seen.size == clean.size
    marked = ImageChops.difference(seen, clean).convert("L").point(lambda value: 255 if value > 24 else 0)
    assert marked.getbbox() is not None


def test_the_event_is_committed_before_the_opener_is_asked(
    browser_of: Callable[[str], Browser], document: Document, company: Company, sqlite_database: Database
) -> None:
    seen: list[str] = []
    ask = company.opener.file_key

    def asked(*, event: str, document: str, part: str) -> bytes:
        with sqlite_database.reading() as session:
            seen.append(session.get_one(AuditEvent, event).event)
        return ask(event=event, document=document, part=part)

    company.opener.file_key = asked  # type: ignore[method-assign]
    browser_of("eva").get(f"/documents/{document.id}/pages/1")
    assert seen == ["staff:document:viewed"]
    (event,) = events(sqlite_database, "staff:document:viewed")
    assert event.subject_id == document.id
    assert event.details == {"document": document.id, "part": "page-0001"}
    assert event.actor_id == company.members["eva"].id


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Purpose": "prefetch"},
        {"Sec-Purpose": "prefetch;prerender"},
        {"Purpose": "prefetch"},
        {"Sec-Purpose": "PREFETCH"},
    ],
)
def test_a_prefetch_opens_nothing(
    browser_of: Callable[[str], Browser],
    document: Document,
    company: Company,
    sqlite_database: Database,
    headers: dict[str, str],
) -> None:
    assert browser_of("eva").get(f"/documents/{document.id}/pages/1", headers=headers).status_code == 405
    assert company.opener.asked == []
    assert events(sqlite_database, "staff:document:viewed") == []


def test_head_opens_nothing(
    browser_of: Callable[[str], Browser], document: Document, company: Company, sqlite_database: Database
) -> None:
    eva = browser_of("eva")
    answer = eva.client.head(f"/documents/{document.id}/pages/1", base_url="https://staff.localhost")
    assert answer.status_code == 405
    assert company.opener.asked == []


def test_the_page_around_the_images_opens_nothing(
    browser_of: Callable[[str], Browser], document: Document, company: Company
) -> None:
    assert browser_of("eva").get(f"/documents/{document.id}").status_code == 200
    assert company.opener.asked == []


def test_a_refusal_of_the_opener_shows_nothing(
    browser_of: Callable[[str], Browser], document: Document, company: Company
) -> None:
    company.opener.refuses = True
    answer = browser_of("eva").get(f"/documents/{document.id}/pages/1")
    assert answer.status_code == 403
    assert answer.mimetype == "text/html"


def test_a_damaged_object_is_not_shown(
    browser_of: Callable[[str], Browser], document: Document, company: Company
) -> None:
    company.opener.keys[document.id, "page-0001"] = b"another key 16 b"
    assert browser_of("eva").get(f"/documents/{document.id}/pages/1").status_code == 503


@pytest.mark.parametrize("state", [DocumentState.RECEIVED, DocumentState.REFUSED, DocumentState.RECALLED])
def test_what_is_not_filed_is_never_opened(
    browser_of: Callable[[str], Browser],
    document: Document,
    company: Company,
    sqlite_database: Database,
    state: DocumentState,
) -> None:
    with sqlite_database.transaction() as session:
        session.get_one(Document, document.id).state = state
    assert browser_of("eva").get(f"/documents/{document.id}/pages/1").status_code == 409
    assert browser_of("carla").post(f"/documents/{document.id}/original").status_code == 409
    assert company.opener.asked == []


def test_a_document_in_inspection_has_no_page(
    browser_of: Callable[[str], Browser], company: Company, sqlite_database: Database
) -> None:
    with sqlite_database.transaction() as session:
        request = company.a_request(session, company.a_case(session))
        received = company.a_document(session, request.slots[0], state=SlotState.RECEIVED)
    assert browser_of("eva").get(f"/documents/{received.id}/pages/1").status_code == 409


def test_a_page_that_is_not_there_is_not_found(browser_of: Callable[[str], Browser], document: Document) -> None:
    eva = browser_of("eva")
    for page in ("3", "0", "-1", "10000", "01x", "original", "meta"):
        assert eva.get(f"/documents/{document.id}/pages/{page}").status_code == 404, page


def test_carla_downloads_the_original_as_an_attachment_with_a_harmless_name(
    browser_of: Callable[[str], Browser], document: Document, sqlite_database: Database
) -> None:
    answer = browser_of("carla").post(f"/documents/{document.id}/original")
    assert answer.status_code == 200
    assert answer.data == b"%PDF-1.7 original bytes"
    assert answer.mimetype == "application/octet-stream"
    assert answer.headers["Content-Disposition"] == "attachment; filename=\"inefdp.pdf\"; filename*=UTF-8''inefdp.pdf"
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer.headers["Cache-Control"] == "no-store"
    assert {event.details["part"] for event in events(sqlite_database, "staff:document:downloaded")} == {
        "original",
        "meta",
    }


def test_an_original_is_never_a_get(browser_of: Callable[[str], Browser], document: Document) -> None:
    assert browser_of("carla").get(f"/documents/{document.id}/original").status_code == 405


@pytest.mark.parametrize(
    ("declared", "clean"),
    [
        ("ine\u202efdp.exe", "inefdp.pdf"),
        ("../../etc/passwd", "passwd.pdf"),
        ("C:\\Users\\ana\\ine.jpg", "ine.pdf"),
        ('a"b;c\r\nSet-Cookie: x=1.pdf', "a b cSet-Cookie x=1.pdf"),
        ("NUL.pdf", "documento NUL.pdf"),
        ("con", "documento con.pdf"),
        ("", "documento.pdf"),
        ("...", "documento.pdf"),
        ("\x00\x01\x7f", "documento.pdf"),
        ("á" * 300 + ".pdf", "á" * 120 + ".pdf"),
        ("foto 😀 de ana.png", "foto 😀 de ana.pdf"),
        ("%00%2e%2e.pdf", "00 2e 2e.pdf"),
        ("a\u2066b\u2069c\u200f.pdf", "abc.pdf"),
    ],
)
def test_a_hostile_name_becomes_a_name(declared: str, clean: str) -> None:
    assert safe_name(declared, "application/pdf") == clean
    header = attachment(declared, "application/pdf")
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2
    assert len(safe_name(declared, "application/pdf")) <= 130


@pytest.mark.parametrize("meta", [b"", b"[]", b"null", b'{"name": 7}', b"{}", b"\xff", b'"x"'])
def test_an_unreadable_description_gives_a_neutral_name(meta: bytes) -> None:
    assert declared_name(meta) == "documento"


@pytest.mark.parametrize("untrusted", [b"", b"RIFF", b"<svg/>", b"%PDF-1.7", b"\x89PNG\r\n\x1a\n"])
def test_only_a_webp_is_shown(untrusted: bytes) -> None:
    with pytest.raises(PageUnreadable):
        watermarked(untrusted, "Eva")


def test_the_watermark_says_accented_names_in_plain_letters() -> None:
    assert plain("Sofía Núñez · 22/11/2026") == "Sofia Nunez - 22/11/2026"


def test_a_stranger_cannot_cache_or_frame_what_the_console_answers(
    console: PortalApp, browser_of: Callable[[str], Browser], document: Document
) -> None:
    eva = browser_of("eva")
    for path in ("/cases", f"/documents/{document.id}", "/sign-in", "/nothing", f"/cases/{document.case_id}"):
        headers = eva.get(path).headers
        assert headers["Cache-Control"] == "no-store"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["Referrer-Policy"] == "no-referrer"
