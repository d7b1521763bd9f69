"""The trusted side of the sandbox: hands one sealed document to a child of the zygote and reads back clamped integers.

Rules: nothing is parsed on this side; what comes back is checked against the limits before it is used; a lost zygote
or an answer out of turn is `SandboxUnavailable`, a document that breaks its child's limits is `SCAN_LIMITS`; there is
no way around the sandbox.
"""

import os
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from intake.inspection.limits import GRACE_SECONDS, Limits
from intake.inspection.memory import Memory, read_chunks
from intake.inspection.sandboxed.wire import (
    GO_ON,
    MIMES,
    REASONS,
    RECORD,
    End,
    Job,
    Kind,
    Request,
    read_record,
    read_remarks,
)
from intake.inspection.verdicts import DRAWABLE, Mime, PreviewFailed, Reason, Remark, SandboxUnavailable
from intake.inspection.zygotes import Zygote

MOST_PARTS = 2100
"""More than the limits let any document have."""

PROBE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a49444154789c63680000008200"
    "8177cd72b60000000049454e44ae426082"
)
"""A grey PNG of one pixel: what a working sandbox judges at once."""

Numbers = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A piece of the document that must be scanned by itself: an attachment, or the document without its encryption."""

    offset: int
    size: int
    is_decrypted_copy: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What the child found. `output` holds the parts; it is open only inside `Sandbox.examined`."""

    reason: Reason
    mime: Mime | None
    pages: int
    width: int
    height: int
    remarks: tuple[Remark, ...] = ()
    parts: tuple[Part, ...] = ()
    output: int = -1

    def chunks(self, part: Part) -> Iterator[bytes]:
        """Yield the bytes of one part."""
        return read_chunks(self.output, part.offset, part.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Jpeg:
    """A photo as a page of a PDF shows it: a JPEG without metadata, to be turned by its EXIF `orientation` (1 to 8)."""

    size: int
    width: int
    height: int
    components: int
    orientation: int
    output: int

    def chunks(self) -> Iterator[bytes]:
        """Yield its bytes; only inside `Sandbox.embedded`."""
        return read_chunks(self.output, 0, self.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class RawPage:
    """One drawn page: 8-bit RGB rows, top to bottom, without padding."""

    number: int
    width: int
    height: int
    pixels: bytes


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
                untrusted, sizes = _collect(child)
            yield _judged(untrusted, sizes, output, limits)

    def pages(self, document: Memory, mime: Mime, limits: Limits) -> Iterator[RawPage]:
        """Yield the drawn pages one by one.

        Raises PreviewFailed when the document cannot be drawn, SandboxUnavailable.
        """
        request = Request(job=Job.RENDER, suffix="", mime=mime, limits=limits)
        with _memory() as output, self._child(request, document, output) as child:
            expected = 1
            for kind, numbers in child.records():
                if kind is Kind.ENDED:
                    _raise_unless_finished(numbers, expected - 1)
                    return
                page, width, height = numbers[:3]
                if kind is not Kind.PAGE or page != expected or page > limits.preview_pages:
                    raise SandboxUnavailable("page out of turn")
                if not (0 < width <= limits.preview_side and 0 < height <= limits.preview_side):
                    raise SandboxUnavailable("page out of bounds")
                pixels = b"".join(read_chunks(output, 0, _within(width * height * 3, output)))
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
                untrusted = _only_jpeg(child)
            yield None if untrusted is None else embedded(untrusted, output, limits)

    @contextmanager
    def _child(self, request: Request, document: Memory, output: int) -> Iterator["_Child"]:
        with self._slots:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with ours:
                with theirs:
                    zygote = self._send(request, [document.descriptor, output, theirs.fileno()])
                yield _Child(ours, zygote, time.monotonic() + request.wall_seconds + GRACE_SECONDS)

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


class _Child:
    """The reply socket of one child, read with one deadline for everything."""

    def __init__(self, replies: socket.socket, zygote: Zygote, deadline: float) -> None:
        self._replies = replies
        self._zygote = zygote
        self._deadline = deadline

    def records(self) -> Iterator[tuple[Kind, Numbers]]:
        """Yield records up to and including ENDED. Raises SandboxUnavailable on silence, nonsense or a lost child."""
        kind: Kind | None = None
        while kind is not Kind.ENDED:
            left = self._deadline - time.monotonic()
            if left <= 0 or not select.select([self._replies], [], [], left)[0]:
                self._replies.close()  # its guardian sees that and kills this child; the others go on
                self._zygote.silent()
                raise SandboxUnavailable("no answer in time")
            try:
                kind, numbers = read_record(self._replies.recv(RECORD.size + 1))
            except (OSError, ValueError) as error:
                raise SandboxUnavailable("no sensible answer") from error
            if kind is Kind.ENDED:
                self._zygote.answered()
            yield kind, numbers

    def go_on(self) -> None:
        """Let the child draw its next page over the last one. A child that is gone shows at the next record."""
        try:
            self._replies.send(GO_ON)
        except OSError as error:
            raise SandboxUnavailable("the child was lost") from error


def _collect(child: _Child) -> tuple[Numbers | None, list[Numbers]]:
    """Return the EXAMINED record and the PART records; None when the document broke its child."""
    examined: Numbers | None = None
    parts: list[Numbers] = []
    for kind, numbers in child.records():
        match kind:
            case Kind.PART if examined is None and len(parts) < MOST_PARTS:
                parts.append(numbers)
            case Kind.EXAMINED if examined is None:
                examined = numbers
            case Kind.ENDED if numbers[0] == End.FINISHED:
                if examined is None:
                    raise SandboxUnavailable("ended without an answer")
            case Kind.ENDED if numbers[0] in (End.OVER_LIMITS, End.CRASHED):
                examined = None
            case _:
                raise SandboxUnavailable("answer out of turn, or starved")
    return examined, parts


def _judged(untrusted: Numbers | None, untrusted_parts: list[Numbers], output: int, limits: Limits) -> Examination:
    if untrusted is None:
        return Examination(reason=Reason.SCAN_LIMITS, mime=None, pages=0, width=0, height=0)
    reason_index, mime_index, pages, width, height, count, bits = untrusted
    if reason_index >= len(REASONS) or mime_index >= len(MIMES) or count != len(untrusted_parts):
        raise SandboxUnavailable("answer out of bounds")
    reason, mime = REASONS[reason_index], MIMES[mime_index]
    try:
        remarks = read_remarks(bits)
    except ValueError as error:
        raise SandboxUnavailable("answer out of bounds") from error
    fewest = 1 if mime in DRAWABLE else 0
    fits = fewest <= pages <= limits.pages and width * height <= limits.pixels
    if reason is Reason.EXAMINED and (mime is None or not fits):
        raise SandboxUnavailable("answer against the limits")
    parts: list[Part] = []
    offset = 0
    for size, kind, *_ in untrusted_parts:
        parts.append(Part(offset=offset, size=size, is_decrypted_copy=bool(kind)))
        offset += size
    _within(offset, output)
    return Examination(
        reason=reason,
        mime=mime,
        pages=pages,
        width=width,
        height=height,
        remarks=remarks,
        parts=tuple(parts),
        output=output,
    )


def _only_jpeg(child: _Child) -> Numbers | None:
    """Return the JPEG record; None when the photo broke its child."""
    made: Numbers | None = None
    for kind, numbers in child.records():
        match kind:
            case Kind.JPEG if made is None:
                made = numbers
            case Kind.ENDED if numbers[0] == End.FINISHED and made is not None:
                return made
            case Kind.ENDED if numbers[0] in (End.OVER_LIMITS, End.CRASHED):
                return None
            case _:
                raise SandboxUnavailable("answer out of turn, or starved")
    raise SandboxUnavailable("ended without an answer")


def embedded(untrusted: Numbers, output: int, limits: Limits) -> Jpeg:
    """Return what a JPEG record tells, within bounds. Raises SandboxUnavailable for a child that lies."""
    size, width, height, components, orientation = untrusted[:5]
    sound = size > 0 and width > 0 and height > 0 and width * height <= limits.pixels and components in (1, 3)
    if not sound:
        raise SandboxUnavailable("answer out of bounds")
    return Jpeg(
        size=_within(size, output),
        width=width,
        height=height,
        components=components,
        orientation=orientation if orientation in range(1, 9) else 1,
        output=output,
    )


def _within(size: int, output: int) -> int:
    if size > os.fstat(output).st_size:
        raise SandboxUnavailable("less output than announced")
    return size


def _raise_unless_finished(numbers: Numbers, drawn: int) -> None:
    if numbers[0] == End.STARVED:
        raise SandboxUnavailable("starved")
    if numbers[0] != End.FINISHED or drawn == 0:
        raise PreviewFailed(f"drawing ended after {drawn} pages")
