"""The phone screen: looking changes nothing, customers can answer, nothing of theirs reaches the disk."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from notifications.whatsapp.client import Accepted
from sandbox.whatsapp.app import serving
from sandbox.whatsapp.settings import Account, Number, Settings
from tests.sandbox.whatsapp.plain import a_message, a_template
from tests.sandbox.whatsapp.stage import ANA, ANA_ID, PORTAL, Stage, staged

JPEG = {"content-type": "image/jpeg", "sec-fetch-site": "same-origin"}


@pytest.fixture
def stage() -> Iterator[Stage]:
    with staged() as stage:
        stage.sim("phones", {"phone": ANA, "name": "Ana <b>Torres</b>"})
        assert isinstance(stage.request_ana(), Accepted)
        stage.pass_time()
        yield stage


def get(stage: Stage, path: str) -> httpx.Response:
    return httpx.get(stage.url + path, trust_env=False)


def test_a_newcomer_sees_an_empty_list_with_an_explanation() -> None:
    with staged() as stage:
        page = get(stage, "/").text
    assert "Todavía no hay mensajes" in page
    assert "Simulador" in page


def test_the_chat_shows_the_words_and_the_exact_link(stage: Stage) -> None:
    page = get(stage, f"/phones/{ANA_ID}").text
    assert "Hola Ana, tu trámite Crédito 4711 tiene" in page
    assert f'href="{PORTAL}tok.en-1_A" target="_blank" rel="noopener noreferrer"' in page
    assert "Simulador" in page


def test_a_name_cannot_become_markup(stage: Stage) -> None:
    for path in ("/", f"/phones/{ANA_ID}", "/phones.json", f"/phones/{ANA_ID}/news.json"):
        assert "<b>Torres" not in get(stage, path).text


def test_looking_at_the_screen_reads_nothing(stage: Stage) -> None:
    before = stage.sim("state")
    for path in ("/", f"/phones/{ANA_ID}", f"/phones/{ANA_ID}/news.json", "/phones.json"):
        assert get(stage, path).status_code == 200
        assert httpx.head(stage.url + path, trust_env=False).status_code == 200
    assert stage.sim("state") == before
    assert stage.sim("state")["messages"][0]["status"] == "delivered"


def test_the_page_tells_that_it_was_read(stage: Stage) -> None:
    answer = httpx.post(f"{stage.url}/phones/{ANA_ID}/read", headers=JPEG, trust_env=False)
    assert answer.status_code == 204
    assert stage.sim("state")["messages"][0]["status"] == "read"


def test_a_message_that_was_only_sent_is_not_on_the_screen() -> None:
    with staged() as stage:
        stage.request_ana()
        stage.pass_time(0.4)
        assert "Crédito" not in get(stage, f"/phones/{ANA_ID}").text


def test_any_way_of_writing_the_number_leads_to_the_chat(stage: Stage) -> None:
    for number in ("525512345678", "+525512345678", "5215512345678"):
        answer = httpx.get(f"{stage.url}/phones/{number}", follow_redirects=True, trust_env=False)
        assert answer.status_code == 200
        assert answer.url.path == f"/phones/{ANA_ID}"
    assert get(stage, "/phones/999999999").status_code == 404
    assert get(stage, "/phones/ana").status_code == 404


def test_the_screen_asks_only_for_what_changed(stage: Stage) -> None:
    revision = get(stage, f"/phones/{ANA_ID}/news.json").json()["revision"]
    assert get(stage, f"/phones/{ANA_ID}/news.json?revision={revision}").status_code == 204
    assert get(stage, f"/phones.json?revision={revision}").status_code == 204


def test_a_customer_writes_without_any_script(stage: Stage) -> None:
    answer = httpx.post(f"{stage.url}/phones/{ANA_ID}/messages", data={"text": " hola "}, trust_env=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/phones/{ANA_ID}#escribir")
    assert stage.sim("state")["messages"][-1]["text"] == "hola"


def test_a_photo_stays_in_memory_and_its_name_goes_nowhere_but_the_webhook(stage: Stage) -> None:
    before = set(Path(tempfile.gettempdir()).iterdir())
    data = b"\xff\xd8" + os.urandom(2_000_000)
    answer = httpx.post(f"{stage.url}/phones/{ANA_ID}/files", content=data, headers=JPEG, trust_env=False)
    assert answer.status_code == 204
    media = stage.sim("state")["media"][0]
    assert media["size"] == len(data)
    assert get(stage, f"/phones/{ANA_ID}/files/{media['id']}").content == data
    fresh = [path for path in set(Path(tempfile.gettempdir()).iterdir()) - before if path.is_file()]
    assert not any(path.stat().st_size >= len(data) for path in fresh)


def test_the_picture_is_gone_once_the_business_deleted_it(stage: Stage) -> None:
    httpx.post(f"{stage.url}/phones/{ANA_ID}/files", content=b"x", headers=JPEG, trust_env=False)
    media = stage.sim("state")["media"][0]["id"]
    stage.api.delete_media(stage.sender, media_id=media)
    assert get(stage, f"/phones/{ANA_ID}/files/{media}").status_code == 404
    assert "borrado de los servidores" in get(stage, f"/phones/{ANA_ID}").text


@pytest.mark.parametrize("size", [0, 16 * 1024 * 1024 + 1])
def test_an_empty_or_huge_file_is_refused(stage: Stage, size: int) -> None:
    answer = httpx.post(f"{stage.url}/phones/{ANA_ID}/files", content=b"x" * size, headers=JPEG, trust_env=False)
    assert answer.status_code == 413


def test_another_site_cannot_write_in_a_customers_name(stage: Stage) -> None:
    for site in ("cross-site", "same-site"):
        headers = {"sec-fetch-site": site}
        answer = httpx.post(
            f"{stage.url}/phones/{ANA_ID}/messages", data={"text": "x"}, headers=headers, trust_env=False
        )
        assert answer.status_code == 403
    assert len(stage.sim("state")["messages"]) == 1


def test_a_foreign_host_name_is_refused(stage: Stage) -> None:
    for path in ("/", "/sim/state"):
        answer = httpx.get(stage.url + path, headers={"host": "rebound.example"}, trust_env=False)
        assert answer.status_code == 400


def test_every_page_carries_the_strict_policy(stage: Stage) -> None:
    for path in ("/", f"/phones/{ANA_ID}", "/static/phone.js", "/nothing"):
        headers = get(stage, path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def test_chats_survive_a_restart_and_files_do_not(tmp_path: Path) -> None:
    state = tmp_path / "data" / "phone.json"
    with staged(state_file=state) as stage:
        stage.request_ana()
        stage.pass_time()
        httpx.post(f"{stage.url}/phones/{ANA_ID}/files", content=b"canary-bytes", headers=JPEG, trust_env=False)
    assert state.stat().st_mode & 0o777 == 0o600
    assert b"canary" not in state.read_bytes()
    with staged(state_file=state) as stage:
        messages = stage.sim("state")["messages"]
        assert [message["status"] for message in messages][:1] == ["delivered"]
        assert f"{PORTAL}tok.en-1_A" in get(stage, f"/phones/{ANA_ID}").text
        assert stage.sim("state")["media"] == []
        assert len(stage.sim("state")["templates"]) == len(stage.settings.templates)


def test_the_running_clock_delivers_within_seconds() -> None:
    with staged(frozen_clock=False, sent_after=0.05, delivered_after=0.1) as stage:
        stage.request_ana()
        deadline = time.monotonic() + 10
        while stage.sim("state")["messages"][0]["status"] != "delivered":
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_the_program_starts_serves_and_stops_on_a_signal(tmp_path: Path) -> None:
    secret = tmp_path / "app_key"
    secret.write_text("the-secret\n")
    command = [sys.executable, "-m", "sandbox.whatsapp", "--port", "0", "--app-secret-file", str(secret)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        address = program.stdout.readline().split()[-1]
        assert httpx.get(f"{address}/sim/health", trust_env=False).json() == {"ok": True}
        program.send_signal(signal.SIGTERM)
        assert program.wait(10) == 0


@pytest.mark.parametrize("arguments", [[], ["--app-secret", "x", "--host", "0.0.0.0"]])
def test_the_program_refuses_to_run_unsigned_or_in_public(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "sandbox.whatsapp", "--port", "0", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


def test_any_token_is_taken_when_none_was_set() -> None:
    with serving(Settings(app_secret="x")) as url:
        answer = httpx.get(f"{url}/v26.0/106540352242922", headers={"authorization": "Bearer any"}, trust_env=False)
    assert answer.status_code == 200


def post(stage: Stage, path: str, **more: Any) -> httpx.Response:
    return httpx.post(f"{stage.url}/phones/{ANA_ID}/{path}", trust_env=False, **more)


def test_a_form_without_script_sends_files_that_never_touch_the_disk(stage: Stage) -> None:
    before = set(Path(tempfile.gettempdir()).iterdir())
    data = b"\xff\xd8" + os.urandom(2_000_000)
    files = [("file", (f"ine-{n}.jpg", data, "image/jpeg")) for n in (1, 2)]
    answer = post(stage, "files", files=files)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/phones/{ANA_ID}#escribir")
    assert [media["size"] for media in stage.sim("state")["media"]] == [len(data)] * 2
    fresh = [path for path in set(Path(tempfile.gettempdir()).iterdir()) - before if path.is_file()]
    assert not any(path.stat().st_size >= len(data) for path in fresh)


def test_a_button_marks_as_read_without_script(stage: Stage) -> None:
    assert post(stage, "read", data={}).status_code in {204, 303}
    assert stage.sim("state")["messages"][0]["status"] == "read"


def test_a_quick_reply_is_a_button_that_works_without_script() -> None:
    with staged(templates=(a_template(),)) as stage:
        wamid = stage.post(f"{stage.settings.phone_number_id}/messages", a_message()).json()["messages"][0]["id"]
        stage.pass_time()
        page = get(stage, f"/phones/{ANA_ID}").text
        assert "No quiero avisos" in page
        assert post(stage, "replies", data={"wamid": wamid, "index": "0"}).status_code == 303
        stage.pass_time(0.1)
        assert stage.items("messages")[0]["button"]["text"] == "No quiero avisos"
        for wrong in ({"wamid": wamid, "index": "1"}, {"wamid": "wamid.none", "index": "0"}, {"wamid": wamid}):
            assert post(stage, "replies", data=wrong).status_code == 404


def test_the_screen_turns_the_clock_and_the_fate_of_the_phone(stage: Stage) -> None:
    before = datetime.fromisoformat(stage.sim("state")["now"])
    assert post(stage, "clock", data={"step": "3d"}).status_code == 303
    after = datetime.fromisoformat(stage.sim("state")["now"])
    assert (after - before).days == 3
    assert "3 d adelantado" in get(stage, f"/phones/{ANA_ID}/tools").text
    assert post(stage, "fate", data={"fate": "offline"}).status_code == 303
    assert "está apagado" in get(stage, f"/phones/{ANA_ID}").text
    assert stage.sim("state")["phones"][0]["fate"]["kind"] == "offline"
    for path, wrong in (("clock", {"step": "-1d"}), ("fate", {"fate": "bored"})):
        assert post(stage, path, data=wrong).status_code == 400


def test_with_several_numbers_each_chat_stands_alone() -> None:
    number = Number(phone_number_id="340000000000001", display_phone_number="+34 910 000 001")
    other = Account(waba_id="340000000000000", name="Aurora España", numbers=(number,))
    with staged(more_accounts=(other,)) as stage:
        stage.sim("inbound", {"phone": ANA, "text": "a México"})
        stage.sim("inbound", {"phone": ANA, "number": number.phone_number_id, "text": "a España"})
        page = get(stage, "/").text
        assert "con Aurora España <span>· +34 910 000 001</span>" in page
        assert page.count("<li>") == 2
        chat = get(stage, f"/phones/{ANA_ID}?number={stage.settings.phone_number_id}").text
        assert ("a México</p>" in chat, "a España</p>" in chat) == (True, False)
        httpx.post(
            f"{stage.url}/phones/{ANA_ID}/messages?number={number.phone_number_id}",
            data={"text": "otra vez"},
            trust_env=False,
        )
        assert stage.sim("state")["messages"][-1]["number_id"] == number.phone_number_id
        assert get(stage, f"/phones/{ANA_ID}?number=404").status_code == 404


def test_an_answer_shows_what_it_answers(stage: Stage) -> None:
    wamid = stage.sim("state")["messages"][0]["wamid"]
    stage.sim("inbound", {"phone": ANA, "text": "ya voy", "reply_to": wamid})
    assert "En respuesta a: " in get(stage, f"/phones/{ANA_ID}").text
