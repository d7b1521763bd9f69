"""How long a connection may be waited for: the deadlines of heads and bodies, the slowest upload, an end on demand."""

import contextlib
import socket
import ssl
import threading
import time

from gunicorn.http.body import LengthReader
from gunicorn.http.errors import NoMoreData
from gunicorn.http.unreader import SocketUnreader

TICK = 0.5
"""Seconds after which whoever waits for a client takes what came, or looks whether it should go on."""
AT_ONCE = 64 * 1024
"""Bytes that are waited for together: a slow phone's packets come one by one, and each would wake a thread."""
LAST_SECONDS = 1.5
"""For reading what came before a stop: a client that goes on sending is not listened to for longer."""


class Pace(SocketUnreader):  # type: ignore[misc]
    """Reads a connection, and refuses to wait for it longer than was allowed."""

    def __init__(self, connection: socket.socket) -> None:
        """Read from `connection`; nothing is allowed yet."""
        super().__init__(connection)
        self._head = True
        self._until = self._silence = self._window = float("inf")
        self._slowest = 0
        self._waited, self._came = 0.0, 0
        self._stopped = False
        self._at_once = 1

    def allow(self, seconds: float, *, silence: float = float("inf"), head: bool = False) -> None:
        """Let what follows take `seconds` in all, and `silence` without a byte."""
        self._until, self._silence, self._head = time.monotonic() + seconds, silence, head
        self._window = float("inf")

    def keep_up(self, *, silence: float, slowest: int, window: float) -> None:
        """Let what follows take as long as it needs, while bytes come: `slowest` a second over each `window` seconds.

        Only time spent waiting counts, so that nobody is slow because this process was busy.
        """
        self._until, self._silence, self._head = float("inf"), silence, False
        self._slowest, self._window = slowest, window
        self._waited, self._came = 0.0, 0

    def piece(self, most: int) -> bytes:
        """Return at most `most` bytes as they come, b"" at the end of the connection. Raises as `chunk` does."""
        came = self.take_buffered()
        if len(came) > most:
            self.unread(came[most:])
        return bytes(came[:most]) or self.chunk(most)

    def wait_for(self, size: int) -> None:
        """Sleep until so many bytes are there, or until a tick is over. Set it to 1 when a body ends."""
        if size != self._at_once and not isinstance(self.sock, ssl.SSLSocket):
            self._at_once = size
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, size)

    def stop(self) -> None:
        """End the waiting for more, from any thread: what is here already is read, then it is too late."""
        self._until = min(self._until, time.monotonic() + LAST_SECONDS)
        self._stopped = True

    def chunk(self, size_hint: int | None = None) -> bytes:
        """Receive once. Raises TimeoutError when too late or too slow (NoMoreData while in the head)."""
        started = time.monotonic()
        left = min(self._silence, self._until - started)
        if self._waited > self._window:
            if self._came < self._slowest * self._waited:
                left = 0.0
            self._waited, self._came = 0.0, 0
        try:
            found = self._receive(left, size_hint)
        except TimeoutError:
            if self._head:
                raise NoMoreData from None
            raise
        self._waited += time.monotonic() - started
        self._came += len(found)
        return found

    def _receive(self, seconds: float, size_hint: int | None) -> bytes:
        before = self.sock.gettimeout()
        until = time.monotonic() + min(seconds, threading.TIMEOUT_MAX if before is None else before)
        try:
            while (left := until - time.monotonic()) > 0:
                self.sock.settimeout(min(left, TICK))
                with contextlib.suppress(TimeoutError):
                    return bytes(super().chunk(size_hint))
                if self._at_once > 1 and (came := self._what_is_here(size_hint)):
                    return came
                if self._stopped:
                    break
            raise TimeoutError
        finally:
            self.sock.settimeout(before)

    def _what_is_here(self, size_hint: int | None) -> bytes:
        """Return what came and was not enough to wake for; b"" when nothing did."""
        self.sock.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            return bytes(super().chunk(size_hint))
        return b""


class PacedReader(LengthReader):  # type: ignore[misc]
    """A body of known length."""

    @property
    def pace(self) -> Pace:
        """Return what watches its connection."""
        found: Pace = self.unreader
        return found

    def piece(self, most: int) -> bytes:
        """Return at most `most` bytes as they come, without a copy; b"" at the end of the body.

        Raises TimeoutError when too late or too slow, ConnectionResetError when the connection ends first.
        """
        if not self.length:
            return b""
        self.pace.wait_for(min(AT_ONCE, most, self.length))
        came = self.pace.piece(min(most, self.length))
        if not came:
            raise ConnectionResetError
        self.length -= len(came)
        if not self.length:
            self.pace.wait_for(1)
        return came
