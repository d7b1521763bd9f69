"""The Graph side refuses what the real one documents as refused, with the documented codes."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from notifications.whatsapp.library import REQUEST, SAMPLE_CODE
from tests.sandbox.whatsapp.stage import ANA, ANA_ID, PORTAL, TOKEN, Stage, staged

LINK = {"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": "abc"}]}


def a_body(*texts: str) -> dict[str, Any]:
    return {"type": "body", "parameters": [{"type": "text", "text": text} for text in texts]}


BODY = a_body("Ana", "Crédito 4711", SAMPLE_CODE)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with staged() as stage:
        yield stage


def a_request(*components: dict[str, Any], **changes: Any) -> dict[str, Any]:
    template = {"name": REQUEST, "language": {"code": "es_MX"}, "components": list(components or (BODY, LINK))}
    return {"messaging_product": "whatsapp", "to": ANA, "type": "template", "template": template} | changes


def send(stage: Stage, body: object, **more: Any) -> httpx.Response:
    return stage.post(f"{stage.settings.phone_number_id}/messages", body, **more)


def refusal(answer: httpx.Response) -> dict[str, Any]:
    error: dict[str, Any] = answer.json()["error"]
    assert error["message"].startswith(f"(#{error['code']})")
    assert error["fbtrace_id"]
    return error


def test_an_accepted_message_is_answered_as_documented(stage: Stage) -> None:
    answer = send(stage, a_request()).json()
    assert answer["messaging_product"] == "whatsapp"
    assert answer["contacts"] == [{"input": ANA, "wa_id": ANA_ID}]
    assert answer["messages"][0]["id"].startswith("wamid.")
    assert answer["messages"][0]["message_status"] == "accepted"


def test_type_names_in_capitals_and_a_numeric_index_are_tolerated(stage: Stage) -> None:
    loud = [BODY | {"type": "BODY"}, LINK | {"type": "BUTTON", "sub_type": "URL", "index": 0}]
    assert send(stage, a_request(*loud)).status_code == 200


@pytest.mark.parametrize("version", ["v23.0", "v26.0", "v1.0"])
def test_every_version_prefix_answers(stage: Stage, version: str) -> None:
    url = f"{stage.url}/{version}/{stage.settings.phone_number_id}"
    answer = httpx.get(url, headers={"authorization": f"Bearer {TOKEN}"}, trust_env=False)
    assert answer.json()["verified_name"] == stage.settings.company


@pytest.mark.parametrize(
    ("components", "code", "detail"),
    [
        (
            [BODY | {"parameters": BODY["parameters"][:1]}, LINK],
            132000,
            "body: number of localizable_params (1) does not match the expected number of params (3)",
        ),
        ([LINK], 132000, "body: number of localizable_params (0) does not match the expected number of params (3)"),
        ([BODY], 131008, "buttons"),
        ([BODY, LINK | {"parameters": []}], 131008, "buttons"),
        ([BODY, LINK | {"parameters": [{"type": "text", "text": "x" * 2000}]}], 131008, "2000"),
        ([BODY, LINK | {"index": "1"}], 131008, "buttons"),
        ([BODY, LINK, {"type": "header", "parameters": []}], 132018, "header"),
        ([a_body("a\nb", "c", "d"), LINK], 132018, "new-line"),
        ([a_body("", "c", "d"), LINK], 131008, "text value"),
        ([a_body("x" * 1000, "c", "d"), LINK], 132005, "long"),
    ],
)
def test_components_that_do_not_fit_the_template_are_refused(
    stage: Stage, components: list[dict[str, Any]], code: int, detail: str
) -> None:
    answer = send(stage, a_request(*components))
    error = refusal(answer)
    assert (answer.status_code, error["code"]) == (400, code)
    assert detail in error["error_data"]["details"]


@pytest.mark.parametrize(("name", "language"), [("nobody_v1", "es_MX"), (REQUEST, "fr"), (REQUEST, "es-MX")])
def test_a_template_that_does_not_exist_in_the_language_is_refused(stage: Stage, name: str, language: str) -> None:
    body = a_request(template={"name": name, "language": {"code": language}, "components": [BODY, LINK]})
    assert refusal(send(stage, body))["code"] == 132001


@pytest.mark.parametrize(
    ("event", "code"), [("REJECTED", 132001), ("PENDING", 132001), ("PAUSED", 132015), ("DISABLED", 132016)]
)
def test_only_an_approved_template_is_sent(event: str, code: int) -> None:
    with staged() as stage:
        (template,) = [
            t
            for t in stage.sim("state")["templates"]
            if t["payload"]["name"] == REQUEST and t["payload"]["language"] == "es_MX"
        ]
        stage.sim(f"templates/{template['id']}", {"event": event})
        assert refusal(send(stage, a_request()))["code"] == code
        stage.sim(f"templates/{template['id']}", {"event": "APPROVED"})
        assert send(stage, a_request()).status_code == 200


def test_positional_parameters_for_a_named_template_are_refused(stage: Stage) -> None:
    named = {
        "name": "named_v1",
        "language": "es_MX",
        "category": "UTILITY",
        "parameter_format": "NAMED",
        "components": [
            {
                "type": "BODY",
                "text": "Hola {{nombre}}, tu trámite tiene pasos pendientes.",
                "example": {"body_text_named_params": [{"param_name": "nombre", "example": "Ana"}]},
            }
        ],
    }
    stage.sim("templates", named)
    parameters = [{"type": "text", "text": "Ana"}]
    template = {
        "name": "named_v1",
        "language": {"code": "es_MX"},
        "components": [{"type": "body", "parameters": parameters}],
    }
    assert refusal(send(stage, a_request(template=template)))["code"] == 132012
    parameters[0]["parameter_name"] = "nombre"
    assert send(stage, a_request(template=template)).status_code == 200


@pytest.mark.parametrize(
    ("changes", "status", "code", "subcode"),
    [
        ({"biz_opaque_callback_data": "x" * 513}, 400, 100, None),
        ({"messaging_product": "telegram"}, 400, 100, None),
        ({"to": ""}, 400, 100, None),
        ({"to": "ana"}, 400, 100, None),
        ({"to": None, "recipient": "MX.404"}, 400, 100, 33),
        ({"type": "sticker"}, 400, 100, None),
    ],
)
def test_a_request_that_breaks_a_rule_is_refused(
    stage: Stage, changes: dict[str, Any], status: int, code: int, subcode: int | None
) -> None:
    answer = send(stage, a_request(**changes))
    error = refusal(answer)
    assert (answer.status_code, error["code"], error.get("error_subcode")) == (status, code, subcode)


@pytest.mark.parametrize("token", ["", "another-token"])
def test_without_the_right_token_nothing_is_answered(stage: Stage, token: str) -> None:
    answer = send(stage, a_request(), token=token)
    assert (answer.status_code, refusal(answer)["code"]) == (401, 190)


@pytest.mark.parametrize("path", ["999/messages", "999/message_templates", "999/subscribed_apps", "999", "a/b/c"])
def test_an_object_that_is_not_ours_does_not_exist(stage: Stage, path: str) -> None:
    answer = stage.post(path, a_request())
    error = refusal(answer)
    assert (answer.status_code, error["code"], error["error_subcode"]) == (400, 100, 33)


def test_a_number_without_plus_gets_the_country_of_the_business_and_reaches_a_stranger(stage: Stage) -> None:
    answer = send(stage, a_request(to="34600111222")).json()
    assert answer["contacts"][0]["wa_id"] == "5234600111222"


@pytest.mark.parametrize(
    ("to", "wa_id"),
    [
        ("+525512345678", "5215512345678"),
        ("+5215512345678", "5215512345678"),
        ("+52 55 1234-5678", "5215512345678"),
        ("+5531987654321", "553187654321"),
        ("+541123456789", "5491123456789"),
        ("+5491123456789", "5491123456789"),
        ("+5511987654321", "5511987654321"),
        ("+34600111222", "34600111222"),
    ],
)
def test_numbers_are_rewritten_as_the_platform_does(stage: Stage, to: str, wa_id: str) -> None:
    assert send(stage, a_request(to=to)).json()["contacts"][0]["wa_id"] == wa_id


def test_a_free_text_outside_the_window_is_accepted_and_fails_later() -> None:
    with staged() as stage:
        body = a_request(type="text", text={"body": "hola"})
        wamid = send(stage, body).json()["messages"][0]["id"]
        stage.pass_time()
        (message,) = stage.sim("state")["messages"]
        assert (message["wamid"], message["status"], message["error"]) == (wamid, "failed", 131047)
        stage.sim("inbound", {"phone": ANA, "text": "hola"})
        send(stage, body)
        stage.pass_time()
        assert stage.sim("state")["messages"][-1]["status"] == "delivered"
        stage.pass_time(25 * 3600)
        send(stage, body)
        stage.pass_time()
        assert stage.sim("state")["messages"][-1]["error"] == 131047


@pytest.mark.parametrize(
    ("text", "subcode"),
    [
        ("{{1}} tiene pasos pendientes en el portal", 2388299),
        ("Hay pasos pendientes para {{1}}", 2388299),
        ("Hola {{1}} {{2}} ya", 2388293),
    ],
)
def test_a_template_that_breaks_the_rules_is_not_taken_for_review(stage: Stage, text: str, subcode: int) -> None:
    body = {"type": "BODY", "text": text, "example": {"body_text": [["a", "b"]]}}
    payload = {"name": "bad_v1", "language": "es_MX", "category": "UTILITY", "components": [body]}
    assert refusal(stage.post(f"{stage.settings.waba_id}/message_templates", payload))["error_subcode"] == subcode


def test_a_template_is_edited_reviewed_again_and_deleted() -> None:
    with staged() as stage:
        headers = {"authorization": f"Bearer {TOKEN}"}
        template = stage.sim("state")["templates"][0]
        stage.post(template["id"], {"components": template["payload"]["components"]})
        assert stage.sim("state")["templates"][0]["status"] == "PENDING"
        stage.pass_time()
        assert stage.sim("state")["templates"][0]["status"] == "APPROVED"
        url = f"{stage.graph}/{stage.settings.waba_id}/message_templates"
        wanted = {"name": template["payload"]["name"], "hsm_id": template["id"]}
        assert httpx.delete(url, params=wanted, headers=headers, trust_env=False).json() == {"success": True}
        assert refusal(httpx.delete(url, params={"name": "none"}, headers=headers, trust_env=False))["code"] == 100
        first = httpx.get(url, params={"limit": 6}, headers=headers, trust_env=False).json()
        after = first["paging"]["cursors"]["after"]
        second = httpx.get(url, params={"limit": 1000, "after": after}, headers=headers, trust_env=False).json()
        assert len(first["data"]) == 6
        assert len(second["data"]) == len(stage.settings.templates) - 1 - 6
        assert ("next" in first["paging"], "next" in second["paging"]) == (True, False)


def test_a_file_of_the_chat_is_described_deleted_and_then_unknown() -> None:
    with staged() as stage:
        stage.sim("inbound", {"phone": ANA, "text": "va"})
        sent = httpx.post(
            f"{stage.url}/phones/{ANA_ID}/files",
            content=b"jpeg",
            headers={"content-type": "image/jpeg"},
            trust_env=False,
        )
        assert sent.status_code == 204
        (media,) = stage.sim("state")["media"]
        described = httpx.get(
            f"{stage.graph}/{media['id']}", headers={"authorization": f"Bearer {TOKEN}"}, trust_env=False
        )
        assert described.json()["file_size"] == 4
        assert stage.sim("state")["media_reads"] == 1
        gone = stage.api.delete_media(stage.sender, media_id=media["id"])
        again = stage.api.delete_media(stage.sender, media_id=media["id"])
        assert getattr(gone, "body", None) == {"success": True}
        assert again.error.subcode == 33  # type: ignore[union-attr]
        assert stage.sim("state")["media"] == []


def test_every_url_of_the_library_is_base_plus_suffix(stage: Stage) -> None:
    wamid = send(stage, a_request(BODY, LINK | {"parameters": [{"type": "text", "text": "a?b=c&d"}]})).json()[
        "messages"
    ][0]["id"]
    (message,) = [m for m in stage.sim("state")["messages"] if m["wamid"] == wamid]
    assert message["url"] == PORTAL + "a?b=c&d"
