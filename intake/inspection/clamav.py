"""clamd over its unix socket: one connection for each question, one deadline for each connection.

Rules: exactly `stream: OK`, or `fd[N]: OK` of a file that was handed over, is clean; limits and encryption that clamd
reports as heuristics mean "not examined"; silence, an error, a cut connection or any other reply is
`ScannerUnavailable`. Only the socket comes from the `clamd` package: its own stream command sends 1 KiB at a time,
without `sendall` and without a deadline.
"""

import os
import re
import select
import socket
import struct
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import clamd

from intake.inspection.limits import SCAN_BYTES_PER_SECOND, SCAN_SECONDS
from intake.inspection.memory import Memory
from intake.inspection.scanning import Outcome, ScannerVersion, ScanResult
from intake.inspection.verdicts import ScannerUnavailable

CHUNK = 256 * 1024
REPLY_BYTES = 4096
COMMAND_SECONDS = 10.0
LIMITS = "Heuristics.Limits."
ENCRYPTED = "Heuristics.Encrypted."

_FILE = re.compile(r"fd\[[0-9]{1,9}\]")
_FOUND = re.compile(r"stream: ([\x21-\x7e]{1,200}) FOUND")
_VERSION = re.compile(r"(ClamAV [0-9A-Za-z.+~-]{1,40})(?:/([0-9]{1,9})/([A-Za-z0-9: ]{1,40}))?")


class _Connection(clamd.ClamdUnixSocket):  # type: ignore[misc]
    """One connection of the `clamd` package, driven with `sendall`, `select` and a deadline."""

    def __init__(self, path: str, seconds: float) -> None:
        super().__init__(path=path, timeout=seconds)
        self._deadline = time.monotonic() + seconds
        self._init_socket()

    def _init_socket(self) -> None:
        """Connect within the deadline (the package would wait for ever on a full queue) and leave nothing open."""
        self._socket = self.clamd_socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(self._left())
            self._socket.connect(self.unix_socket)
        except BaseException:
            self._socket.close()
            raise

    def close(self) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.settimeout(self._left())
        self._socket.sendall(data)

    def hand_over(self, descriptor: int) -> None:
        """Give clamd a memory file to read, with a position of its own: others read it at the same time."""
        self.send(b"zFILDES\0")
        own = os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            socket.send_fds(self._socket, [b"\0"], [own])
        finally:
            os.close(own)

    def has_answered(self) -> bool:
        """True when clamd says something before it was told everything: it will not listen any longer."""
        return bool(select.select([self._socket], [], [], 0)[0])

    def reply(self) -> str:
        """Return the one reply, ended by NUL. Raises ScannerUnavailable when it is cut, too long or not ASCII."""
        received = b""
        while not received.endswith(b"\0"):
            self._socket.settimeout(self._left())
            piece = self._socket.recv(REPLY_BYTES)
            if not piece or len(received) > REPLY_BYTES:
                raise ScannerUnavailable("the reply was cut or endless")
            received += piece
        return received[:-1].decode("ascii")

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise ScannerUnavailable("no reply in time")
        return left


