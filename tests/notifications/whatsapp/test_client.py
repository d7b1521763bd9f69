"""The client against a simulated platform over real HTTP: every outcome is told apart, nothing leaks."""

import logging
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from notifications.whatsapp.client import Accepted, Answered, CloudApi, NotSent, Refused, Sender, Unknown
from notifications.whatsapp.errors import Disposition, InvalidMessage
from notifications.whatsapp.library import REQUEST, SAMPLE_CODE
from notifications.whatsapp.management import list_templates
from notifications.whatsapp.outcomes import read_answer
from records.senders import Flavor
from tests.sandbox.whatsapp.stage import ANA, ANA_ID, PORTAL, TOKEN, Stage, staged


@pytest.fixture(scope="module")
def theatre() -> Iterator[Stage]:
    with staged() as stage:
        yield stage


@pytest.fixture
def stage(theatre: Stage) -> Iterator[Stage]:
    yield theatre
    httpx.delete(f"{theatre.url}/sim/faults", trust_env=False)


def test_an_accepted_message_reaches_the_phone_with_its_exact_link(stage: Stage) -> None:
    accepted = stage.request_ana(button_suffix="aZ09._~-x")
    assert isinstance(accepted, Accepted)
    assert accepted.message_status == "accepted"
    (message,) = [m for m in stage.sim("state")["messages"] if m["wamid"] == accepted.wamid]
    assert message["wa_id"] == ANA_ID
    assert message["url"] == PORTAL + "aZ09._~-x"
    assert message["text"].startswith("Hola Ana, tu trámite Crédito 4711 tiene")
    assert message["opaque"] == "attempt-1"


def test_a_message_may_go_to_a_user_id_instead_of_a_phone(stage: Stage) -> None:
    stage.request_ana()
    (ana,) = [phone for phone in stage.sim("state")["phones"] if phone["wa_id"] == ANA_ID]
    assert isinstance(stage.request_ana(to=ana["user_id"]), Accepted)


def test_a_refusal_tells_code_and_trace(stage: Stage) -> None:
    refused = stage.request_ana(body=("Ana",))
    assert isinstance(refused, Refused)
    assert (refused.error.code, refused.error.http_status) == (132000, 400)
    assert refused.error.trace
    assert refused.error.disposition is Disposition.BUG


@pytest.mark.parametrize(
    ("fault", "code", "disposition"),
    [
        ({"preset": "rate_limit", "retry_after": 7}, 130429, Disposition.THROTTLE_SENDER),
        ({"preset": "pair_rate"}, 131056, Disposition.PAUSE_RECIPIENT),
        ({"preset": "server_error"}, 1, Disposition.RETRY_LATER),
        ({"preset": "bad_gateway"}, None, Disposition.RETRY_LATER),
        ({"preset": "expired_token"}, 190, Disposition.PAUSE_SENDER),
        ({"preset": "custom", "code": 424242, "transient": True}, 424242, Disposition.RETRY_LATER),
    ],
)
def test_every_failure_of_the_platform_is_refused_with_its_disposition(
    stage: Stage, fault: dict[str, object], code: int | None, disposition: Disposition
) -> None:
    stage.sim("faults", {"target": "messages", "next": 1, **fault})
    refused = stage.request_ana()
    assert isinstance(refused, Refused)
    assert (refused.error.code, refused.error.disposition) == (code, disposition)
    if fault["preset"] == "rate_limit":
        assert refused.error.retry_after == timedelta(seconds=7)
    if fault["preset"] == "expired_token":
        assert refused.error.subcode == 463
    assert isinstance(stage.request_ana(), Accepted)


def test_a_dropped_answer_is_unknown_although_the_message_went_out(stage: Stage) -> None:
    before = len(stage.sim("state")["messages"])
    stage.sim("faults", {"target": "messages", "next": 1, "preset": "drop"})
    assert isinstance(stage.request_ana(), Unknown)
    assert len(stage.sim("state")["messages"]) == before + 1


