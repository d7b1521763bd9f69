"""Templates under review: what is taken, how often it may change, and every update that moderation sends."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest

from tests.sandbox.whatsapp.plain import BODY_TEXT, NAME, URL, a_message, a_template
from tests.sandbox.whatsapp.stage import Stage, staged


@pytest.fixture
def stage() -> Iterator[Stage]:
    with staged(templates=(a_template(),)) as stage:
        yield stage


def submit(stage: Stage, template: Any) -> httpx.Response:
    return stage.post(f"{stage.settings.waba_id}/message_templates", template)


def first(stage: Stage) -> dict[str, Any]:
    template: dict[str, Any] = stage.sim("state")["templates"][0]
    return template


def a_body(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "BODY", "text": text, "example": {"body_text": [["Ana", "Crédito 4711"]]}} | more


def buttons(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"type": "BUTTONS", "buttons": list(rows)}


def a_link(**changes: Any) -> dict[str, Any]:
    return {"type": "URL", "text": "Abrir", "url": URL, "example": ["abc"]} | changes


QUICK = {"type": "QUICK_REPLY", "text": "No quiero avisos"}


@pytest.mark.parametrize(
    "components",
    [
        [a_body(BODY_TEXT), {"type": "HEADER", "format": "TEXT", "text": "Tu trámite"}],
        [a_body(BODY_TEXT), {"type": "FOOTER", "text": "Responde BAJA"}],
        [a_body(BODY_TEXT), buttons(QUICK, a_link(), a_link(url="https://a.example/fijo"))],
        [a_body(BODY_TEXT), buttons({"type": "PHONE_NUMBER", "text": "Llamar", "phone_number": "+525550001234"})],
    ],
)
def test_a_template_within_the_rules_is_taken(stage: Stage, components: list[dict[str, Any]]) -> None:
    answer = submit(stage, a_template(name="buena_v1", components=components)).json()
    assert answer["status"] == "PENDING"
    stage.pass_time()
    assert stage.call("GET", answer["id"]).json()["status"] == "APPROVED"


@pytest.mark.parametrize(
    ("changes", "subcode"),
    [
        ({"name": "Con Mayúsculas"}, None),
        ({"language": "es-MX"}, None),
        ({"category": "FUN"}, None),
        ({"parameter_format": "ODD"}, None),
        ({"message_send_ttl_seconds": 29}, None),
        ({"message_send_ttl_seconds": 43_201}, None),
        ({"components": []}, None),
        ({"components": [a_body(BODY_TEXT), a_body(BODY_TEXT)]}, None),
        ({"components": [a_body("x" * 1025)]}, None),
        ({"components": [a_body("{{1}} tiene un paso pendiente en su trámite {{2}} hoy.")]}, 2388299),
        ({"components": [a_body("Hola {{1}} {{2}} hay algo nuevo que ver en el portal hoy.")]}, 2388293),
        ({"components": [a_body("Hola {{2}}, hay un paso pendiente en tu trámite {{3}} de hoy.")]}, None),
        ({"components": [a_body("Hola {{nombre}}, hay un paso pendiente en el trámite de hoy.")]}, None),
        ({"components": [a_body(BODY_TEXT, example={"body_text": [["Ana"]]})]}, 2388043),
        ({"components": [a_body(BODY_TEXT, example={})]}, 2388043),
        ({"components": [a_body("Hola {{1}, hay un paso pendiente en tu trámite de hoy.")]}, None),
        ({"components": [a_body(BODY_TEXT), {"type": "HEADER", "text": "x" * 61}]}, None),
        ({"components": [a_body(BODY_TEXT), {"type": "FOOTER", "text": "x" * 61}]}, None),
        ({"components": [a_body(BODY_TEXT), {"type": "FOOTER", "text": "Hola {{1}}"}]}, None),
        ({"components": [a_body(BODY_TEXT), buttons(a_link(text="x" * 26))]}, None),
        ({"components": [a_body(BODY_TEXT), buttons(a_link(url="https://a.example/{{1}}/x"))]}, None),
        ({"components": [a_body(BODY_TEXT), buttons(a_link(url="https://{{1}}"))]}, None),
        ({"components": [a_body(BODY_TEXT), buttons(a_link(example=None))]}, 2388043),
        ({"components": [a_body(BODY_TEXT), buttons(a_link(), a_link(), a_link())]}, None),
        ({"components": [a_body(BODY_TEXT), buttons(QUICK, a_link(), QUICK)]}, None),
        ({"components": [a_body(BODY_TEXT), buttons(*[QUICK] * 11)]}, None),
        ({"components": [a_body(BODY_TEXT), {"type": "CAROUSEL"}]}, None),
    ],
)
def test_a_template_against_the_rules_is_refused(stage: Stage, changes: dict[str, Any], subcode: int | None) -> None:
    answer = submit(stage, a_template(name="mala_v1") | changes)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error.get("error_subcode")) == (400, 100, subcode)


def test_the_same_name_and_language_is_taken_once(stage: Stage) -> None:
    assert submit(stage, a_template()).json()["error"]["error_subcode"] == 2388024
    assert submit(stage, a_template(language="es_ES")).status_code == 200


def test_a_deleted_name_is_blocked_for_thirty_days(stage: Stage) -> None:
    templates = f"{stage.settings.waba_id}/message_templates"
    assert stage.call("DELETE", templates, params={"name": NAME}).json() == {"success": True}
    assert submit(stage, a_template()).json()["error"]["error_subcode"] == 2388023
    stage.pass_time(31 * 86_400)
    assert submit(stage, a_template()).status_code == 200


def test_a_hundred_templates_an_hour_and_no_more(stage: Stage) -> None:
    for number in range(100):
        assert submit(stage, a_template(name=f"n{number}")).status_code == 200
    assert submit(stage, a_template(name="n100")).json()["error"]["code"] == 80007
    stage.pass_time(3601)
    assert submit(stage, a_template(name="n100")).status_code == 200


def test_two_hundred_and_fifty_names_and_no_more(stage: Stage) -> None:
    for hour in range(3):
        for number in range(83):
            assert submit(stage, a_template(name=f"n{hour}_{number}")).status_code == 200
        stage.pass_time(3601)
    assert submit(stage, a_template(name="one_more")).json()["error"]["code"] == 100
    assert submit(stage, a_template(name="n0_0", language="es_ES")).status_code == 200


def test_an_approved_template_is_edited_once_a_day_and_ten_times_a_month(stage: Stage) -> None:
    path, edit = first(stage)["id"], {"components": a_template()["components"]}
    for day in range(10):
        assert stage.post(path, edit).status_code == 200, day
        assert stage.post(path, edit).json()["error"]["code"] == 100  # still under review
        stage.pass_time()
        assert stage.post(path, edit).json()["error"]["code"] == 100  # approved, and edited today
        stage.pass_time(86_400)
    assert stage.post(path, edit).json()["error"]["code"] == 100
    stage.pass_time(21 * 86_400)
    assert stage.post(path, edit).status_code == 200


def test_the_category_of_an_approved_template_stays(stage: Stage) -> None:
    assert stage.post(first(stage)["id"], {"category": "MARKETING"}).json()["error"]["code"] == 100


def test_low_quality_pauses_twice_and_then_disables(stage: Stage) -> None:
    path, send = f"templates/{first(stage)['id']}", f"{stage.settings.phone_number_id}/messages"
    for hours, code in ((3, 132015), (6, 132015)):
        stage.sim(path, {"quality": "RED"})
        assert stage.post(send, a_message()).json()["error"]["code"] == code
        stage.pass_time(hours * 3600 - 1)
        assert first(stage)["status"] == "PAUSED"
        stage.pass_time(2)
        assert first(stage)["status"] == "APPROVED"
    stage.sim(path, {"quality": "RED"})
    assert stage.post(send, a_message()).json()["error"]["code"] == 132016
    stage.pass_time(0.1)
    told = [event for event in stage.events() if event["field"] == "message_template_status_update"]
    titles = [(event["value"]["event"], event["value"]["other_info"]["title"]) for event in told]
    assert titles == [
        ("PAUSED", "FIRST_PAUSE"),
        ("APPROVED", "UNPAUSE"),
        ("PAUSED", "SECOND_PAUSE"),
        ("APPROVED", "UNPAUSE"),
        ("DISABLED", "DISABLED"),
    ]
    assert "disable_date" in told[-1]["value"]["disable_info"]
    quality = [event["value"] for event in stage.events() if event["field"] == "message_template_quality_update"]
    assert (quality[0]["previous_quality_score"], quality[0]["new_quality_score"]) == ("UNKNOWN", "RED")


def test_a_change_of_category_is_announced_and_then_done(stage: Stage) -> None:
    template, begun = first(stage), stage.sim("state")["now"]
    stage.sim(f"templates/{template['id']}", {"category": "MARKETING", "in_seconds": 86_400})
    stage.pass_time(0.1)
    assert first(stage)["category"] == "UTILITY"
    stage.pass_time(86_400)
    announced, done = [event["value"] for event in stage.events()]
    assert (announced["new_category"], announced["correct_category"]) == ("UTILITY", "MARKETING")
    assert announced["category_update_timestamp"] == int(datetime.fromisoformat(begun).timestamp()) + 86_400
    assert (done["previous_category"], done["new_category"]) == ("UTILITY", "MARKETING")
    stage.post(f"{stage.settings.phone_number_id}/messages", a_message())
    stage.pass_time(0.5)
    assert stage.items("statuses")[-1]["pricing"]["category"] == "marketing"


def test_a_rejection_explains_itself_and_the_language_may_come_with_a_hyphen(stage: Stage) -> None:
    stage.sim("knobs", {"hyphen_language": True})
    template = first(stage)
    stage.sim(f"templates/{template['id']}", {"event": "REJECTED", "reason": "INVALID_FORMAT"})
    stage.pass_time(0.1)
    (value,) = [event["value"] for event in stage.events()]
    assert value["message_template_language"] == "es-MX"
    assert value["message_template_id"] == int(template["id"])
    assert set(value["rejection_info"]) == {"reason", "recommendation"}
    shown = stage.call("GET", f"{template['id']}?fields=status,rejected_reason,quality_score").json()
    assert shown == {
        "id": template["id"],
        "status": "REJECTED",
        "rejected_reason": "INVALID_FORMAT",
        "quality_score": {"score": "UNKNOWN"},
    }


def test_a_flag_warns_and_changes_nothing(stage: Stage) -> None:
    stage.sim(f"templates/{first(stage)['id']}", {"event": "FLAGGED"})
    assert first(stage)["status"] == "APPROVED"


def test_the_list_is_filtered_and_shows_the_fields_asked_for(stage: Stage) -> None:
    path = f"{stage.settings.waba_id}/message_templates"
    submit(stage, a_template(name="otra_v1", category="MARKETING"))
    for asked, expected in (
        ({"status": "approved"}, [NAME]),
        ({"status": "PENDING"}, ["otra_v1"]),
        ({"category": "MARKETING"}, ["otra_v1"]),
        ({"language": "fr"}, []),
        ({"name": NAME}, [NAME]),
    ):
        rows = stage.call("GET", path, params=asked | {"fields": "name"}).json()["data"]
        assert [row["name"] for row in rows] == expected
        assert all(set(row) == {"id", "name"} for row in rows)
    assert stage.call("GET", path, params={"after": "nonsense!"}).json()["error"]["code"] == 100
