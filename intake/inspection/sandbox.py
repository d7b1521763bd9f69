"""The trusted side of the sandbox: hands one sealed document to a child of the zygote and reads back clamped integers.

Rules: nothing is parsed on this side; what comes back is checked against the limits before it is used; a lost zygote
or an answer out of turn is `SandboxUnavailable`, a document that breaks its child's limits is `SCAN_LIMITS`; there is
no way around the sandbox.
"""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from intake.inspection.answers import (
    Child,
    Examination,
    Jpeg,
    RawPage,
    collect,
    embedded,
    judged,
    only_jpeg,
    raise_unless_finished,
    within,
)
from intake.inspection.limits import GRACE_SECONDS, Limits
from intake.inspection.memory import Memory, read_chunks
from intake.inspection.sandboxed.wire import Job, Kind, Request
from intake.inspection.verdicts import Mime, Reason, SandboxUnavailable
from intake.inspection.zygotes import Zygote

PROBE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a49444154789c63680000008200"
    "8177cd72b60000000049454e44ae426082"
)
"""A grey PNG of one pixel: what a working sandbox judges at once."""


class Sandbox:
    """A warm zygote behind its walls, started at the first use and again when it was lost. Safe for several threads."""

    def __init__(self, *, children: int = 4) -> None:
        """Run at most `children` documents at a time."""
        self._slots = threading.BoundedSemaphore(children)
        self._starting = threading.Lock()
        self._zygote: Zygote | None = None

    def start(self) -> None:
        """Start the zygote now instead of at the first document.

        Raises SandboxUnavailable when no wall can be built.
        """
        self._living_zygote()

    def works(self) -> bool:
        """Whether a harmless picture gets its judgement now."""
        try:
            with Memory.of([PROBE], len(PROBE)) as picture, self.examined(picture, "png", Limits()) as found:
                return found.reason is Reason.EXAMINED
        except SandboxUnavailable:
            return False

    def close(self) -> None:
        """End the zygote and every child."""
        with self._starting:
            if self._zygote is not None:
                self._zygote.close()
                self._zygote = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def examined(self, document: Memory, suffix: str, limits: Limits) -> Iterator[Examination]:
        """Examine type, ending, structure and decoding. Raises SandboxUnavailable when no judgement was reached."""
        request = Request(job=Job.EXAMINE, suffix=suffix, mime=None, limits=limits)
        with _memory() as output:
            with self._child(request, document, output) as child:
                untrusted, sizes = collect(child)
            yield judged(untrusted, sizes, output, limits)

    def pages(self, document: Memory, mime: Mime, limits: Limits) -> Iterator[RawPage]:
        """Yield the drawn pages one by one.

        Raises PreviewFailed when the document cannot be drawn, SandboxUnavailable.
        """
        request = Request(job=Job.RENDER, suffix="", mime=mime, limits=limits)
        with _memory() as output, self._child(request, document, output) as child:
            expected = 1
            for kind, numbers in child.records():
                if kind is Kind.ENDED:
                    raise_unless_finished(numbers, expected - 1)
                    return
                page, width, height = numbers[:3]
                if kind is not Kind.PAGE or page != expected or page > limits.preview_pages:
                    raise SandboxUnavailable("page out of turn")
                if not (0 < width <= limits.preview_side and 0 < height <= limits.preview_side):
                    raise SandboxUnavailable("page out of bounds")
                pixels = b"".join(read_chunks(output, 0, within(width * height * 3, output)))
                yield RawPage(number=page, width=width, height=height, pixels=pixels)
                expected += 1
                child.go_on()

    @contextmanager
    def embedded(self, photo: Memory, limits: Limits) -> Iterator[Jpeg | None]:
        """Make a photo that was judged clean fit for a page of a PDF; None when that breaks its child's limits.

        Raises SandboxUnavailable when the sandbox gave no answer.
        """
        request = Request(job=Job.EMBED, suffix="", mime=None, limits=limits)
        with _memory() as output:
            with self._child(request, photo, output) as child:
                untrusted = only_jpeg(child)
            yield None if untrusted is None else embedded(untrusted, output, limits)

    @contextmanager
    def _child(self, request: Request, document: Memory, output: int) -> Iterator["Child"]:
        with self._slots:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with ours:
                with theirs:
                    zygote = self._send(request, [document.descriptor, output, theirs.fileno()])
                yield Child(ours, zygote, time.monotonic() + request.wall_seconds + GRACE_SECONDS)

    def _send(self, request: Request, descriptors: list[int]) -> Zygote:
        for _ in range(2):
            zygote = self._living_zygote()
            try:
                zygote.send(request.encode(), descriptors)
            except OSError:
                zygote.close()
            else:
                return zygote
        raise SandboxUnavailable("the zygote does not stay alive")

    def _living_zygote(self) -> Zygote:
        with self._starting:
            if self._zygote is None or not self._zygote.is_alive():
                if self._zygote is not None:
                    self._zygote.close()
                self._zygote = None
                self._zygote = Zygote.start()
            return self._zygote


@contextmanager
def _memory() -> Iterator[int]:
    output = os.memfd_create("output", os.MFD_CLOEXEC)
    try:
        yield output
    finally:
        os.close(output)
