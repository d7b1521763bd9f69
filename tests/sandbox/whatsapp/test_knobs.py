"""Webhooks as badly behaved as the real ones may be, one knob each."""

import hashlib
import hmac
import json
from collections.abc import Iterator

import pytest

from tests.sandbox.whatsapp.plain import a_message, a_template, a_text
from tests.sandbox.whatsapp.receiver import receiving
from tests.sandbox.whatsapp.stage import ANA, SECRET, Stage, staged


@pytest.fixture
def stage() -> Iterator[Stage]:
    with staged(templates=(a_template(),)) as stage:
        yield stage


def says(stage: Stage, *texts: str) -> None:
    for text in texts:
        stage.sim("inbound", {"phone": ANA, "text": text})
    stage.pass_time(0.1)


def heard(stage: Stage) -> list[str]:
    return [item["text"]["body"] for item in stage.items("messages")]


def test_at_rest_each_update_comes_once_alone_and_in_order(stage: Stage) -> None:
    says(stage, "a", "b", "c")
    assert heard(stage) == ["a", "b", "c"]
    assert len(stage.received.bodies) == 3


def test_copies_are_the_same_bytes(stage: Stage) -> None:
    stage.sim("knobs", {"duplicate": 2})
    says(stage, "a")
    assert len(stage.received.bodies) == 3
    assert len(set(stage.received.bodies)) == 1


def test_deliveries_change_their_order(stage: Stage) -> None:
    stage.sim("knobs", {"reorder": 3})
    says(stage, "a", "b", "c", "d")
    assert heard(stage) == ["c", "b", "a"]
    stage.sim("flush", {})
    assert heard(stage) == ["c", "b", "a", "d"]


def test_a_batch_of_a_thousand_loses_nothing(stage: Stage) -> None:
    stage.sim("knobs", {"batch": 1000})
    for _ in range(10):
        stage.sim("inbound", {"phone": ANA, "file": {"count": 100}})
    stage.pass_time(0.1)
    (body,) = stage.received.bodies
    entries = json.loads(body)["entry"]
    assert len(stage.items("messages")) == 1000
    assert len(entries) > 300
    assert any(len(entry["changes"]) > 1 for entry in entries)
    assert any(len(change["value"]["messages"]) > 1 for entry in entries for change in entry["changes"])


def test_a_dropped_delivery_never_comes(stage: Stage) -> None:
    stage.sim("knobs", {"drop": 2})
    says(stage, "a", "b", "c")
    stage.pass_time(7 * 86_400)
    assert heard(stage) == ["c"]
    assert [delivery["state"] for delivery in stage.sim("deliveries")] == ["dropped", "dropped", "taken"]


def test_a_delay_is_kept_on_the_clock(stage: Stage) -> None:
    stage.sim("knobs", {"delay": 30})
    says(stage, "a")
    assert heard(stage) == []
    stage.pass_time(30)
    assert heard(stage) == ["a"]


@pytest.mark.parametrize(
    ("knob", "gone"),
    [
        ("drop_contacts", b'"contacts"'),
        ("drop_recipient", b'"recipient_id"'),
        ("old_shapes", b'user_id"'),
        ("skip_delivered", b'"delivered"'),
    ],
)
def test_what_may_be_missing_is_missing(stage: Stage, knob: str, gone: bytes) -> None:
    stage.sim("knobs", {knob: True})
    stage.post(f"{stage.settings.phone_number_id}/messages", a_message())
    stage.pass_time()
    stage.sim("messages/read", {"phone": ANA})
    stage.pass_time()
    assert stage.items("statuses")[-1]["status"] == "read"
    assert not any(gone in body for body in stage.received.bodies)


@pytest.mark.parametrize(("knob", "there"), [("conversation", b'"conversation"'), ("extra_keys", b'"new_in_2027"')])
def test_what_may_be_added_is_added(stage: Stage, knob: str, there: bytes) -> None:
    stage.sim("knobs", {knob: True})
    stage.post(f"{stage.settings.phone_number_id}/messages", a_message())
    stage.pass_time()
    assert all(there in body for body in stage.received.bodies)


def test_signatures_are_missing_old_or_of_the_wrong_kind_on_demand(stage: Stage) -> None:
    stage.sim("knobs", {"no_signature": True})
    says(stage, "a")
    stage.sim("knobs", {"no_signature": False, "sha1_signature": True})
    says(stage, "b")
    unsigned, old = stage.received.headers
    assert "x-hub-signature-256" not in unsigned | old
    expected = hmac.new(SECRET.encode(), stage.received.bodies[1], hashlib.sha1).hexdigest()
    assert (unsigned.get("x-hub-signature"), old["x-hub-signature"]) == (None, f"sha1={expected}")


def test_a_truncated_body_is_signed_as_it_is(stage: Stage) -> None:
    stage.sim("knobs", {"truncate": True})
    says(stage, "a")
    (body,), (headers,) = stage.received.bodies, stage.received.headers
    with pytest.raises(ValueError):
        json.loads(body)
    expected = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert headers["x-hub-signature-256"] == f"sha256={expected}"
    assert isinstance(stage.sim("deliveries")[0]["body"], str)


@pytest.mark.parametrize("wrong", [{"nonsense": 1}, {"batch": "many"}, {"drop": -1}, {"truncate": 1}, {"delay": True}])
def test_a_knob_that_does_not_exist_turns_nothing(stage: Stage, wrong: dict[str, object]) -> None:
    before = stage.sim("state")["knobs"]
    assert stage.call("POST", "../sim/knobs", json={"duplicate": 5} | wrong).status_code == 400
    assert stage.sim("state")["knobs"] == before


def test_robots_look_at_links_that_were_delivered(stage: Stage) -> None:
    stage.sim("knobs", {"preview_links": True})
    with receiving() as portal:
        url = portal.url.partition("/webhooks")[0]
        node = {"type": "cta_url", "body": {"text": "Aquí"}, "action": {"name": "cta_url"}}
        node["action"]["parameters"] = {"display_text": "Abrir", "url": f"{url}/s/abc"}
        stage.sim("inbound", {"phone": ANA, "text": "hola"})
        stage.post(f"{stage.settings.phone_number_id}/messages", a_text(type="interactive", interactive=node))
        stage.pass_time()
    (message,) = [one for one in stage.sim("state")["messages"] if one["from_business"]]
    assert message["previews"] == [501, 403, 501, 403]  # HEAD, GET of each robot, as this receiver answers
