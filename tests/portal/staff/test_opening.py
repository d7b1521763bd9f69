"""The console's side of the opener's socket: one proper answer is a key, everything else is none."""

import base64
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from portal.staff.opening import OpeningRefused, OpeningUnavailable, SocketOpener

KEY = bytes(range(16))
ASK = {"event": "e" * 32, "document": "d" * 32, "part": "page-0001"}


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Callable[[bytes], tuple[SocketOpener, list[bytes]]]]:
    """A socket that answers once with the given bytes, and what it was asked."""
    threads: list[threading.Thread] = []

    def start(answer: bytes) -> tuple[SocketOpener, list[bytes]]:
        path, asked = tmp_path / "opener.sock", []
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        server.bind(str(path))
        server.listen(1)

        def serve() -> None:
            with server, server.accept()[0] as line:
                asked.append(line.makefile("rb").readline())
                line.sendall(answer)

        threads.append(threading.Thread(target=serve))
        threads[-1].start()
        return SocketOpener(path, timeout_s=1), asked

    yield start
    for thread in threads:
        thread.join(5)


def test_a_proper_answer_is_the_key(listening: Callable[[bytes], tuple[SocketOpener, list[bytes]]]) -> None:
    opener, asked = listening(json.dumps({"file_key": base64.b64encode(KEY).decode()}).encode() + b"\n")
    assert opener.file_key(**ASK) == KEY
    assert json.loads(asked[0]) == ASK


def test_a_refusal_is_a_refusal(listening: Callable[[bytes], tuple[SocketOpener, list[bytes]]]) -> None:
    opener, _ = listening(b'{"error": "opening_refused"}\n')
    with pytest.raises(OpeningRefused):
        opener.file_key(**ASK)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\n",
        b"not json\n",
        b"null\n",
        b"[]\n",
        b"{}\n",
        b'{"file_key": "AAECAwQFBgcICQoLDA0ODw=="}',
        b'{"file_key": "AAAA"}\n',
        b'{"file_key": "AAECAwQFBgcICQoLDA0ODw==AA"}\n',
        b'{"file_key": null}\n',
        b'{"file_key": "AAECAwQFBgcICQoLDA0ODw==", "error": "opening_refused"}\n',
        b'{"error": "opening_unavailable"}\n',
        b"x" * 10_000 + b"\n",
    ],
)
def test_any_other_answer_is_no_key(
    listening: Callable[[bytes], tuple[SocketOpener, list[bytes]]], answer: bytes
) -> None:
    opener, _ = listening(answer)
    with pytest.raises(OpeningUnavailable):
        opener.file_key(**ASK)


def test_an_opener_that_is_away_is_no_key(tmp_path: Path) -> None:
    opener = SocketOpener(tmp_path / "nothing.sock", timeout_s=0.2)
    with pytest.raises(OpeningUnavailable):
        opener.file_key(**ASK)
    with pytest.raises(OpeningUnavailable):
        opener.check()


def test_an_opener_that_never_answers_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "silent.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(path))
        server.listen(1)
        with pytest.raises(OpeningUnavailable):
            SocketOpener(path, timeout_s=0.2).file_key(**ASK)