def test_silence_after_the_request_is_unknown(stage: Stage) -> None:
    stage.sim("faults", {"target": "messages", "next": 1, "preset": "hang", "seconds": 1.5})
    with CloudApi(stage.graph, read_timeout=0.3) as hasty:
        outcome = hasty.send_cta_url(
            stage.sender, to="+525512345678", body="x", label="y", url="https://x.example", opaque="o"
        )
    assert outcome == Unknown(reason="ReadTimeout")


def test_a_closed_port_means_that_nothing_was_sent(stage: Stage) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with CloudApi(f"http://127.0.0.1:{taken.getsockname()[1]}/v26.0") as api:
            assert api.mark_read(stage.sender, wamid="wamid.x") == NotSent(reason="ConnectError")


def test_a_reset_in_the_middle_of_the_answer_is_unknown(stage: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def cut() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{")

        threading.Thread(target=cut, daemon=True).start()
        with CloudApi(f"http://127.0.0.1:{server.getsockname()[1]}/v26.0", read_timeout=2) as api:
            assert isinstance(api.mark_read(stage.sender, wamid="wamid.x"), Unknown)


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"not json", b'{"messages":[]}', b'{"messages":[{"id":""}]}', b'{"messages":[{"id":7}]}', b"[" * 5000],
)
def test_a_success_without_message_id_is_unknown_never_accepted(stage: Stage, body: bytes) -> None:
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, content=body))
    with CloudApi("https://graph.example/v26.0", transport=transport) as api:
        outcome = api.send_cta_url(
            stage.sender, to="+525512345678", body="x", label="y", url="https://x.example", opaque="o"
        )
    assert isinstance(outcome, Unknown)


def test_a_missing_message_status_counts_as_accepted(stage: Stage) -> None:
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, json={"messages": [{"id": "wamid.1"}]}))
    with CloudApi("https://graph.example/v26.0", transport=transport) as api:
        outcome = api.send_cta_url(
            stage.sender, to="+525512345678", body="x", label="y", url="https://x.example", opaque="o"
        )
    assert outcome == Accepted(wamid="wamid.1", message_status="accepted")


def test_a_redirect_is_not_followed_with_the_token(stage: Stage) -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.host)
        return httpx.Response(307, headers={"location": "https://thief.example/"})

    with CloudApi("https://graph.example/v26.0", transport=httpx.MockTransport(answer)) as api:
        outcome = api.mark_read(stage.sender, wamid="wamid.x")
    assert isinstance(outcome, Refused)
    assert seen == ["graph.example"]


def test_waits_that_the_platform_asks_for_are_read_in_every_form() -> None:
    error = b'{"error":{"code":"4","is_transient":"yes"}}'
    usage = '{"1":[{"type":"messaging","estimated_time_to_regain_access":3}]}'
    dates = {"retry-after": "Sun, 01 Nov 2026 10:00:30 GMT", "date": "Sun, 01 Nov 2026 10:00:00 GMT"}
    waits = []
    for headers in ({"retry-after": "12"}, {"x-business-use-case-usage": usage}, dates, {"retry-after": "soon"}, {}):
        refused = read_answer(429, headers, error)
        assert isinstance(refused, Refused)
        assert (refused.error.code, refused.error.is_transient) == (4, False)
        waits.append(refused.error.retry_after)
    assert waits == [timedelta(seconds=12), timedelta(minutes=3), timedelta(seconds=30), None, None]


@pytest.mark.parametrize(
    "to", ["5512345678", "+0155123456", "+52 55 1234 5678", "MX.", "mx.123", "", "+521234567890123456"]
)
def test_a_number_without_country_never_leaves(stage: Stage, to: str) -> None:
    with pytest.raises(InvalidMessage) as refusal:
        stage.request_ana(to=to)
    assert to not in str(refusal.value) or not to


