"""Asks the other processes of the same server to let go of an upload: a phone that returns may meet any of them.

Rules: nothing here decides anything, the database does; what cannot be asked, or does not answer in time, only costs
the phone what had not been acknowledged. Processes find each other as children of one parent, and speak through
datagrams of abstract Unix sockets, which vanish with their processes; a question from another user is not heard.
"""

import contextlib
import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import structlog

from intake import holds
from intake.holds import Holds

log = structlog.get_logger(__name__)

QUESTION = 64
"""Most bytes of a question: an upload's id."""
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid: unix(7), SCM_CREDENTIALS


class Siblings:
    """The processes beside this one."""

    def __init__(self, held: Holds) -> None:
        """Remember the holds of this process; `listen` makes others hear of them."""
        self._holds = held

    def listen(self) -> None:
        """Answer the others from now on, in a thread of its own. Without a socket this process is not asked."""
        ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            ear.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            ear.bind(_address(os.getpid()))
        except OSError:
            ear.close()
            log.warning("siblings_cannot_ask")
            return
        threading.Thread(target=self._answer, args=(ear,), name="siblings", daemon=True).start()

    def let_go(self, upload_id: str) -> bool:
        """Ask the others to let go of an upload and wait for them a while. False when none of them held it."""
        until = time.monotonic() + holds.LETTING_GO
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as mouth:
            mouth.bind("")  # the kernel picks a free abstract address, for the answers
            asked = sum(_said(mouth, _address(pid), upload_id.encode()) for pid in _others())
            held = False
            with contextlib.suppress(TimeoutError):
                for _ in range(asked):
                    mouth.settimeout(max(0.001, until - time.monotonic()))
                    held |= mouth.recv(1) == b"1"
        return held

    def _answer(self, ear: socket.socket) -> None:
        while True:
            question, ancillary, _, asker = ear.recvmsg(QUESTION, socket.CMSG_SPACE(_CREDENTIALS.size))
            if asker and _uid_of(ancillary) == os.geteuid():
                self._holds.ask(question.decode("ascii", "replace"), _answering(ear, asker))


def _answering(ear: socket.socket, asker: bytes) -> holds.Told:
    def told(held: bool) -> None:
        _said(ear, asker, b"1" if held else b"0")

    return told


def _said(through: socket.socket, to: bytes, what: bytes) -> bool:
    try:
        return through.sendto(what, socket.MSG_DONTWAIT, to) > 0
    except OSError:
        return False  # nobody listens there, or nobody any longer


def _others() -> Iterator[int]:
    parent = os.getppid()
    try:
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    except OSError:
        return
    yield from (pid for pid in map(int, children.split()) if pid != os.getpid())


def _address(pid: int) -> bytes:
    return f"\0resguardo-uploads-{os.getppid()}-{pid}".encode()


def _uid_of(ancillary: list[tuple[int, int, bytes]]) -> int | None:
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
            return int(_CREDENTIALS.unpack(data)[1])
    return None
