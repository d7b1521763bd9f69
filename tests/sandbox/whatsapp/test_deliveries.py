"""Webhooks leave the simulator signed, retried and, on request, as badly behaved as the real ones."""

import json
from typing import Any

import httpx
import pytest

from notifications.whatsapp.webhooks import verify_signature
from tests.sandbox.whatsapp.stage import ANA, ANA_ID, SECRET, Stage, staged

OLD = b"an-older-app-secret"


def statuses(stage: Stage) -> list[str]:
    """Every status that was received, in order."""
    return [item["status"] for item in items(stage, "statuses")]


def items(stage: Stage, name: str) -> list[dict[str, Any]]:
    documents = [json.loads(body) for body in stage.received.bodies]
    values = [c["value"] for d in documents for entry in d["entry"] for c in entry["changes"]]
    return [item for value in values for item in value.get(name, [])]


def test_the_ladder_climbs_with_the_clock_and_reading_is_the_last_rung() -> None:
    with staged() as stage:
        stage.request_ana()
        stage.pass_time(0.4)
        assert statuses(stage) == ["sent"]
        stage.pass_time(1)
        assert statuses(stage) == ["sent", "delivered"]
        assert stage.sim("messages/read", {"phone": ANA}) == {"read": 1}
        stage.pass_time(0.1)
        assert statuses(stage) == ["sent", "delivered", "read"]
        (last,) = items(stage, "statuses")[-1:]
        assert last["biz_opaque_callback_data"] == "attempt-1"
        assert last["recipient_id"] == ANA_ID


def test_the_signature_covers_the_exact_escaped_bytes() -> None:
    with staged() as stage:
        stage.sim("inbound", {"phone": ANA, "text": "mañana ✓"})
        stage.pass_time(0.1)
        (body,), (headers,) = stage.received.bodies, stage.received.headers
        assert b"\\u00f1" in body
        assert body.isascii()
        assert headers["user-agent"] == "facebookexternalua"
        assert verify_signature(body, headers["x-hub-signature-256"], [SECRET.encode()])


@pytest.mark.parametrize(("knob", "secrets"), [("bad_signature", []), ("old_secret", [OLD])])
def test_a_bad_or_old_signature_is_one_knob_away(knob: str, secrets: list[bytes]) -> None:
    with staged() as stage:
        stage.sim("knobs", {knob: True})
        stage.sim("inbound", {"phone": ANA, "text": "x"})
        stage.pass_time(0.1)
        signature = stage.received.headers[0]["x-hub-signature-256"]
        assert not verify_signature(stage.received.bodies[0], signature, [SECRET.encode()])
        assert verify_signature(stage.received.bodies[0], signature, secrets) is bool(secrets)


def test_a_refused_delivery_is_repeated_with_growing_pauses_byte_for_byte() -> None:
    with staged() as stage:
        stage.received.answers = [500, 503, 404, 302]
        stage.sim("inbound", {"phone": ANA, "text": "x"})
        seen = []
        for seconds in (0.1, 1, 4, 16):
            stage.pass_time(seconds)
            seen.append(len(stage.received.bodies))
        assert seen == [2, 3, 4, 5]
        assert len(set(stage.received.bodies)) == 1
        (delivery,) = stage.sim("deliveries")
        assert delivery["state"] == "taken"
        assert [one["status"] for one in delivery["tries"]] == [500, 503, 404, 302, 200]


def test_an_endpoint_that_is_down_for_hours_gets_it_in_the_end() -> None:
    with staged() as stage:
        url = stage.received.url
        stage.sim("webhook", {"url": "http://127.0.0.1:9/closed"})
        stage.sim("inbound", {"phone": ANA, "text": "x"})
        for _ in range(12):
            stage.pass_time(3600)
        assert stage.received.bodies == []
        stage.sim("webhook", {"url": url})
        stage.pass_time(7 * 3600)
        assert len(stage.received.bodies) == 1


def test_an_old_delivery_can_be_replayed() -> None:
    with staged() as stage:
        stage.sim("inbound", {"phone": ANA, "text": "x"})
        stage.pass_time(0.1)
        stage.sim("deliveries/1/replay", {})
        assert len(stage.received.bodies) == 2
        assert len(set(stage.received.bodies)) == 1


