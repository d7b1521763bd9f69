"""The six network cases of tusd's end-to-end tests, by their names, over raw sockets against the portal's processes."""

import secrets
import socket
import struct
import time

import pytest

from intake.holds import LETTING_GO
from tests.intake.building import MIB
from tests.portal.customer.conftest import Live
from tests.portal.customer.test_live import Phone, documents, status_of, wait_for
from tests.portal.customer.test_tus import BODY

SIZE = 600_000
SENT = 250_000


@pytest.fixture
def phone(live: Live) -> Phone:
    return Phone(live)


@pytest.fixture
def data() -> bytes:
    return secrets.token_bytes(SIZE)


def begun(phone: Phone, location: str, sent: bytes, *, at: int = 0, **framing: str) -> socket.socket:
    """A PATCH that brought some of its body, and may never bring the rest."""
    said = framing or {"Content_Length": str(SIZE - at)}
    connection = phone.raw("PATCH", location, Upload_Offset=str(at), Content_Type=BODY, **said)
    connection.sendall(sent)
    return connection


def assert_the_rest_arrives(phone: Phone, location: str, data: bytes, at: int) -> None:
    assert phone.patch(location, at, data[at:]).status == 204
    assert phone.live.world.content(location.rpartition("/")[2]) == data
    assert documents(phone.live) == 1


def test_read_timeout_answers_and_keeps_what_came(phone: Phone, data: bytes) -> None:
    location = phone.create(0, SIZE)
    with begun(phone, location, data[:SENT]) as connection:
        assert status_of(connection) == 408
    at = phone.offset(location)
    assert SENT - 1024 < at <= SENT  # the server reads in steps of 1 KiB
    assert_the_rest_arrives(phone, location, data, at)


def test_unexpected_close_keeps_what_came(phone: Phone, data: bytes) -> None:
    location = phone.create(0, SIZE)
    begun(phone, location, data[:SENT]).close()
    wait_for(lambda: phone.acknowledged(location) == SENT)
    assert_the_rest_arrives(phone, location, data, SENT)


def test_network_reset_keeps_what_was_read(phone: Phone, data: bytes) -> None:
    location = phone.create(0, SIZE)
    connection = begun(phone, location, data[:SENT])
    time.sleep(0.5)  # a reset throws away what the server has not read yet
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    wait_for(lambda: phone.acknowledged(location) > 0)
    at = phone.offset(location)
    assert at <= SENT
    assert_the_rest_arrives(phone, location, data, at)


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_lock_release_gives_a_phone_that_returns_its_upload_whichever_process_it_meets(
    phone: Phone, data: bytes, chunked: bool
) -> None:
    location, at, step = phone.create(0, SIZE), 0, 50_000
    stale = []
    for _ in range(10):  # two processes: a question that meets the wrong one must not be rare here
        piece = data[at : at + step]
        framing = {"Transfer_Encoding": "chunked"} if chunked else {}
        sent = b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece
        stale.append(begun(phone, location, sent, at=at, **framing))
        time.sleep(0.3)  # the server reads it
        started = time.monotonic()
        found = phone.offset(location)  # the network changed: the old connection is dead, and nobody told the server
        assert time.monotonic() - started < LETTING_GO + 1
        assert at < found <= at + step
        assert phone.patch(location, found, data[found : found + 1000]).status == 204
        at = found + 1000
    assert_the_rest_arrives(phone, location, data, at)
    for connection in stale:
        connection.close()


def test_lock_release_leaves_a_stranger_without_power_over_an_upload(live: Live, phone: Phone, data: bytes) -> None:
    location = phone.create(0, SIZE)
    stranger = Phone(live)
    stranger.secret = "of nobody"
    with begun(phone, location, data[:SENT]) as connection:
        time.sleep(0.3)
        assert stranger.ask("HEAD", location).status == 404
        connection.sendall(data[SENT:])
        assert status_of(connection) == 204
    assert documents(live) == 1


def test_length_exceeded_is_refused_and_nothing_of_it_becomes_a_document(phone: Phone, data: bytes) -> None:
    location = phone.create(0, SIZE)
    more = data + b"x" * MIB
    with begun(
        phone, location, b"%x\r\n%s\r\n0\r\n\r\n" % (len(more), more), Transfer_Encoding="chunked"
    ) as connection:
        assert status_of(connection) == 413
    assert phone.ask("HEAD", location).status == 410
    assert documents(phone.live) == 0


def test_stop_upload_ends_a_body_on_its_way(phone: Phone, data: bytes) -> None:
    location = phone.create(0, SIZE)
    with begun(phone, location, data[:SENT]) as connection:
        time.sleep(0.3)
        assert phone.ask("DELETE", location).status == 204
        connection.sendall(data[SENT:])
        assert status_of(connection) == 410
    assert phone.ask("HEAD", location).status == 410
    assert documents(phone.live) == 0
    assert phone.create(0, SIZE)  # the slot is free
