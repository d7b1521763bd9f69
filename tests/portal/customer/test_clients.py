"""Foreign clients of tus against the portal's processes: tuspy and tus-js-client, as their authors wrote them."""

import io
import json
import secrets
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError
from tusclient.uploader import Uploader

from portal.customer.visits import COOKIE
from tests.portal.customer.conftest import Live
from tests.portal.customer.test_live import Phone, documents
from tests.services.processes import ROOT, required

SIZE = 350_000
CHUNK = 100_000
SCRIPT = ROOT / "tests" / "js" / "upload.mjs"


@pytest.fixture
def phone(live: Live) -> Phone:
    return Phone(live)


@pytest.fixture
def data() -> bytes:
    return secrets.token_bytes(SIZE)


def metadata(live: Live, slot: int = 0) -> dict[str, str]:
    return {"slot": live.world.slots[slot], "filename": "Identificación.jpg", "filetype": "image/jpeg"}


def assert_received(live: Live, url: str, data: bytes) -> None:
    upload_id = url.rpartition("/")[2]
    assert live.world.content(upload_id) == data
    assert live.world.declared(upload_id) == {"name": "Identificación.jpg", "type": "image/jpeg"}
    assert documents(live) == 1


def tuspy(phone: Phone) -> TusClient:
    return TusClient(f"http://127.0.0.1:{phone.live.port}/e/uploads", headers={"Cookie": f"{COOKIE}={phone.secret}"})


@pytest.mark.parametrize("checksum", [False, True], ids=["plain", "with checksums"])
def test_tuspy_uploads_in_pieces(live: Live, phone: Phone, data: bytes, checksum: bool) -> None:
    uploader = tuspy(phone).uploader(
        file_stream=io.BytesIO(data), chunk_size=CHUNK, metadata=metadata(live), upload_checksum=checksum
    )
    uploader.upload()
    assert_received(live, uploader.url, data)


def test_tuspy_resumes_where_the_server_stands(live: Live, phone: Phone, data: bytes) -> None:
    first = tuspy(phone).uploader(file_stream=io.BytesIO(data), chunk_size=CHUNK, metadata=metadata(live))
    first.upload(stop_at=2 * CHUNK)
    assert phone.offset(first.url.partition(str(live.port))[2]) == 2 * CHUNK
    second = tuspy(phone).uploader(file_stream=io.BytesIO(data), chunk_size=CHUNK, url=first.url)
    assert second.offset == 2 * CHUNK
    second.upload()
    assert_received(live, first.url, data)


def test_tuspy_is_told_that_a_slot_is_taken(live: Live, phone: Phone, data: bytes) -> None:
    def uploader() -> Uploader:
        return tuspy(phone).uploader(file_stream=io.BytesIO(data), chunk_size=CHUNK, metadata=metadata(live))

    uploader().upload()
    with pytest.raises(TusCommunicationError) as refused:
        uploader().upload()
    assert refused.value.status_code == 409
    assert documents(live) == 1


def tus_js(phone: Phone, data: bytes, how: str, *, slot: int = 0) -> dict[str, Any]:
    """Run tus-js-client and return what it says at its end."""
    told = {
        "endpoint": f"http://127.0.0.1:{phone.live.port}/e/uploads",
        "headers": {"Cookie": f"{COOKIE}={phone.secret}"},
        "metadata": metadata(phone.live, slot),
        "how": how,
    }
    done = subprocess.run(
        [required("node"), SCRIPT, json.dumps(told)], input=data, capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr.decode()
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("how", ["in pieces", "with the creation", "without a length", "resumed", "overridden"])
def test_tus_js_client_uploads(live: Live, phone: Phone, data: bytes, how: str) -> None:
    assert_received(live, tus_js(phone, data, how)["url"], data)


def test_tus_js_client_terminates_what_it_began(live: Live, phone: Phone, data: bytes) -> None:
    url = tus_js(phone, data, "terminated")["url"]
    assert phone.ask("HEAD", url.partition(str(live.port))[2]).status == 410
    assert documents(live) == 0


def test_tus_js_client_is_told_that_a_slot_is_taken(live: Live, phone: Phone, data: bytes) -> None:
    assert "url" in tus_js(phone, data, "in pieces")
    assert tus_js(phone, data, "in pieces") == {"refused": 409}
    assert documents(live) == 1


def test_the_lock_of_the_clients_names_no_registry() -> None:
    assert "resolved" not in Path(ROOT / "tests" / "js" / "package-lock.json").read_text()
