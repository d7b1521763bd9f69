"""Request bodies as chunks: read as they come, ended politely when refused, cut when they stand still or crawl."""

import contextlib
import time
from collections.abc import Callable, Iterator
from functools import partial

from flask import request
from werkzeug.exceptions import ClientDisconnected

from intake.errors import BodyCut, UploadBusy
from portal.customer.visits import desk, visitor
from portal.web.pace import Pace, PacedReader

CHUNK = 256 * 1024
IN_PIECES = 8 * 1024
"""Bytes that are waited for in a body without a length, whose framing hides how many came."""
UNBOUNDED = 2**62
IDLE_SECONDS = 30.0
"""A body that sends nothing for so long is cut; what had arrived is kept."""
SLOWEST = 1024
"""Bytes a second that a body must reach, measured over a minute of waiting for it."""
WINDOW_SECONDS = 60.0
DRAIN_BYTES = 64 * 1024 * 1024
DRAIN_SECONDS = 10.0
DRAIN_SILENCE = 1.0


def body_chunks() -> Iterator[bytes]:
    """Yield the body of the running request. Raises BodyCut when it ends before it should, stalls or is too slow."""
    pace, read = _pace(), _reader()
    if pace is not None:
        pace.keep_up(silence=IDLE_SECONDS, slowest=SLOWEST, window=WINDOW_SECONDS)
    while True:
        try:
            chunk = read()
        except (ClientDisconnected, OSError):
            raise BodyCut("connection") from None
        if not chunk:
            return
        yield chunk


def body_waker() -> Callable[[], None]:
    """Return what ends a wait for the body of the running request; another thread may call it, also too late."""
    pace = _pace()
    return (lambda: None) if pace is None else pace.stop


def drain() -> None:
    """Read on for a bounded while, so that the browser stops sending and sees the answer.

    Counted like any body of the link: of too many at once, the surplus is not read at all.
    """
    pace, read, left, until = _pace(), _reader(), DRAIN_BYTES, time.monotonic() + DRAIN_SECONDS
    if pace is not None:
        pace.allow(DRAIN_SECONDS, silence=DRAIN_SILENCE)
    with contextlib.suppress(ClientDisconnected, OSError, UploadBusy), desk().intake.holds.place(visitor().link_id):
        while left > 0 and time.monotonic() < until and (chunk := read()):
            left -= len(chunk)


def _reader() -> Callable[[], bytes]:
    """Return what reads on in the body: b"" at its end."""
    body = getattr(request.environ["wsgi.input"], "reader", None)
    if isinstance(body, PacedReader):
        return partial(body.piece, CHUNK)
    request.max_content_length = UNBOUNDED  # counted against the upload's own limit, chunk by chunk
    return partial(request.stream.read, IN_PIECES if request.content_length is None else CHUNK)


def _pace() -> Pace | None:
    """Return what watches the connection; None where no worker of ours serves (a client inside a test)."""
    found = getattr(request.environ["wsgi.input"], "pace", None)
    return found if isinstance(found, Pace) else None