@pytest.mark.parametrize("suffix", ["", "a b", "a\nb", "a#b", "a%0Ab", "á", "x" * 1025])
def test_a_suffix_that_is_no_link_never_leaves(stage: Stage, suffix: str) -> None:
    with pytest.raises(InvalidMessage):
        stage.request_ana(button_suffix=suffix)


@pytest.mark.parametrize("opaque", ["", "x" * 513])
def test_an_opaque_id_out_of_bounds_never_leaves(stage: Stage, opaque: str) -> None:
    with pytest.raises(InvalidMessage):
        stage.request_ana(opaque=opaque)


@pytest.mark.parametrize("media_id", ["../secret", "a/b", "", ".."])
def test_a_media_id_that_climbs_out_of_its_path_never_leaves(stage: Stage, media_id: str) -> None:
    with pytest.raises(InvalidMessage):
        stage.api.delete_media(stage.sender, media_id=media_id)


@pytest.mark.parametrize(
    "base",
    [
        "http://graph.facebook.com/v26.0",
        "ftp://x/v1",
        "",
        "https://u:p@graph.example/v26.0",
        "https://g.example/v1?x=1",
    ],
)
def test_a_base_address_that_would_expose_the_token_is_refused(base: str) -> None:
    with pytest.raises(ValueError, match="base address"):
        CloudApi(base)


def test_the_reply_with_a_button_arrives_inside_the_window(stage: Stage) -> None:
    theirs = stage.sim("inbound", {"phone": "+525512345678", "text": "ya la mandé"})["wamid"]
    call = {"to": "+525512345678", "body": "Súbelo aquí:", "label": "Subir", "url": PORTAL + "x", "opaque": "r1"}
    accepted = stage.api.send_cta_url(stage.sender, header="Portal", footer="72 h", reply_to=theirs, **call)
    assert isinstance(accepted, Accepted)
    stage.pass_time()
    (message,) = [m for m in stage.sim("state")["messages"] if m["wamid"] == accepted.wamid]
    assert (message["url"], message["reply_to"], message["status"]) == (PORTAL + "x", theirs, "delivered")
    assert isinstance(stage.api.mark_read(stage.sender, wamid=theirs), Answered)


@pytest.mark.parametrize(
    "wrong", [{"label": "x" * 21}, {"url": "javascript:alert(1)"}, {"body": ""}, {"header": "x" * 61}]
)
def test_a_reply_beyond_the_limits_never_leaves(stage: Stage, wrong: dict[str, str]) -> None:
    call = {"to": "+525512345678", "body": "b", "label": "l", "url": PORTAL, "opaque": "r1"} | wrong
    with pytest.raises(InvalidMessage):
        stage.api.send_cta_url(stage.sender, **call)


def test_templates_are_walked_over_every_page(stage: Stage) -> None:
    rows = list(list_templates(stage.api, stage.sender))
    assert len(rows) == len(stage.settings.templates)
    stranger = Sender(phone_number_id="1", waba_id="2", token=TOKEN)
    (refused,) = list(list_templates(stage.api, stranger))
    assert isinstance(refused, Refused)
    assert (refused.error.code, refused.error.subcode) == (100, 33)


def test_the_account_is_subscribed(stage: Stage) -> None:
    assert stage.api.subscribe(stage.sender) == Answered(body={"success": True})


def test_token_phone_and_link_appear_in_no_log_and_no_representation(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    stage.sim("faults", {"target": "messages", "every": 2, "preset": "server_error"})
    outcomes = [stage.request_ana(button_suffix="canary-suffix") for _ in range(2)]
    shown = caplog.text + repr(outcomes) + repr(stage.sender) + str(outcomes)
    for secret in (TOKEN, "5512345678", "canary-suffix", "Crédito", "wamid"):
        assert secret not in shown


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "cañón"])
def test_a_token_that_cannot_be_a_header_never_leaves(stage: Stage, token: str) -> None:
    sender = Sender(phone_number_id=stage.settings.phone_number_id, waba_id="1", token=token)
    with pytest.raises(InvalidMessage):
        stage.api.mark_read(sender, wamid="wamid.x")