class ClamdScanner:
    """The clamd that listens on a unix socket. Holds no connection; safe for several threads."""

    def __init__(
        self,
        socket_path: str,
        *,
        scan_seconds: float = SCAN_SECONDS,
        bytes_per_second: int = SCAN_BYTES_PER_SECOND,
        command_seconds: float = COMMAND_SECONDS,
    ) -> None:
        """Allow a scan `scan_seconds` plus one second for each `bytes_per_second`, from connecting to the reply."""
        self._path = socket_path
        self._scan_seconds = scan_seconds
        self._bytes_per_second = bytes_per_second
        self._command_seconds = command_seconds

    def scan(self, chunks: Iterable[bytes], size: int) -> ScanResult:
        """Scan exactly `size` bytes (INSTREAM, clamd(8)). Raises ScannerUnavailable unless clamd judged all of them."""
        with self._connected(self._scan_seconds + size / self._bytes_per_second) as connection:
            sent = _stream(connection, chunks)
            reply = connection.reply()
        result = _understood(reply)
        if result.outcome is Outcome.CLEAN and sent != size:
            raise ScannerUnavailable("clean was said of an incomplete stream")
        return result

    def scan_file(self, document: Memory) -> ScanResult:
        """Have clamd read a document in sealed memory where it lies (FILDES): no copy through a socket and its spool.

        A clamd that cannot read it there (AppArmor, or another kernel) says ERROR and is sent the bytes. Raises
        ScannerUnavailable unless clamd judged all of them.
        """
        with self._connected(self._scan_seconds + document.size / self._bytes_per_second) as connection:
            connection.hand_over(document.descriptor)
            reply = connection.reply()
        if reply.endswith(" ERROR"):
            return self.scan(document.chunks(), document.size)
        name, colon, said = reply.partition(":")
        if not colon or _FILE.fullmatch(name) is None:
            raise ScannerUnavailable("a reply that is no verdict")
        return _understood(f"stream:{said}")

    def ping(self) -> None:
        """Return when clamd answers PONG. Raises ScannerUnavailable otherwise."""
        if self._command(b"zPING\0") != "PONG":
            raise ScannerUnavailable("no PONG")

    def version(self) -> ScannerVersion:
        """Return the engine and, where an official database is loaded, its number and date.

        Raises ScannerUnavailable.
        """
        found = _VERSION.fullmatch(self._command(b"zVERSION\0").strip())
        if found is None:
            raise ScannerUnavailable("no version")
        engine, number, built = found.groups()
        if number is None:
            return ScannerVersion(engine=engine, signatures="local", signatures_at=None)
        return ScannerVersion(engine=engine, signatures=number, signatures_at=_built_at(built))

    def reload(self) -> None:
        """Ask clamd to load its signatures again. Raises ScannerUnavailable unless it agrees."""
        if self._command(b"zRELOAD\0") != "RELOADING":
            raise ScannerUnavailable("no reload")

    def _command(self, command: bytes) -> str:
        with self._connected(self._command_seconds) as connection:
            connection.send(command)
            return connection.reply()

    @contextmanager
    def _connected(self, seconds: float) -> Iterator[_Connection]:
        try:
            connection = _Connection(self._path, seconds)
        except OSError as error:
            raise ScannerUnavailable("clamd cannot be reached") from error
        try:
            yield connection
        except (OSError, UnicodeDecodeError) as error:
            raise ScannerUnavailable("the connection to clamd broke") from error
        finally:
            connection.close()


def _stream(connection: _Connection, chunks: Iterable[bytes]) -> int:
    """Send the chunks until clamd answers early; return how many bytes it was sent."""
    connection.send(b"zINSTREAM\0")
    sent = 0
    for chunk in chunks:
        for start in range(0, len(chunk), CHUNK):
            if connection.has_answered():
                return sent
            piece = chunk[start : start + CHUNK]
            connection.send(struct.pack("!I", len(piece)) + piece)
            sent += len(piece)
    connection.send(struct.pack("!I", 0))
    return sent


def _understood(untrusted_reply: str) -> ScanResult:
    if untrusted_reply == "stream: OK":
        return ScanResult(outcome=Outcome.CLEAN)
    found = _FOUND.fullmatch(untrusted_reply)
    if found is None:
        raise ScannerUnavailable("a reply that is no verdict")
    threat = found.group(1)
    if threat.startswith(LIMITS):
        return ScanResult(outcome=Outcome.LIMITS, threat=threat)
    if threat.startswith(ENCRYPTED):
        return ScanResult(outcome=Outcome.ENCRYPTED, threat=threat)
    return ScanResult(outcome=Outcome.INFECTED, threat=threat)


def _built_at(untrusted_text: str) -> datetime:
    """Read clamd's date, e.g. `Sat Nov 21 09:26:41 2026`, which it prints in its own zone; ours runs in UTC."""
    try:
        return datetime.strptime(untrusted_text, "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC)
    except ValueError as error:
        raise ScannerUnavailable("no date of the signatures") from error
