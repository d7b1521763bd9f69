"""Before starting: nobody else runs this installation, nothing of a killed run is left, the ports are free.

Every process of an installation carries RESGUARDO_STACK=<root> in its environment; what a killed manager left behind
is found by that, never by name.
"""

import errno
import fcntl
import os
import signal
import socket
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from sandbox.launch.errors import LaunchRefused
from sandbox.launch.health import process_alive

MARK = "RESGUARDO_STACK"
PATIENCE = 10.0
"""Seconds between SIGTERM and SIGKILL for what is left of a killed run."""


class Lock:
    """The right to run one installation, held as long as this process lives."""

    def __init__(self, path: Path) -> None:
        """Remember the file; `take` locks it."""
        self._path = path
        self._descriptor: int | None = None

    def take(self) -> None:
        """Take the lock. Raises LaunchRefused when another launcher holds it."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 20).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise LaunchRefused(f"already running here (process {holder}): stop it there with Ctrl-C") from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back. Doing it twice does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def stop_leftovers(root: Path) -> int:
    """End every process that carries the mark of `root` and return how many there were."""
    mark = f"{MARK}={root}".encode()
    found = {pid for pid in _own_processes() if mark in _environment(pid)}
    for number, patience in ((signal.SIGTERM, PATIENCE), (signal.SIGKILL, PATIENCE)):
        for pid in found:
            _send(pid, number)
        _await_end(found, patience)
    return len(found)


def refuse_busy_ports(ports: Iterable[int]) -> None:
    """Raise LaunchRefused for the first port of 127.0.0.1 that something else listens on."""
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                if error.errno == errno.EACCES:
                    raise LaunchRefused(f"port {port} needs root: choose others with PORT_BASE=8700") from None
                raise LaunchRefused(
                    f"port {port} is taken by another program: stop it, or choose others with PORT_BASE=9700 make run"
                ) from None


def _own_processes() -> Iterator[int]:
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            yield int(entry)


def _environment(pid: int) -> frozenset[bytes]:
    try:
        return frozenset(Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"))
    except OSError:
        return frozenset()


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _await_end(pids: Iterable[int], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while any(process_alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
