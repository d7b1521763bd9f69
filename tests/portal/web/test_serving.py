"""Slow clients against gunicorn as every web process runs it: raw sockets, one process, four threads."""

import http.client
import os
import select
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.services.processes import ROOT, Server, free_port

THREADS = 4
DEADLINE = 2.0
SOON = 1.0
"""Seconds within which a page must come while others are slow: well before any of them is cut."""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    yield from serving(tmp_path_factory, processes=1)


@pytest.fixture
def port_of_two_processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    yield from serving(tmp_path_factory, processes=2)


def serving(tmp_path_factory: pytest.TempPathFactory, *, processes: int) -> Iterator[int]:
    number, log = free_port(), tmp_path_factory.mktemp("serving") / "log"
    short = ["--worker-class", "tests.portal.web.slow.ShortWorker", "--threads", str(THREADS)]
    command = [sys.executable, "-m", "gunicorn", "-c", "python:config.gunicorn", "--workers", str(processes), *short]
    server = Server(
        ["env", f"PYTHONPATH={ROOT}", *command, "--bind", f"127.0.0.1:{number}", "tests.portal.web.slow:app"],
        directory=ROOT,
        log=log,
    )
    server.start(lambda: answers(number))
    yield number
    server.stop()


def answers(port: int) -> bool:
    try:
        return get(port) == 200
    except OSError:
        return False


def get(port: int) -> int:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("GET", "/")
        return connection.getresponse().status


def opened(port: int, stack: ExitStack, sent: bytes) -> socket.socket:
    connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
    connection.sendall(sent)
    return connection


def assert_served(port: int) -> None:
    started = time.monotonic()
    assert get(port) == 200
    assert time.monotonic() - started < SOON


def seconds_until_cut(connection: socket.socket, started: float, *, drip: bytes = b"") -> float:
    """Wait for the end of the connection, sending one byte more now and then."""
    while time.monotonic() - started < 10:
        readable, _, _ = select.select([connection], [], [], 0.2)
        try:
            if readable and not connection.recv(4096):
                return time.monotonic() - started
            connection.sendall(drip)
        except OSError:
            return time.monotonic() - started
    raise AssertionError("never cut")


HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
FORM = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\nname="
CHUNKED = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1f4\r\nx"


@pytest.mark.parametrize("said", [b"", b"G", HEAD, FORM, CHUNKED], ids=["silence", "letter", "head", "form", "chunk"])
def test_an_unfinished_request_keeps_nobody_waiting_and_is_cut(port: int, said: bytes) -> None:
    with ExitStack() as stack:
        started = time.monotonic()
        slow = [opened(port, stack, said) for _ in range(THREADS * 5)]
        for _ in range(3):
            assert_served(port)
        for connection in slow:
            assert seconds_until_cut(connection, started) < DEADLINE + 3


@pytest.mark.parametrize("said", [HEAD, FORM, CHUNKED], ids=["head", "form", "chunk"])
def test_a_drip_keeps_nobody_waiting_and_is_cut(port: int, said: bytes) -> None:
    with ExitStack() as stack:
        started = time.monotonic()
        slow = [opened(port, stack, said) for _ in range(THREADS * 3)]
        while time.monotonic() - started < DEADLINE * 0.7:
            for connection in slow:
                try:
                    connection.sendall(b"x")
                except OSError:
                    continue
            assert_served(port)
        for connection in slow:
            assert seconds_until_cut(connection, started, drip=b"x") < DEADLINE + 3


def test_half_a_request_behind_a_whole_one_holds_no_thread(port: int) -> None:
    whole = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with ExitStack() as stack:
        started = time.monotonic()
        slow = [opened(port, stack, whole + HEAD) for _ in range(THREADS * 3)]
        assert_served(port)
        for connection in slow:
            assert seconds_until_cut(connection, started) < DEADLINE + 3


def test_a_second_head_on_a_kept_connection_that_never_ends_is_cut(port: int) -> None:
    with ExitStack() as stack:
        connection = opened(port, stack, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        found = b""
        while not found.endswith(b"\r\n\r\n0"):
            found += connection.recv(4096)
        started = time.monotonic()
        connection.sendall(HEAD)
        assert_served(port)
        assert seconds_until_cut(connection, started, drip=b"x") < DEADLINE + 3


def test_clients_that_never_close_do_not_hold_up_the_event_loop(port: int) -> None:
    with ExitStack() as stack:
        for _ in range(THREADS * 3):
            opened(port, stack, b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert_served(port)


def test_two_whole_requests_in_one_packet_are_both_answered(port: int) -> None:
    whole = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with ExitStack() as stack:
        connection = opened(port, stack, whole + whole.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        found = b""
        while piece := connection.recv(4096):
            found += piece
    assert found.count(b"200 OK") == 2


def test_a_head_and_a_body_in_pieces_arrive_whole(port: int) -> None:
    body = os.urandom(300_000)
    with ExitStack() as stack:
        connection = opened(port, stack, b"POST / HTTP/1.1\r\nHo")
        time.sleep(0.2)
        connection.sendall(b"st: localhost\r\nContent-Length: 300000\r\n\r")
        time.sleep(0.2)
        connection.sendall(b"\n" + body[:100_000])
        time.sleep(0.2)
        connection.sendall(body[100_000:])
        found = b""
        while not found.endswith(b"300000"):
            piece = connection.recv(4096)
            assert piece, found
            found += piece


def test_a_head_without_end_is_cut_at_once(port: int) -> None:
    with ExitStack() as stack:
        started = time.monotonic()
        long = HEAD + b"x" * 40_000
        slow = [opened(port, stack, long) for _ in range(THREADS * 3)]
        assert_served(port)
        for connection in slow:
            assert seconds_until_cut(connection, started) < DEADLINE


def test_nothing_of_this_writes_an_error_into_the_log(port: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    logs = list(Path(tmp_path_factory.getbasetemp()).glob("serving*/log"))
    assert logs
    assert not [line for line in logs[0].read_text().splitlines() if '"level": "error"' in line]


def test_connections_that_stay_open_are_shared_among_the_processes(port_of_two_processes: int) -> None:
    with ExitStack() as stack:
        served = []
        for _ in range(40):
            connection = http.client.HTTPConnection("127.0.0.1", port_of_two_processes, timeout=30)
            stack.callback(connection.close)
            connection.request("GET", "/process")
            served.append(connection.getresponse().read())
        assert min(served.count(process) for process in set(served)) >= 5
        assert len(set(served)) == 2
