"""The portal behind gunicorn: bodies that grow, stall and break, over real sockets."""

import hashlib
import http.client
import re
import secrets
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from select import select as select_readable

import pytest
from sqlalchemy import func, select

from portal.customer.visits import COOKIE
from records import links
from records.documents import Document
from records.links import UploadLink
from records.uploads import Upload, UploadState
from tests.intake.building import MIB, a_world
from tests.portal.customer.conftest import Live, a_secret
from tests.portal.customer.test_plain import BOUNDARY, part
from tests.portal.customer.test_tus import BODY, metadata


class Phone:
    """A browser with a living visit, speaking HTTP by hand."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self.secret = a_secret(live.world)

    def headers(self, **more: str) -> dict[str, str]:
        fixed = {"Cookie": f"{COOKIE}={self.secret}", "Tus-Resumable": "1.0.0", "Sec-Fetch-Site": "same-origin"}
        return fixed | {name.replace("_", "-"): value for name, value in more.items()}

    def ask(self, method: str, path: str, body: bytes | None = None, **more: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.live.port, timeout=30)
        with closing(connection):
            connection.request(method, path, body, self.headers(**more))
            answer = connection.getresponse()
            answer.text = answer.read().decode()  # type: ignore[attr-defined]
            return answer

    def create(self, slot: int, length: int | None, body: bytes = b"") -> str:
        size = {"Upload_Defer_Length": "1"} if length is None else {"Upload_Length": str(length)}
        kind = {"Content_Type": BODY} if body else {}
        said = metadata(slot=self.live.world.slots[slot], filename="CANARY-name.jpg", filetype="image/jpeg")
        answer = self.ask("POST", "/e/uploads", body, Upload_Metadata=said, **size, **kind)
        assert answer.status == 201, answer.text
        return str(answer.headers["Location"])

    def patch(self, location: str, offset: int, body: bytes) -> http.client.HTTPResponse:
        return self.ask("PATCH", location, body, Upload_Offset=str(offset), Content_Type=BODY)

    def offset(self, location: str) -> int:
        return int(self.ask("HEAD", location).headers["Upload-Offset"])

    def acknowledged(self, location: str) -> int:
        """What the row says, without asking the server, which lets go of an upload when it is asked."""
        with self.live.world.database.reading() as session:
            return session.get_one(Upload, location.rpartition("/")[2]).offset

    def raw(self, method: str, path: str, **more: str) -> socket.socket:
        """Send a head and return the connection, for a body sent by hand."""
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
        lines += [f"{name}: {value}" for name, value in self.headers(**more).items()]
        connection = socket.create_connection(("127.0.0.1", self.live.port), timeout=30)
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        return connection


@pytest.fixture
def phone(live: Live) -> Phone:
    return Phone(live)


def documents(live: Live) -> int:
    with live.world.database.reading() as session:
        of_request = Document.request_id == live.world.request_id
        return session.scalar(select(func.count()).select_from(Document).where(of_request)) or 0


def wait_for(condition, within: float = 10.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def status_of(connection: socket.socket) -> int:
    return int(connection.recv(65536).split(b" ", 2)[1])


def files_below(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_chunked_body_one_byte_over_the_limit_is_cut_at_once(live: Live, phone: Phone) -> None:
    location = phone.create(0, None)
    with live.world.database.transaction() as session:
        session.get_one(Upload, location.rpartition("/")[2]).max_bytes = MIB
    before = live.world.blob_names()
    piece = b"x" * 65536
    with phone.raw("PATCH", location, Upload_Offset="0", Content_Type=BODY, Transfer_Encoding="chunked") as connection:
        for _ in range(MIB // len(piece)):
            connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
        connection.sendall(b"1\r\nx\r\n")
        connection.sendall(b"%x\r\n%s\r\n0\r\n\r\n" % (len(piece) * 4, piece * 4))
        assert status_of(connection) == 413
    assert live.world.blob_names() == before
    assert phone.ask("HEAD", location).status == 410
    assert documents(live) == 0


def test_a_cut_connection_resumes_where_the_server_stands(live: Live, phone: Phone) -> None:
    data = secrets.token_bytes(2 * MIB)
    location = phone.create(0, len(data))
    at = 0
    for sent in (300_000, 700_001, 65_536):
        with phone.raw(
            "PATCH", location, Upload_Offset=str(at), Content_Type=BODY, Content_Length=str(len(data) - at)
        ) as connection:
            connection.sendall(data[at : at + sent])
        wait_for(lambda expected=at + sent: phone.acknowledged(location) == expected)
        at += sent
    assert phone.patch(location, at, data[at:]).status == 204
    stored = live.world.content(location.rpartition("/")[2])
    assert hashlib.sha256(stored).digest() == hashlib.sha256(data).digest()
    assert documents(live) == 1


def test_a_request_behind_a_body_in_one_packet_is_answered_after_it(live: Live, phone: Phone) -> None:
    location, data = phone.create(0, 300_000), secrets.token_bytes(300_000)
    with phone.raw("PATCH", location, Upload_Offset="0", Content_Type=BODY, Content_Length="300000") as connection:
        connection.sendall(data + b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answers = b"".join(iter(lambda: connection.recv(65536), b""))
    assert re.findall(rb"HTTP/1.1 (\d+)", answers) == [b"204", b"200"]
    assert live.world.content(location.rpartition("/")[2]) == data


def test_a_second_patch_while_one_streams_is_refused_or_loses(live: Live, phone: Phone) -> None:
    location = phone.create(0, 100)
    with phone.raw("PATCH", location, Upload_Offset="0", Content_Type=BODY, Content_Length="100") as connection:
        connection.sendall(b"x" * 50)
        time.sleep(0.3)  # the first body is being read
        statuses = [phone.patch(location, 0, b"y" * 10).status for _ in range(6)]
        connection.sendall(b"x" * 50)
        first = status_of(connection)
    assert set(statuses) <= {423, 204, 409}
    assert [first, *statuses].count(204) == 1  # exactly one was acknowledged at offset 0
    content = live.world.content(location.rpartition("/")[2])
    assert content in (b"x" * 100, b"y" * 10)


def test_a_revocation_stops_a_body_on_its_way(live: Live, phone: Phone) -> None:
    location = phone.create(0, 100)
    with phone.raw("PATCH", location, Upload_Offset="0", Content_Type=BODY, Content_Length="100") as connection:
        connection.sendall(b"x" * 50)
        with live.world.database.transaction() as session:
            links.revoke(session, session.get_one(UploadLink, live.world.link_id), now=live.world.clock.now)
        connection.sendall(b"x" * 50)
        assert status_of(connection) == 404
    with live.world.database.reading() as session:
        assert session.get_one(Upload, location.rpartition("/")[2]).offset == 0


def test_a_body_that_stands_still_is_cut_and_what_came_is_kept(live: Live, phone: Phone) -> None:
    data = secrets.token_bytes(600_000)
    location = phone.create(0, len(data))
    with phone.raw("PATCH", location, Upload_Offset="0", Content_Type=BODY, Content_Length="600000") as connection:
        connection.sendall(data[:400_000])
        assert status_of(connection) == 408
    kept = phone.offset(location)
    assert 400_000 - 1024 < kept <= 400_000  # the server reads in steps of 1 KiB
    assert phone.patch(location, kept, data[kept:]).status == 204
    assert live.world.content(location.rpartition("/")[2]) == data


def test_a_body_that_crawls_is_cut_although_it_never_stands_still(live: Live, phone: Phone) -> None:
    location = phone.create(0, 1000)
    with phone.raw("PATCH", location, Upload_Offset="0", Content_Type=BODY, Content_Length="1000") as connection:
        for _ in range(100):
            connection.sendall(b"x")
            if select_readable([connection], [], [], 0.2)[0]:
                break
        assert status_of(connection) == 408
    assert 5 < phone.offset(location) < 60


def test_fifty_parallel_finishes_make_one_document(live: Live, phone: Phone) -> None:
    location = phone.create(0, 8, b"1234")

    def last(_: int) -> int:
        return phone.patch(location, 4, b"5678").status

    with ThreadPoolExecutor(25) as pool:
        statuses = list(pool.map(last, range(50)))
    assert statuses.count(204) == 1
    assert set(statuses) <= {204, 409, 423}
    assert documents(live) == 1


def test_the_quota_of_files_holds_over_two_processes(live: Live, phone: Phone) -> None:
    with live.world.database.transaction() as session:
        session.get_one(UploadLink, live.world.link_id).max_files = 2
    said = [metadata(slot=slot, filename="a", filetype="b") for slot in live.world.slots]

    def create(number: int) -> int:
        return phone.ask("POST", "/e/uploads", Upload_Length="10", Upload_Metadata=said[number % 3]).status

    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(create, range(20)))
    assert statuses.count(201) == 2
    assert set(statuses) == {201, 409, 403} or set(statuses) == {201, 403}


def test_nothing_in_clear_is_on_disk_while_and_after_a_file_arrives(live: Live, phone: Phone) -> None:
    canary = b"CANARY-" + secrets.token_hex(8).encode()
    data = canary * 200_000
    location = phone.create(0, len(data))
    with phone.raw(
        "PATCH", location, Upload_Offset="0", Content_Type=BODY, Content_Length=str(len(data))
    ) as connection:
        connection.sendall(data[: len(data) // 2])
        time.sleep(0.3)
        found = files_below(live.site.folder)
        assert canary not in found
        assert list(live.site.temporary.iterdir()) == []
        connection.sendall(data[len(data) // 2 :])
        assert status_of(connection) == 204
    found = files_below(live.site.folder)
    for hidden in (canary, b"CANARY-name", live.token.encode(), phone.secret.encode()):
        assert hidden not in found


def test_a_plain_form_over_the_limit_shows_its_page(live: Live, phone: Phone) -> None:
    token = re.findall(r'name="csrf" value="([0-9a-f]{64})"', phone.ask("GET", "/e/done").text)[0]  # type: ignore[attr-defined]
    body = part("csrf", token.encode()) + part("file", b"x" * (101 * MIB), "a.pdf") + f"--{BOUNDARY}--\r\n".encode()
    answer = phone.ask(
        "POST",
        f"/e/slots/{live.world.slots[0]}",
        body,
        Content_Type=f"multipart/form-data; boundary={BOUNDARY}",
        Accept_Language="es",
    )
    assert answer.status == 413
    assert "El límite es de 100 MB." in answer.text  # type: ignore[attr-defined]
    assert documents(live) == 0


def test_a_cut_form_leaves_no_upload_open(live: Live, phone: Phone) -> None:
    token = re.findall(r'name="csrf" value="([0-9a-f]{64})"', phone.ask("GET", "/e/done").text)[0]  # type: ignore[attr-defined]
    with phone.raw(
        "POST",
        f"/e/slots/{live.world.slots[0]}",
        Content_Type=f"multipart/form-data; boundary={BOUNDARY}",
        Content_Length="1000000",
    ) as connection:
        connection.sendall(part("csrf", token.encode()) + part("file", b"x" * 500_000, "a.pdf")[:400_000])

    def ended() -> bool:
        with live.world.database.reading() as session:
            states = select(Upload.state).where(Upload.link_id == live.world.link_id)
            return list(session.scalars(states)) == [UploadState.ENDED]

    wait_for(ended)
    assert documents(live) == 0


def test_phones_that_trickle_do_not_stop_another(live: Live, phone: Phone) -> None:
    world = a_world(live.site.database, live.site.blobs, keys=live.site.keys)
    stranger, slow = Phone(Live(site=live.site, world=world, token="")), []
    try:
        for _ in range(13):  # one process takes 14 bodies at a time, and all of them may come to the same one
            connection = stranger.raw(
                "PATCH", f"/e/uploads/{'0' * 32}", Upload_Offset="0", Content_Type=BODY, Content_Length="1000"
            )
            connection.sendall(b"x")
            slow.append(connection)
        started = time.monotonic()
        assert phone.create(0, 4, b"data")
        assert time.monotonic() - started < 5
    finally:
        for connection in slow:
            connection.close()


def test_two_content_lengths_or_both_framings_are_refused(live: Live, phone: Phone) -> None:
    location = phone.create(0, 4)
    head = (
        f"PATCH {location} HTTP/1.1\r\nHost: localhost\r\nCookie: {COOKIE}={phone.secret}\r\nTus-Resumable: 1.0.0\r\n"
    )
    head += f"Upload-Offset: 0\r\nContent-Type: {BODY}\r\n"
    for framing in (
        "Content-Length: 4\r\nContent-Length: 5\r\n",
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
    ):
        with socket.create_connection(("127.0.0.1", live.port), timeout=10) as connection:
            connection.sendall((head + framing + "\r\n").encode() + b"data")
            assert status_of(connection) >= 400
    assert phone.offset(location) == 0