def test_the_handshake_comes_before_the_subscription() -> None:
    with staged(webhook_url="") as stage:
        wrong = {"url": stage.received.url, "verify_token": "guess"}
        assert httpx.post(f"{stage.url}/sim/webhook", json=wrong, trust_env=False).status_code == 400
        assert stage.sim("state")["webhook_url"] == ""
        stage.sim("webhook", {"url": stage.received.url, "verify_token": stage.received.verify_token})
        assert stage.sim("state")["webhook_url"] == stage.received.url


@pytest.mark.parametrize("code", [131026, 130472, 131049, 131050])
def test_a_phone_with_a_bad_fate_fails_by_webhook_only(code: int) -> None:
    with staged() as stage:
        stage.sim("phones", {"phone": ANA, "fate": {"kind": "fail", "code": code}})
        stage.request_ana()
        stage.pass_time()
        (failed,) = items(stage, "statuses")
        assert (failed["status"], failed["errors"][0]["code"]) == ("failed", code)
        assert all("contacts" not in body.decode() for body in stage.received.bodies)


def test_a_silent_phone_is_sent_to_and_never_delivers() -> None:
    with staged() as stage:
        stage.sim("phones", {"phone": ANA, "fate": {"kind": "silent"}})
        stage.request_ana()
        stage.pass_time(3600)
        assert statuses(stage) == ["sent"]


def test_a_person_with_a_username_shows_no_phone_anywhere() -> None:
    with staged() as stage:
        stage.sim("phones", {"phone": ANA, "name": "Ana", "fate": {"kind": "username_only"}})
        stage.request_ana()
        stage.sim("inbound", {"phone": ANA, "text": "hola"})
        stage.pass_time()
        assert len(stage.received.bodies) == 3
        assert not any(ANA_ID in body.decode() for body in stage.received.bodies)


def test_a_late_delivery_may_follow_a_failure() -> None:
    with staged() as stage:
        wamid = stage.request_ana().wamid
        stage.sim(f"messages/{wamid}/fail", {"code": 131026})
        stage.pass_time()
        assert statuses(stage) == ["failed", "sent", "delivered"]


def test_reviewers_send_webhooks_too() -> None:
    with staged() as stage:
        template = stage.sim("state")["templates"][0]
        stage.sim(f"templates/{template['id']}", {"event": "PAUSED", "other_info": {"title": "FIRST_PAUSE"}})
        stage.sim(f"templates/{template['id']}", {"category": "MARKETING"})
        stage.sim("events", {"field": "account_alerts", "value": {"alert": "x"}})
        stage.pass_time(0.1)
        changes = [json.loads(body)["entry"][0]["changes"][0] for body in stage.received.bodies]
        assert [change["field"] for change in changes] == [
            "message_template_status_update",
            "template_category_update",
            "account_alerts",
        ]
        assert changes[0]["value"]["message_template_id"] == int(template["id"])


def test_an_unsubscribed_account_hears_nothing() -> None:
    with staged() as stage:
        url = f"{stage.graph}/{stage.settings.waba_id}/subscribed_apps"
        httpx.delete(url, headers={"authorization": "Bearer EAAtoken-of-the-tests"}, trust_env=False)
        stage.request_ana()
        stage.pass_time()
        assert stage.received.bodies == []


def test_an_unknown_knob_is_refused() -> None:
    with staged() as stage:
        for wrong in ({"nonsense": 1}, {"batch": "many"}):
            assert httpx.post(f"{stage.url}/sim/knobs", json=wrong, trust_env=False).status_code == 400


def test_the_customers_tick_follows_the_business() -> None:
    with staged() as stage:
        stage.received.answers = [500]
        wamid = stage.sim("inbound", {"phone": ANA, "text": "hola"})["wamid"]
        stage.pass_time(0.1)
        assert stage.sim("state")["messages"][0]["status"] == "delivered"
        stage.api.mark_read(stage.sender, wamid=wamid)
        assert stage.sim("state")["messages"][0]["status"] == "read"
