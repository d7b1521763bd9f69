"""Calls that fail on order, and the limits of the platform as rules."""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.sandbox.whatsapp.plain import a_message, a_template, a_text
from tests.sandbox.whatsapp.stage import ANA, Stage, staged


@pytest.fixture
def stage() -> Iterator[Stage]:
    with staged(templates=(a_template(),)) as stage:
        yield stage


def send(stage: Stage, **changes: Any) -> httpx.Response:
    return stage.post(f"{stage.settings.phone_number_id}/messages", a_message(**changes))


def fault(stage: Stage, **told: Any) -> None:
    stage.sim("faults", told)


def codes(stage: Stage, count: int, **changes: Any) -> list[int]:
    answers = [send(stage, **changes).json() for _ in range(count)]
    return [answer["error"]["code"] if "error" in answer else 0 for answer in answers]


@pytest.mark.parametrize(
    ("told", "status", "code", "subcode"),
    [
        ({"preset": "rate_limit"}, 429, 130429, None),
        ({"preset": "account_limit"}, 429, 80007, None),
        ({"preset": "pair_rate"}, 400, 131056, None),
        ({"preset": "spam"}, 400, 131048, None),
        ({"preset": "payment"}, 400, 131042, None),
        ({"preset": "expired_token"}, 401, 190, 463),
        ({"preset": "server_error"}, 500, 1, None),
        ({"preset": "unavailable"}, 503, 131016, None),
        ({"preset": "custom", "status": 403, "code": 10, "subcode": 7}, 403, 10, 7),
    ],
)
def test_every_refusal_on_order(
    stage: Stage, told: dict[str, Any], status: int, code: int, subcode: int | None
) -> None:
    fault(stage, next=1, **told)
    answer = send(stage)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error.get("error_subcode")) == (status, code, subcode)
    assert send(stage).status_code == 200


def test_always_next_and_every(stage: Stage) -> None:
    fault(stage, preset="pair_rate", next=2)
    assert codes(stage, 3) == [131056, 131056, 0]
    fault(stage, preset="pair_rate", every=3)
    assert codes(stage, 6) == [0, 0, 131056, 0, 0, 131056]
    stage.call("DELETE", "../sim/faults")
    fault(stage, preset="spam", always=True)
    assert codes(stage, 2) == [131048, 131048]


def test_a_rule_may_be_about_one_recipient_template_or_number_only(stage: Stage) -> None:
    fault(stage, preset="pair_rate", always=True, to=ANA)
    assert codes(stage, 1) == [131056]
    assert codes(stage, 1, to="+34600111222") == [0]
    fault(stage, preset="spam", always=True, template="otra_v1")
    fault(stage, preset="spam", always=True, number="999")
    assert codes(stage, 1, to="+34600111222") == [0]


def test_a_rule_may_be_about_templates_or_media_only(stage: Stage) -> None:
    fault(stage, target="templates", preset="server_error", always=True)
    fault(stage, target="media", preset="unavailable", always=True)
    template = stage.sim("state")["templates"][0]["id"]
    assert send(stage).status_code == 200
    for path in (f"{stage.settings.waba_id}/message_templates", template):
        assert stage.call("GET", path).status_code == 500
    assert stage.call("DELETE", "123456").status_code == 503


def test_waiting_times_are_told_where_they_are_known(stage: Stage) -> None:
    fault(stage, preset="rate_limit", next=1, retry_after=17, regain_minutes=3)
    headers = send(stage).headers
    assert headers["retry-after"] == "17"
    (usage,) = json.loads(headers["x-business-use-case-usage"])["business"]
    assert usage["estimated_time_to_regain_access"] == 3
    fault(stage, preset="account_limit", next=1)
    assert "retry-after" not in send(stage).headers


def test_a_bad_gateway_is_a_page_of_html(stage: Stage) -> None:
    fault(stage, preset="bad_gateway", next=1)
    answer = send(stage)
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (502, "text/html")


def test_a_dropped_answer_was_accepted_all_the_same(stage: Stage) -> None:
    fault(stage, preset="drop", next=1)
    with pytest.raises(httpx.TransportError):
        send(stage)
    assert len(stage.sim("state")["messages"]) == 1


def test_a_hanging_call_does_nothing_and_a_late_one_does(stage: Stage) -> None:
    for preset, messages in (("hang", 0), ("late", 1)):
        fault(stage, preset=preset, next=1, seconds=0.5)
        begun = time.monotonic()
        if preset == "hang":
            with pytest.raises(httpx.TransportError):
                send(stage)
        else:
            assert send(stage).status_code == 200
        assert time.monotonic() - begun > 0.4
        assert len(stage.sim("state")["messages"]) == messages


@pytest.mark.parametrize("wrong", [{}, {"preset": "fire", "always": True}, {"preset": "drop"}, {"color": "red"}])
def test_a_rule_that_cannot_be_understood_is_refused(stage: Stage, wrong: dict[str, object]) -> None:
    assert stage.call("POST", "../sim/faults", json=wrong).status_code == 400


def test_no_limit_holds_unless_it_is_switched_on(stage: Stage) -> None:
    assert set(codes(stage, 60)) == {0}


def test_the_pair_rate_allows_a_burst_and_then_one_in_six_seconds(stage: Stage) -> None:
    stage.sim("rules", {"pair_rate": True})
    assert codes(stage, 46) == [0] * 45 + [131056]
    assert codes(stage, 1, to="+34600111222") == [0]
    stage.pass_time(6)
    assert codes(stage, 2) == [0, 131056]


def test_the_throughput_of_a_number_is_counted_by_the_second(stage: Stage) -> None:
    stage.sim("rules", {"throughput": 3, "retry_after": 2})
    assert codes(stage, 3) == [0, 0, 0]
    refused = send(stage)
    assert (refused.json()["error"]["code"], refused.headers["retry-after"]) == (130429, "2")
    stage.pass_time(1)
    assert codes(stage, 1) == [0]


def test_two_hundred_and_fifty_people_a_day_may_be_written_to_first(stage: Stage) -> None:
    stage.sim(f"accounts/{stage.settings.waba_id}", {"limit": 50})
    stage.sim("rules", {"messaging_limit": True})
    for number in range(50):
        assert send(stage, to=f"+346001112{number:02}").status_code == 200
    assert codes(stage, 1) == [131048]
    assert codes(stage, 1, to="+34600111200") == [0]  # one of the fifty
    stage.sim("inbound", {"phone": ANA, "text": "hola"})
    assert codes(stage, 1) == [0]  # inside the window that Ana opened
    assert stage.post(f"{stage.settings.phone_number_id}/messages", a_text()).status_code == 200
    stage.pass_time(86_401)
    assert codes(stage, 1, to="+5215587654321") == [0]


def test_a_rule_that_does_not_exist_is_refused(stage: Stage) -> None:
    for wrong in ({"nonsense": True}, {"throughput": "many"}, {"pair_rate": 1}):
        assert stage.call("POST", "../sim/rules", json=wrong).status_code == 400


@pytest.mark.parametrize(
    ("told", "climbs"), [("accepted", True), ("", True), ("paused", False), ("held_for_quality_assessment", False)]
)
def test_an_acceptance_may_say_less_or_mean_less(stage: Stage, told: str, climbs: bool) -> None:
    stage.sim("rules", {"message_status": told})
    (message,) = send(stage).json()["messages"]
    assert message.get("message_status", "") == told
    stage.pass_time()
    assert bool(stage.items("statuses")) is climbs
