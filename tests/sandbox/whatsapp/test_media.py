"""Files that customers sent: where they lie, for how long, for whom; every look at them is counted."""

import base64
from collections.abc import Iterator

import httpx
import pytest

from sandbox.whatsapp.settings import Account, Number
from tests.sandbox.whatsapp.stage import ANA, TOKEN, Stage, staged

OTHER = Account(
    waba_id="340000000000000",
    tokens=("EAAother",),
    numbers=(Number(phone_number_id="340000000000001", display_phone_number="+34 910 000 001"),),
)
DATA = b"\xff\xd8 a photo \xff\xd9"


@pytest.fixture
def stage() -> Iterator[Stage]:
    with staged(more_accounts=(OTHER,)) as stage:
        file = {"mime": "image/jpeg", "data": base64.b64encode(DATA).decode(), "caption": "mi INE"}
        stage.sim("inbound", {"phone": ANA, "file": file})
        stage.pass_time(0.1)
        yield stage


def media_id(stage: Stage) -> str:
    return str(stage.items("messages")[0]["image"]["id"])


def reads(stage: Stage) -> int:
    return int(stage.sim("state")["media_reads"])


def bytes_at(url: str, token: str = TOKEN, **headers: str) -> httpx.Response:
    return httpx.get(url, headers={"authorization": f"Bearer {token}"} | headers, trust_env=False)


def test_the_webhook_tells_hash_and_address(stage: Stage) -> None:
    node = stage.items("messages")[0]["image"]
    assert set(node) == {"id", "mime_type", "sha256", "url", "caption"}
    assert bytes_at(node["url"]).content == DATA
    assert reads(stage) == 1


def test_describing_a_file_counts_as_a_look(stage: Stage) -> None:
    described = stage.call("GET", f"{media_id(stage)}?phone_number_id={stage.settings.phone_number_id}").json()
    assert described["file_size"] == len(DATA)
    assert bytes_at(described["url"]).content == DATA
    assert reads(stage) == 2


def test_a_range_of_the_bytes_may_be_asked_for(stage: Stage) -> None:
    answer = bytes_at(stage.items("messages")[0]["image"]["url"], range="bytes=3-9")
    assert (answer.status_code, answer.content) == (206, DATA[3:10])
    assert answer.headers["content-range"] == f"bytes 3-9/{len(DATA)}"


def test_an_address_lives_for_five_minutes_and_a_file_for_seven_days(stage: Stage) -> None:
    first = stage.call("GET", media_id(stage)).json()["url"]
    stage.pass_time(301)
    assert bytes_at(first).status_code == 404
    assert bytes_at(stage.call("GET", media_id(stage)).json()["url"]).status_code == 200
    stage.pass_time(7 * 86_400)
    assert stage.call("GET", media_id(stage)).json()["error"]["error_subcode"] == 33


def test_another_account_sees_no_file_of_ours(stage: Stage) -> None:
    url = stage.call("GET", media_id(stage)).json()["url"]
    assert bytes_at(url, token="EAAother").status_code == 404
    for method in ("GET", "DELETE"):
        assert stage.call(method, media_id(stage), token="EAAother").json()["error"]["error_subcode"] == 33
        wrong = stage.call(method, f"{media_id(stage)}?phone_number_id=340000000000001")
        assert wrong.json()["error"]["error_subcode"] == 33
    assert bytes_at(url, token="EAAguess").status_code == 401


def test_deleting_is_no_look_and_leaves_nothing(stage: Stage) -> None:
    path = f"{media_id(stage)}?phone_number_id={stage.settings.phone_number_id}"
    assert stage.call("DELETE", path).json() == {"success": True}
    assert reads(stage) == 0
    assert stage.call("DELETE", path).json()["error"]["error_subcode"] == 33
    assert bytes_at(stage.items("messages")[0]["image"]["url"]).status_code == 404
