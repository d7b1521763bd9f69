"""What a sandboxed child answers, read on the trusted side: fixed records of integers, clamped before they are used.

Rules: nothing is parsed here; an answer out of turn, out of bounds or against the limits is `SandboxUnavailable`; a
child that its own document broke is told as such; silence ends with the deadline.
"""

import os
import select
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

from intake.inspection.limits import Limits
from intake.inspection.memory import read_chunks
from intake.inspection.sandboxed.wire import GO_ON, MIMES, REASONS, RECORD, End, Kind, read_record, read_remarks
from intake.inspection.verdicts import DRAWABLE, Mime, PreviewFailed, Reason, Remark, SandboxUnavailable
from intake.inspection.zygotes import Zygote

MOST_PARTS = 2100
"""More than the limits let any document have."""


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


class Child:
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


def collect(child: Child) -> tuple[Numbers | None, list[Numbers]]:
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


def judged(untrusted: Numbers | None, untrusted_parts: list[Numbers], output: int, limits: Limits) -> Examination:
    """Return what the records tell, within the limits. Raises SandboxUnavailable for a child that lies."""
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
    within(offset, output)
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


def only_jpeg(child: Child) -> Numbers | None:
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
        size=within(size, output),
        width=width,
        height=height,
        components=components,
        orientation=orientation if orientation in range(1, 9) else 1,
        output=output,
    )


def within(size: int, output: int) -> int:
    """Return `size` if the output holds so much. Raises SandboxUnavailable."""
    if size > os.fstat(output).st_size:
        raise SandboxUnavailable("less output than announced")
    return size


def raise_unless_finished(numbers: Numbers, drawn: int) -> None:
    """Return when drawing came to its end. Raises SandboxUnavailable or PreviewFailed."""
    if numbers[0] == End.STARVED:
        raise SandboxUnavailable("starved")
    if numbers[0] != End.FINISHED or drawn == 0:
        raise PreviewFailed(f"drawing ended after {drawn} pages")
