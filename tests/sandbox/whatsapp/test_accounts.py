"""Several accounts and numbers, each with its own token, key, secret and address; and what befalls them."""

import hashlib
import hmac
from collections.abc import Iterator

import httpx
import pytest

from sandbox.whatsapp.settings import Account, Number
from tests.sandbox.whatsapp.plain import a_message, a_template, a_text
from tests.sandbox.whatsapp.receiver import receiving
from tests.sandbox.whatsapp.stage import ANA, ANA_ID, SECRET, TOKEN, Stage, staged

MADRID, MADRID_WABA, MADRID_TOKEN = "340000000000001", "340000000000000", "EAAtoken-of-madrid"
MADRID_SECRET, KEY = "app-secret-of-madrid", "key-of-madrid"
SECOND = Account(
    waba_id=MADRID_WABA,
    name="Aurora España",
    tokens=(MADRID_TOKEN,),
    app_secret=MADRID_SECRET,
    numbers=(
        Number(phone_number_id=MADRID, display_phone_number="+34 910 000 001", country_code="34", api_key=KEY),
        Number(phone_number_id="340000000000002", display_phone_number="+34 910 000 002", country_code="34"),
    ),
)


@pytest.fixture
def stage() -> Iterator[Stage]:
    with staged(more_accounts=(SECOND,), templates=(a_template(),)) as stage:
        yield stage


def code(answer: httpx.Response) -> int:
    return int(answer.json()["error"]["code"])


def test_a_token_opens_its_own_account_and_no_other(stage: Stage) -> None:
    ours = stage.settings.phone_number_id
    assert stage.post(f"{MADRID}/messages", a_message(), token=MADRID_TOKEN).status_code == 200
    assert stage.post(f"{ours}/messages", a_message()).status_code == 200
    for path, token in ((f"{ours}/messages", MADRID_TOKEN), (f"{MADRID}/messages", TOKEN)):
        answer = stage.post(path, a_message(), token=token)
        assert (answer.status_code, answer.json()["error"]["error_subcode"]) == (400, 33)
    for path in (MADRID, MADRID_WABA, f"{MADRID_WABA}/message_templates", f"{MADRID_WABA}/phone_numbers"):
        assert code(stage.call("GET", path)) == 100
        assert stage.call("GET", path, token=MADRID_TOKEN).status_code == 200


def test_a_number_without_plus_gets_the_country_of_the_number_that_sends(stage: Stage) -> None:
    answer = stage.post(f"{MADRID}/messages", a_message(to="600111222"), token=MADRID_TOKEN).json()
    assert answer["contacts"] == [{"input": "600111222", "wa_id": "34600111222"}]


def test_updates_tell_the_account_and_the_number_they_belong_to_and_bear_its_secret(stage: Stage) -> None:
    stage.post(f"{MADRID}/messages", a_message(), token=MADRID_TOKEN)
    stage.pass_time(0.5)
    (event,) = stage.events()
    assert event["waba_id"] == MADRID_WABA
    assert event["value"]["metadata"] == {"display_phone_number": "34910000001", "phone_number_id": MADRID}
    expected = hmac.new(MADRID_SECRET.encode(), stage.received.bodies[0], hashlib.sha256).hexdigest()
    assert stage.received.headers[0]["x-hub-signature-256"] == f"sha256={expected}"


def test_a_batch_never_mixes_secrets_and_never_numbers_in_one_value(stage: Stage) -> None:
    stage.sim("knobs", {"batch": 6})
    for number in (MADRID, "340000000000002", stage.settings.phone_number_id) * 2:
        stage.sim("inbound", {"phone": ANA, "number": number, "text": "hola"})
    stage.pass_time(0.1)
    assert len(stage.received.bodies) == 2
    values = [event["value"] for event in stage.events()]
    assert sum(len(value["messages"]) for value in values) == 6
    told = {value["metadata"]["phone_number_id"] for value in values}
    assert told == {MADRID, "340000000000002", stage.settings.phone_number_id}
    for headers, body in zip(stage.received.headers, stage.received.bodies, strict=True):
        secret = SECRET if stage.settings.waba_id.encode() in body else MADRID_SECRET
        expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        assert headers["x-hub-signature-256"] == f"sha256={expected}"


def test_a_window_is_open_for_the_number_that_was_written_to_only(stage: Stage) -> None:
    stage.sim("inbound", {"phone": ANA, "number": MADRID, "text": "hola"})
    stage.post(f"{MADRID}/messages", a_text(), token=MADRID_TOKEN)
    stage.post("340000000000002/messages", a_text(), token=MADRID_TOKEN)
    stage.pass_time()
    ends = [(m["number_id"], m["status"], m["error"]) for m in stage.sim("state")["messages"] if m["from_business"]]
    assert ends == [(MADRID, "delivered", 0), ("340000000000002", "failed", 131047)]