def test_words_that_utf8_cannot_carry_are_the_platforms_to_judge(stage: Stage) -> None:
    call = {"to": "+525512345678", "label": "l", "url": PORTAL, "opaque": "r1"}
    assert isinstance(stage.api.send_cta_url(stage.sender, body="half \ud83d emoji", **call), Accepted)


def test_a_number_at_360dialog_sends_the_same_bodies_with_its_own_key() -> None:
    with staged(api_key="a-360dialog-key") as stage:
        sender = Sender(
            phone_number_id=stage.settings.phone_number_id,
            waba_id=stage.settings.waba_id,
            token="a-360dialog-key",
            flavor=Flavor.DIALOG360,
            base_url=f"{stage.url}/360",
        )
        call = {"to": ANA, "template": REQUEST, "language": "es_MX", "opaque": "attempt-1"}
        texts = {"body": ("Ana", "Crédito 4711", SAMPLE_CODE), "button_suffix": "tok.en-1_A"}
        accepted = stage.api.send_template(sender, **call, **texts)
        assert isinstance(accepted, Accepted)
        assert accepted.wa_id == ANA_ID
        wamid = stage.sim("inbound", {"phone": ANA, "file": {}})["wamid"]
        assert stage.api.mark_read(sender, wamid=wamid) == Answered(body={"success": True})
        (media,) = stage.sim("state")["media"]
        assert isinstance(stage.api.delete_media(sender, media_id=media["id"]), Answered)
        guess = replace(sender, token="a-guess")
        refused = stage.api.send_template(guess, **call, **texts)
        assert isinstance(refused, Refused)
        assert refused.error.disposition is Disposition.PAUSE_SENDER


@pytest.mark.parametrize("base", ["http://waba-v2.360dialog.io", "https://a.example?x=1", "https://u@a.example"])
def test_the_address_of_a_number_is_https_like_any_other(stage: Stage, base: str) -> None:
    with pytest.raises(ValueError, match="https"):
        stage.api.mark_read(replace(stage.sender, base_url=base), wamid="w")


def test_a_template_with_named_variables_is_filled_by_name(stage: Stage) -> None:
    template = {
        "name": "con_nombres_v1",
        "language": "es_MX",
        "category": "UTILITY",
        "parameter_format": "NAMED",
        "components": [
            {
                "type": "BODY",
                "text": "Hola {{nombre}}, tu trámite {{asunto}} tiene pasos pendientes en nuestro portal.",
                "example": {
                    "body_text_named_params": [
                        {"param_name": "nombre", "example": "Ana"},
                        {"param_name": "asunto", "example": "Crédito"},
                    ]
                },
            }
        ],
    }
    made = stage.post(f"{stage.settings.waba_id}/message_templates", template).json()
    stage.sim(f"templates/{made['id']}", {"event": "APPROVED"})
    call = {"template": "con_nombres_v1", "button_suffix": None}
    accepted = stage.request_ana(**call, body={"asunto": "Crédito 4711", "nombre": "Ana"})
    assert isinstance(accepted, Accepted), accepted
    (message,) = [m for m in stage.sim("state")["messages"] if m["wamid"] == accepted.wamid]
    assert message["text"] == "Hola Ana, tu trámite Crédito 4711 tiene pasos pendientes en nuestro portal."
    by_place = stage.request_ana(**call, body=("Ana", "Crédito 4711"))
    assert isinstance(by_place, Refused)
    assert by_place.error.code == 132012
    for wrong in ({"Nombre": "Ana"}, {"nombre x": "Ana"}, {"nombre": "4152313412341234"}):
        with pytest.raises(InvalidMessage):
            stage.request_ana(**call, body=wrong)
