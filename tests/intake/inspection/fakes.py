"""Stand-ins for clamd: one that misbehaves on a real unix socket, and scanners that answer from memory."""

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from intake.inspection.memory import Memory
from intake.inspection.scanning import Outcome, ScannerVersion, ScanResult
from intake.inspection.verdicts import ScannerUnavailable

Behaviour = Callable[[socket.socket], None]


@contextmanager
def a_clamd_that(behaves: Behaviour, directory: Path) -> Iterator[str]:
    """Serve each connection with `behaves` and yield the socket's path."""
    path = str(directory / "fake.sock")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        stopping = threading.Event()

        def serve() -> None:
            while not stopping.is_set():
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(10)
                    try:
                        behaves(connection)
                    except OSError:
                        continue

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield path
        finally:
            stopping.set()
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def read_stream(connection: socket.socket) -> bytes:
    """Read one INSTREAM to its terminating zero."""
    with connection.makefile("rb") as incoming:
        assert incoming.read(10) == b"zINSTREAM\0"
        content = b""
        while size := int.from_bytes(incoming.read(4), "big"):
            content += incoming.read(size)
        return content


def answering(reply: bytes) -> Behaviour:
    """Read everything, answer, close."""

    def behave(connection: socket.socket) -> None:
        read_stream(connection)
        connection.sendall(reply)

    return behave


def taking_files(reply: bytes) -> Behaviour:
    """Take a file over, answer with its content where the reply has room for it, close."""

    def behave(connection: socket.socket) -> None:
        assert connection.recv(8) == b"zFILDES\0"
        _, (descriptor,), _, _ = socket.recv_fds(connection, 1, 1)
        with open(descriptor, "rb") as file:
            assert file.read() == b"photo" * 200_000
        connection.sendall(reply)

    return behave


def refusing_files(behave: Behaviour) -> Behaviour:
    """Say ERROR to a file, as a clamd that may not read it, and do `behave` on a connection for bytes."""

    def choose(connection: socket.socket) -> None:
        if connection.recv(8, socket.MSG_PEEK) == b"zFILDES\0":
            connection.recv(8)
            connection.recv(1)
            connection.sendall(b"fd[10]: File path check failure ERROR\0")
        else:
            behave(connection)

    return choose


def hanging(seconds: float) -> Behaviour:
    """Read everything, then say nothing."""

    def behave(connection: socket.socket) -> None:
        read_stream(connection)
        connection.settimeout(seconds)
        connection.recv(1)

    return behave


def trickling(reply: bytes, pause: float) -> Behaviour:
    """Answer one byte at a time."""

    def behave(connection: socket.socket) -> None:
        read_stream(connection)
        for byte in reply:
            connection.sendall(bytes([byte]))
            time.sleep(pause)

    return behave


def not_reading(seconds: float) -> Behaviour:
    """Accept, never read."""

    def behave(connection: socket.socket) -> None:
        threading.Event().wait(seconds)

    return behave


VERSION = ScannerVersion(engine="Fake 1", signatures="local", signatures_at=None)


class FakeScanner:
    """Answers what it was told; finds `threat` wherever `marker` stands in the stream."""

    def __init__(
        self, outcome: Outcome = Outcome.CLEAN, threat: str | None = None, marker: bytes | None = None
    ) -> None:
        self.outcome = outcome
        self.threat = threat
        self.marker = marker
        self.streams: list[bytes] = []

    def scan(self, chunks: Iterable[bytes], size: int) -> ScanResult:
        content = b"".join(chunks)
        assert len(content) == size
        self.streams.append(content)
        if self.marker is not None:
            found = self.marker in content
            return ScanResult(outcome=Outcome.INFECTED, threat="Marker") if found else ScanResult(outcome=Outcome.CLEAN)
        return ScanResult(outcome=self.outcome, threat=self.threat)

    def scan_file(self, document: Memory) -> ScanResult:
        return self.scan(document.chunks(), document.size)

    def version(self) -> ScannerVersion:
        return VERSION

    def ping(self) -> None:
        return


class ReloadingScanner(FakeScanner):
    """Says the versions it was given, one after another; the last one stays."""

    def __init__(self, *versions: ScannerVersion) -> None:
        super().__init__()
        self.versions = list(versions)

    def version(self) -> ScannerVersion:
        return self.versions.pop(0) if len(self.versions) > 1 else self.versions[0]


class SilentScanner(FakeScanner):
    """Is there for the version, and gone for the scan."""

    def scan(self, chunks: Iterable[bytes], size: int) -> ScanResult:
        raise ScannerUnavailable("gone")
