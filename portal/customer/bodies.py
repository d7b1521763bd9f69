"""Request bodies as chunks: read as they come, ended politely when refused, cut when they stand still."""

import contextlib
import socket
import time
from collections.abc import Iterator
from typing import IO, Any

from flask import request
from werkzeug.exceptions import ClientDisconnected

from intake.errors import BodyCut

CHUNK = 256 * 1024
UNBOUNDED = 2**62
IDLE_SECONDS = 30.0
"""A body that sends nothing for so long is cut; what had arrived is kept."""
SLOWEST = 1024
"""Bytes a second that a body must reach, measured over a minute."""
WINDOW_SECONDS = 60.0
DRAIN_BYTES = 64 * 1024 * 1024
DRAIN_SECONDS = 10.0
DRAIN_SILENCE = 1.0


def body_chunks() -> Iterator[bytes]:
    """Yield the body of the running request. Raises BodyCut when it ends before it should, or stalls."""
    stream = _stream()
    _limit_silence(IDLE_SECONDS)
    since, counted = time.monotonic(), 0
    while True:
        try:
            chunk = stream.read(CHUNK)
        except (ClientDisconnected, OSError):
            yield from _buffered(stream)
            raise BodyCut("connection") from None
        if not chunk:
            return
        yield chunk
        counted += len(chunk)
        waited = time.monotonic() - since
        if waited > WINDOW_SECONDS:
            if counted < SLOWEST * waited:
                raise BodyCut("too slow")
            since, counted = time.monotonic(), 0


def drain() -> None:
    """Read on for a bounded while, so that the browser stops sending and sees the answer."""
    stream, left, until = _stream(), DRAIN_BYTES, time.monotonic() + DRAIN_SECONDS
    _limit_silence(DRAIN_SILENCE)
    with contextlib.suppress(ClientDisconnected, OSError):
        while left > 0 and time.monotonic() < until and (chunk := stream.read(CHUNK)):
            left -= len(chunk)


def _stream() -> IO[bytes]:
    request.max_content_length = UNBOUNDED  # counted against the upload's own limit, chunk by chunk
    return request.stream


def _buffered(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield what the server had read ahead of a connection that went silent: reads of every size that still succeed."""
    if request.content_length is None:
        return
    _limit_silence(0.0)
    size = CHUNK // 2
    while size:
        with contextlib.suppress(ClientDisconnected, OSError):
            if chunk := stream.read(size):
                yield chunk
        size //= 2


def _limit_silence(seconds: float) -> None:
    connection: Any = request.environ.get("gunicorn.socket")
    if isinstance(connection, socket.socket):
        connection.settimeout(seconds)
