"""Customers with scripted fates, and customers who tap, move to another phone or to another number."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.whatsapp.plain import a_message, a_template, a_text
from tests.sandbox.whatsapp.stage import ANA, ANA_ID, Stage, staged


@pytest.fixture
def stage() -> Iterator[Stage]:
    with staged(templates=(a_template(message_send_ttl_seconds=43_200),)) as stage:
        yield stage


def send(stage: Stage, body: Any | None = None) -> str:
    answer = stage.post(f"{stage.settings.phone_number_id}/messages", body or a_message())
    assert answer.status_code == 200, answer.text
    return str(answer.json()["messages"][0]["id"])


def fate(stage: Stage, **told: Any) -> None:
    stage.sim("phones", {"phone": ANA, "fate": told})


def statuses(stage: Stage) -> list[str]:
    return [item["status"] for item in stage.items("statuses")]


def test_nobody_without_whatsapp_is_reached(stage: Stage) -> None:
    fate(stage, kind="no_whatsapp")
    send(stage)
    stage.pass_time()
    (failed,) = stage.items("statuses")
    assert (failed["status"], failed["errors"][0]["code"]) == ("failed", 131026)


def test_who_blocked_the_business_never_gets_it(stage: Stage) -> None:
    fate(stage, kind="blocked")
    send(stage)
    stage.pass_time(3600)
    assert statuses(stage) == ["sent"]
    fate(stage, kind="deliver")
    stage.pass_time(3600)
    assert statuses(stage) == ["sent"]


def test_a_phone_that_was_off_gets_it_when_it_is_on_again(stage: Stage) -> None:
    fate(stage, kind="offline")
    send(stage)
    stage.pass_time(3600)
    assert statuses(stage) == ["sent"]
    fate(stage, kind="deliver")
    stage.pass_time(1)
    assert statuses(stage) == ["sent", "delivered"]


def test_a_message_that_outlived_its_time_is_never_delivered_and_nobody_says_so(stage: Stage) -> None:
    fate(stage, kind="offline")
    send(stage)
    stage.pass_time(13 * 3600)
    fate(stage, kind="deliver")
    stage.pass_time(3600)
    assert statuses(stage) == ["sent"]


def test_a_fate_may_strike_a_number_of_messages_only(stage: Stage) -> None:
    fate(stage, kind="fail", code=130472, times=2)
    for _ in range(3):
        send(stage)
        stage.pass_time(2)
    assert statuses(stage) == ["failed", "failed", "sent", "delivered"]


def test_some_read_by_themselves(stage: Stage) -> None:
    fate(stage, kind="deliver", read_after=60)
    send(stage)
    stage.pass_time(30)
    assert statuses(stage) == ["sent", "delivered"]
    stage.pass_time(60)
    assert statuses(stage) == ["sent", "delivered", "read"]


def test_an_unknown_fate_is_refused(stage: Stage) -> None:
    answer = stage.call("POST", "../sim/phones", json={"phone": ANA, "fate": {"kind": "bored"}})
    assert answer.status_code == 400


def test_a_username_adopter_is_written_to_by_user_id_and_stays_one(stage: Stage) -> None:
    fate(stage, kind="username_only")
    user_id = stage.sim("state")["phones"][0]["user_id"]
    answer = stage.post(f"{stage.settings.phone_number_id}/messages", a_message(to=None, recipient=user_id)).json()
    assert answer["contacts"] == [{"input": user_id, "user_id": user_id}]
    stage.sim("inbound", {"phone": ANA, "text": "hola"})
    stage.pass_time()
    assert ANA_ID not in "".join(body.decode() for body in stage.received.bodies)
    assert {item["recipient_user_id"] for item in stage.items("statuses")} == {user_id}
    assert stage.items("messages")[0]["from_user_id"] == user_id


def test_a_quick_reply_comes_back_with_its_payload_and_the_message_it_answers(stage: Stage) -> None:
    components = a_message()["template"]["components"]
    payload = [{"type": "payload", "payload": "STOP-1"}]
    components.append({"type": "button", "sub_type": "quick_reply", "index": "1", "parameters": payload})
    template = a_message()["template"] | {"components": components}
    wamid = send(stage, a_message(template=template))
    stage.pass_time()
    stage.sim("inbound", {"tap": {"wamid": wamid}})
    stage.pass_time(0.1)
    (tapped,) = stage.items("messages")
    assert tapped["type"] == "button"
    assert tapped["button"] == {"payload": "STOP-1", "text": "No quiero avisos"}
    assert tapped["context"]["id"] == wamid
    number = stage.settings.display_phone_number
    assert tapped["context"]["from"] == "".join(c for c in number if c.isdigit())


def test_reply_buttons_of_an_interactive_message_come_back_by_their_id(stage: Stage) -> None:
    stage.sim("inbound", {"phone": ANA, "text": "hola"})
    buttons = [{"type": "reply", "reply": {"id": f"b{n}", "title": f"Opción {n}"}} for n in (1, 2)]
    node = {"type": "button", "body": {"text": "¿Cuál?"}, "action": {"buttons": buttons}}
    wamid = send(stage, a_text(type="interactive", interactive=node))
    stage.pass_time()
    stage.sim("inbound", {"tap": {"wamid": wamid, "index": 1}})
    stage.pass_time(0.1)
    assert stage.items("messages")[-1]["interactive"] == {
        "type": "button_reply",
        "button_reply": {"id": "b2", "title": "Opción 2"},
    }


def test_a_pinned_identity_is_compared_and_a_new_phone_is_told(stage: Stage) -> None:
    number = stage.settings.phone_number_id
    on = {"user_identity_change": {"enable_identity_key_check": True}}
    assert stage.post(f"{number}/settings", on).json() == {"success": True}
    stage.sim("inbound", {"phone": ANA, "text": "hola"})
    stage.pass_time(0.1)
    pinned = stage.events()[0]["value"]["contacts"][0]["identity_key_hash"]
    send(stage, a_message(recipient_identity_key_hash=pinned))
    stage.sim("phones/identity", {"phone": ANA})
    stage.pass_time(2)
    system = stage.items("messages")[-1]
    assert (system["type"], system["system"]["type"]) == ("system", "customer_identity_changed")
    refused = stage.post(f"{number}/messages", a_message(recipient_identity_key_hash=pinned))
    assert refused.json()["error"]["code"] == 137000
    send(stage, a_message(recipient_identity_key_hash=system["system"]["identity"]))


def test_a_customer_who_moves_to_another_number_has_another_user_id(stage: Stage) -> None:
    stage.sim("inbound", {"phone": ANA, "text": "hola"})
    old = stage.sim("state")["phones"][0]["user_id"]
    new = stage.sim("phones/number", {"phone": ANA, "new": "+525599999999"})["user_id"]
    stage.pass_time(0.1)
    event = stage.events()[-1]
    assert "contacts" not in event["value"]
    assert event["value"]["messages"][0]["system"] == {
        "type": "user_changed_number",
        "body": "The customer changed their number",
        "wa_id": "5215599999999",
        "user_id": new,
    }
    assert old != new


@pytest.mark.parametrize(
    ("told", "kind", "code"),
    [
        ({"type": "unsupported"}, "unsupported", 131051),
        ({"file": {"size": 101 * 1024 * 1024}}, "unsupported", 131052),
        ({"type": "location", "node": {"location": {"latitude": 19.4, "longitude": -99.1}}}, "location", None),
    ],
)
def test_other_messages_come_as_they_are(stage: Stage, told: dict[str, Any], kind: str, code: int | None) -> None:
    stage.sim("inbound", {"phone": ANA, **told})
    stage.pass_time(0.1)
    (message,) = stage.items("messages")
    assert message["type"] == kind
    assert [error["code"] for error in message.get("errors", [])] == ([code] if code else [])


def test_an_album_is_as_many_updates(stage: Stage) -> None:
    file = {"mime": "image/jpeg", "caption": "mi INE", "count": 4}
    assert len(stage.sim("inbound", {"phone": ANA, "file": file})["wamids"]) == 4
    stage.pass_time(0.1)
    photos = stage.items("messages")
    assert [photo["image"]["caption"] for photo in photos] == ["mi INE"] * 4
    assert len({photo["image"]["id"] for photo in photos}) == 4
