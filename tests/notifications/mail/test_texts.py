"""The mails: neutral, in three languages, without anything from elsewhere, and deaf to what a name tries to inject."""

import re
from datetime import UTC, datetime

import pytest

from notifications.delivery.composing import spoken
from notifications.mail.texts import LANGUAGES, Letter, write
from records.messages import Purpose

URL = "https://docs.example.com/s/token"
VALUES = {
    "name": "Ana",
    "title": "Crédito 4711",
    "url": URL,
    "check": "7K3F-9QXM",
    "portal": "https://docs.example.com",
}
LETTER = Letter(
    company="Financiera Aurora",
    sender="avisos@aurora.example",
    reply_to="ayuda@aurora.example",
    to="ana@example.com",
    at=datetime(2026, 3, 4, tzinfo=UTC),
    attempt_id="a" * 32,
)


def parts(message) -> tuple[str, str]:
    return message.get_body(("plain",)).get_content(), message.get_body(("html",)).get_content()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("purpose", [Purpose.REQUEST, Purpose.RETURNED])
def test_a_link_is_in_both_parts_and_nothing_else_is_loaded(purpose: Purpose, language: str) -> None:
    message = write(LETTER, purpose, language, VALUES)
    plain, html = parts(message)
    assert URL in plain
    assert re.findall(r'(?:href|src)="([^"]*)"', html) == [URL]
    for text in (plain, html):
        assert "7K3F-9QXM" in text
        assert "https://docs.example.com/check" in text
    assert message["Content-Language"] == language
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"] == f"<{'a' * 32}@aurora.example>"
    assert message["Reply-To"] == "ayuda@aurora.example"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_code_stands_in_the_body_and_never_in_a_header(language: str) -> None:
    message = write(LETTER, Purpose.CODE, language, {"code": "123456"})
    assert all("123456" in text for text in parts(message))
    assert not any("123456" in str(value) for value in message.values())


@pytest.mark.parametrize("evil", ["Ana\r\nBcc: all@example.com", "<script>alert(1)</script>", "Ana\u202egnp.exe"])
def test_a_name_injects_neither_headers_nor_markup(evil: str) -> None:
    message = write(LETTER, Purpose.REQUEST, "es", VALUES | {"name": spoken(evil), "title": spoken(evil)})
    raw = message.as_bytes().decode("ascii")
    assert "\nBcc:" not in raw
    assert "<script>" not in parts(message)[1]
    assert "\u202e" not in parts(message)[0]


def test_gaps_in_a_name_are_not_filled() -> None:
    message = write(LETTER, Purpose.REQUEST, "es", VALUES | {"name": "{url.__class__}", "title": "{code}"})
    assert "{url.__class__}" in parts(message)[0]


def test_an_unknown_language_is_spanish() -> None:
    assert write(LETTER, Purpose.CODE, "fr", {"code": "1"})["Content-Language"] == "es"


def test_no_mail_asks_for_a_document_by_its_name() -> None:
    for purpose in (Purpose.REQUEST, Purpose.RETURNED):
        for language in LANGUAGES:
            plain, _ = parts(write(LETTER, purpose, language, VALUES))
            assert not re.search(
                r"\b(ine|curp|rfc|pasaporte|passport|identificaci|identity|tarjeta|card)\b", plain, re.I
            )
