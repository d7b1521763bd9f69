"""Authentication templates in the simulator: as strict as the platform, with a button that copies."""

import copy

import pytest

from notifications.whatsapp.authentication import CODE, LABELS, payloads
from sandbox.whatsapp.authentication import fill
from sandbox.whatsapp.problems import GraphError
from sandbox.whatsapp.submitting import check_template


def submitted(**changes):
    payload = copy.deepcopy(payloads()[0])
    payload.update(changes)
    return payload


def test_the_library_is_accepted_in_every_language() -> None:
    assert [check_template(one)["language"] for one in payloads()] == list(LABELS)
    assert {one["name"] for one in payloads()} == {CODE}


BODY, FOOTER, BUTTONS = payloads()[0]["components"]
URL = {"type": "URL", "text": "Abrir", "url": "https://x.example/{{1}}", "example": ["https://x.example/a"]}


@pytest.mark.parametrize(
    "parts",
    [
        [BODY | {"text": "Tu código es {{1}}."}, FOOTER, BUTTONS],
        [BODY, FOOTER | {"text": "Financiera"}, BUTTONS],
        [BODY, FOOTER | {"code_expiration_minutes": 0}, BUTTONS],
        [BODY, FOOTER | {"code_expiration_minutes": 91}, BUTTONS],
        [BODY, FOOTER],
        [BODY, FOOTER, {"type": "BUTTONS", "buttons": [URL]}],
        [BODY, FOOTER, {"type": "BUTTONS", "buttons": [BUTTONS["buttons"][0], URL]}],
        [BODY, FOOTER, {"type": "BUTTONS", "buttons": [{"type": "OTP", "otp_type": "FORGED", "text": "Copiar"}]}],
        [{"type": "HEADER", "format": "TEXT", "text": "Hola"}, BODY, FOOTER, BUTTONS],
    ],
)
def test_a_template_with_words_or_links_of_its_own_is_refused(parts: list) -> None:
    with pytest.raises(GraphError):
        check_template(submitted(components=parts))


@pytest.mark.parametrize("seconds", [29, 901, 43200])
def test_a_code_may_not_wait_for_hours(seconds: int) -> None:
    with pytest.raises(GraphError):
        check_template(submitted(message_send_ttl_seconds=seconds))


def given(body: object = "123456", button: object = "123456") -> dict:
    return {"body": [{"type": "text", "text": body}], "button:url:0": [{"type": "text", "text": button}]}


@pytest.mark.parametrize(
    ("language", "words"),
    [("es_MX", "es tu código de verificación"), ("en", "is your verification"), ("pt_BR", "Seu código de verificação")],
)
def test_the_platform_writes_the_words(language: str, words: str) -> None:
    shown = fill(language, payloads()[0]["components"], given())
    assert words in shown["text"]
    assert shown["code"] == "123456"


@pytest.mark.parametrize(
    "parameters",
    [{}, given(button="654321"), given(body=""), given("1" * 16, "1" * 16), given("1 2", "1 2"), given(1234, 1234),
     {"body": given()["body"]}, {"button:url:0": given()["button:url:0"]}],
)  # fmt: skip
def test_the_code_comes_twice_and_alike(parameters: dict) -> None:
    with pytest.raises(GraphError):
        fill("es_MX", payloads()[0]["components"], parameters)