def test_messages_go_to_the_address_of_the_number_before_that_of_the_account(stage: Stage) -> None:
    with receiving() as of_number, receiving() as of_account:
        for path, body in (
            (f"{MADRID_WABA}/subscribed_apps", {"override_callback_uri": of_account.url}),
            (MADRID, {"webhook_configuration": {"override_callback_uri": of_number.url}}),
        ):
            node = body.get("webhook_configuration", body)
            node["verify_token"] = "guess"
            assert code(stage.post(path, body, token=MADRID_TOKEN)) == 2200
            node["verify_token"] = of_number.verify_token
            assert stage.post(path, body, token=MADRID_TOKEN).json() == {"success": True}
        for number in (MADRID, "340000000000002"):
            stage.sim("inbound", {"phone": ANA, "number": number, "text": "hola"})
        template = next(t for t in stage.sim("state")["templates"] if t["waba_id"] == MADRID_WABA)
        stage.sim(f"templates/{template['id']}", {"event": "PAUSED"})
        stage.pass_time(0.1)
        assert [len(one.bodies) for one in (of_number, of_account, stage.received)] == [1, 1, 1]
        assert stage.events()[0]["field"] == "message_template_status_update"
        shown = stage.call("GET", f"{MADRID}?fields=webhook_configuration", token=MADRID_TOKEN).json()
        assert shown["webhook_configuration"]["phone_number"] == of_number.url
        assert shown["webhook_configuration"]["whatsapp_business_account"] == of_account.url


def test_each_account_has_templates_of_its_own(stage: Stage) -> None:
    made = stage.post(f"{MADRID_WABA}/message_templates", a_template(name="otra_v1"), token=MADRID_TOKEN).json()
    assert (made["status"], made["category"]) == ("PENDING", "UTILITY")
    named = {"name": "otra_v1"}
    theirs = stage.call("GET", f"{MADRID_WABA}/message_templates", params=named, token=MADRID_TOKEN).json()
    ours = stage.call("GET", f"{stage.settings.waba_id}/message_templates", params=named).json()
    assert [row["id"] for row in theirs["data"]] == [made["id"]]
    assert ours == {"data": []}
    assert code(stage.call("GET", made["id"])) == 100
    assert code(stage.post(made["id"], {"components": a_template()["components"]})) == 100


def test_the_360dialog_flavour_takes_a_key_and_no_version(stage: Stage) -> None:
    base, key = f"{stage.url}/360", {"D360-API-KEY": KEY}
    with httpx.Client(base_url=base, headers=key, trust_env=False) as dialog:
        sent = dialog.post("/messages", json=a_message()).json()
        assert sent["contacts"][0]["wa_id"] == ANA_ID
        listed = dialog.get("/v1/configs/templates").json()
        assert (listed["total"], listed["waba_templates"][0]["status"]) == (1, "approved")
        made = dialog.post("/v1/configs/templates", json=a_template(name="otra_v1"))
        assert (made.status_code, made.json()["status"]) == (201, "submitted")
        assert dialog.delete("/v1/configs/templates/otra_v1").json()["meta"]["success"]
        stage.sim("inbound", {"phone": ANA, "number": MADRID, "file": {}})
        media = stage.sim("state")["media"][0]["id"]
        assert dialog.delete(f"/{media}").json() == {"success": True}
        wamid = stage.sim("inbound", {"phone": ANA, "number": MADRID, "text": "hola"})["wamid"]
        mark = {"messaging_product": "whatsapp", "status": "read", "message_id": wamid}
        assert dialog.post("/messages", json=mark).json() == {"success": True}
        for headers in ({"D360-API-KEY": "guess"}, {"D360-API-KEY": "", "authorization": f"Bearer {MADRID_TOKEN}"}):
            assert dialog.post("/messages", json=a_message(), headers=headers).status_code == 401
    (message,) = [m for m in stage.sim("state")["messages"] if m["from_business"]]
    assert message["number_id"] == MADRID


def test_what_the_platform_does_to_accounts_and_numbers_is_told_and_meant(stage: Stage) -> None:
    ours, waba = stage.settings.phone_number_id, stage.settings.waba_id
    send = f"{ours}/messages"
    stage.sim(f"numbers/{ours}", {"quality": "RED"})
    stage.sim(f"accounts/{waba}", {"limit": 2000})
    stage.sim(f"accounts/{waba}", {"restrict_seconds": 3600})
    assert code(stage.post(send, a_message())) == 368
    stage.pass_time(3601)
    assert stage.post(send, a_message()).status_code == 200
    stage.sim(f"accounts/{waba}", {"disabled": True})
    assert code(stage.post(send, a_message())) == 131031
    stage.sim(f"accounts/{waba}", {"disabled": False})
    stage.sim(f"numbers/{ours}", {"status": "PENDING"})
    assert code(stage.post(send, a_message())) == 133010
    stage.pass_time(2)
    told = [(e["field"], e["value"].get("event")) for e in stage.events() if e["field"] != "messages"]
    assert told == [
        ("phone_number_quality_update", "FLAGGED"),
        ("phone_number_quality_update", "UPGRADE"),
        ("business_capability_update", None),
        ("account_update", "ACCOUNT_RESTRICTION"),
        ("account_update", "DISABLED_UPDATE"),
        ("account_update", "DISABLED_UPDATE"),
    ]
    capability = stage.events()[2]["value"]
    assert capability == {"max_daily_conversations_per_business": 2000, "max_phone_numbers_per_waba": 25}
