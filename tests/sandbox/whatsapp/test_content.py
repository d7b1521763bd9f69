"""What a message says is checked as the platform documents it: free text, interactive messages, parameters."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.whatsapp.plain import a_message, a_template, a_text
from tests.sandbox.whatsapp.stage import Stage, staged


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with staged(templates=(a_template(),)) as stage:
        yield stage


def code_of(stage: Stage, body: dict[str, Any]) -> int:
    answer = stage.post(f"{stage.settings.phone_number_id}/messages", body).json()
    return int(answer["error"]["code"]) if "error" in answer else 0


def a_link(**changes: Any) -> dict[str, Any]:
    parameters = {"display_text": "Subir", "url": "https://docs.aurora.example/s/abc"}
    action = {"name": "cta_url", "parameters": parameters}
    return {"type": "cta_url", "body": {"text": "Aquí"}, "action": action} | changes


def replies(*titles: str) -> dict[str, Any]:
    buttons = [{"type": "reply", "reply": {"id": f"b{n}", "title": title}} for n, title in enumerate(titles)]
    return {"type": "button", "body": {"text": "¿Sí?"}, "action": {"buttons": buttons}}


@pytest.mark.parametrize(
    ("node", "code"),
    [
        (a_link(), 0),
        (a_link(header={"type": "text", "text": "x" * 60}, footer={"text": "x" * 60}, body={"text": "x" * 1024}), 0),
        (a_link(body={"text": "x" * 1025}), 131009),
        (a_link(body={}), 131008),
        (a_link(header={"type": "text", "text": "x" * 61}), 131009),
        (a_link(header={"type": "image", "image": {"id": "1"}}), 131009),
        (a_link(footer={"text": "x" * 61}), 131009),
        (a_link(action={"parameters": {"display_text": "Subir", "url": "https://a.example"}}), 131009),
        (a_link(action={"name": "cta_url", "parameters": {"display_text": "x" * 21, "url": "https://a.b"}}), 131009),
        (a_link(action={"name": "cta_url", "parameters": {"display_text": "Subir", "url": "ftp://a.b"}}), 131009),
        (a_link(action={"name": "cta_url", "parameters": {"display_text": "Subir", "url": "https://a b"}}), 131009),
        (a_link(action={"name": "cta_url"}), 131008),
        (a_link(type="catalog"), 131009),
        (replies("Sí", "No", "Luego"), 0),
        (replies(), 131009),
        (replies("Sí", "Sí"), 131009),
        (replies("1", "2", "3", "4"), 131009),
        (replies("x" * 21), 131009),
        ("cta_url", 131008),
    ],
)
def test_interactive_messages_keep_to_their_limits(stage: Stage, node: Any, code: int) -> None:
    assert code_of(stage, a_text(type="interactive", interactive=node)) == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"text": {"body": "x" * 4096}}, 0),
        ({"text": {"body": "x" * 4097}}, 131009),
        ({"text": {}}, 131009),
        ({"text": None}, 131008),
        ({"recipient_type": "group"}, 100),
        ({"context": "wamid"}, 100),
        ({"messaging_product": None}, 100),
        ({"type": "image", "image": {"id": "1"}}, 100),
    ],
)
def test_texts_keep_to_their_limits(stage: Stage, changes: dict[str, Any], code: int) -> None:
    assert code_of(stage, a_text() | changes) == code


def a_button(kind: str, index: Any, *parameters: dict[str, Any]) -> dict[str, Any]:
    return {"type": "button", "sub_type": kind, "index": index, "parameters": list(parameters)}


TEXT = {"type": "text", "text": "tok-1"}


@pytest.mark.parametrize(
    ("buttons", "code"),
    [
        ([a_button("url", "0", TEXT)], 0),
        ([a_button("URL", 0, TEXT)], 0),
        ([], 131008),
        ([a_button("url", "0", TEXT, TEXT)], 132000),
        ([a_button("url", "0", TEXT | {"parameter_name": "token"})], 132012),
        ([a_button("url", "0", {"type": "currency"})], 132012),
        ([a_button("url", "0", {"type": "text"})], 131008),
        ([a_button("url", None, TEXT)], 131008),
        ([a_button("url", "0", TEXT), a_button("url", "0", TEXT)], 100),
        ([a_button("url", "0", TEXT), a_button("url", "5", TEXT)], 132018),
        ([a_button("url", "0", TEXT), a_button("quick_reply", "1", {"type": "payload", "payload": "STOP"})], 0),
        ([a_button("url", "0", TEXT), a_button("quick_reply", "1", TEXT)], 132012),
        ([a_button("url", "0", TEXT), a_button("quick_reply", "1", {"type": "payload", "payload": "x" * 257})], 131009),
    ],
)
def test_parameters_of_buttons_fit_their_buttons(stage: Stage, buttons: list[dict[str, Any]], code: int) -> None:
    body = a_message()["template"]["components"][0]
    template = a_message()["template"] | {"components": [body, *buttons]}
    assert code_of(stage, a_message(template=template)) == code


@pytest.mark.parametrize(
    ("template", "code"),
    [(None, 131008), ({"name": "aviso_v1"}, 131008), ({"name": "aviso_v1", "language": "es_MX"}, 131008)],
)
def test_a_template_is_named_in_a_language(stage: Stage, template: Any, code: int) -> None:
    assert code_of(stage, a_message(template=template)) == code
