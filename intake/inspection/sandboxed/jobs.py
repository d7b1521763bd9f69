"""The jobs of a sandboxed child: examine a document, draw its pages, make a photo fit for a page. Runs inside the
sandbox only."""

import mmap
import os
import socket
from collections.abc import Iterator

from PIL import Image

from intake.inspection.limits import Limits
from intake.inspection.sandboxed import embedding, images, pdfs
from intake.inspection.sandboxed.endings import ending_of
from intake.inspection.sandboxed.wire import MIMES, REASONS, Job, Kind, Request, record, remark_bits
from intake.inspection.types import HEAD_BYTES, type_of
from intake.inspection.verdicts import Mime, Reason, Remark

ATTACHMENT, DECRYPTED = 0, 1
"""Second number of a PART record."""


def prepare() -> None:
    """Load every library once, before the first fork."""
    type_of(b"%PDF-1.4\n%%EOF\n", "pdf")
    images.prepare()
    pdfs.prepare()


def perform(request: Request, document: int, output: int, reply: socket.socket) -> None:
    """Do one job on the memory file `document`; bulk goes to the memory file `output`, records to `reply`."""
    with mmap.mmap(document, 0, prot=mmap.PROT_READ) as data:
        match request.job:
            case Job.EXAMINE:
                _examine(document, data, request, output, reply)
            case Job.RENDER:
                _render(document, data, request, output, reply)
            case Job.EMBED:
                _embed(data, request, output, reply)


def _examine(document: int, data: mmap.mmap, request: Request, output: int, reply: socket.socket) -> None:
    limits = request.limits
    judged = type_of(data[:HEAD_BYTES], request.suffix)
    mime, reason = judged.mime, judged.reason
    pages = width = height = 0
    parts: list[tuple[int, bytes]] = []
    remarks: set[Remark] = set()
    if reason is Reason.EXAMINED and mime is not None:
        reason = Reason.TOO_LARGE if len(data) > _most_bytes(mime, limits) else ending_of(data, mime)
    # A PDF is opened even when its ending already refuses it: what is attached must still be scanned and named.
    if mime is Mime.PDF and reason is not Reason.TOO_LARGE:
        facts = pdfs.examine(document, limits)
        reason = facts.reason if reason is Reason.EXAMINED else reason
        pages, remarks = facts.pages, facts.remarks
        parts = [(ATTACHMENT, part) for part in facts.parts]
        if facts.decrypted is not None:
            parts.append((DECRYPTED, facts.decrypted))
    elif mime is not None and reason is Reason.EXAMINED:
        reason, pages, width, height = images.examine(data, mime, limits)
    for kind, part in parts:
        _write_all(output, part)
        reply.send(record(Kind.PART, len(part), kind))
    numbers = (REASONS.index(reason), MIMES.index(mime), pages, width, height, len(parts), remark_bits(remarks))
    reply.send(record(Kind.EXAMINED, *numbers))


def _render(document: int, data: mmap.mmap, request: Request, output: int, reply: socket.socket) -> None:
    for number, page in enumerate(_pages(document, data, request.mime, request.limits), start=1):
        pixels = page.tobytes()
        os.lseek(output, 0, os.SEEK_SET)
        _write_all(output, pixels)
        reply.send(record(Kind.PAGE, number, page.width, page.height))
        if not reply.recv(1):
            return


def _embed(data: mmap.mmap, request: Request, output: int, reply: socket.socket) -> None:
    mime = type_of(data[:HEAD_BYTES], request.suffix).mime
    if mime is None or mime is Mime.PDF:
        raise ValueError("no photo")
    made = embedding.embed(data, mime, request.limits, output)
    size = os.lseek(output, 0, os.SEEK_END)
    reply.send(record(Kind.JPEG, size, made.width, made.height, made.components, made.orientation))


def _pages(document: int, data: mmap.mmap, mime: Mime | None, limits: Limits) -> Iterator[Image.Image]:
    if mime is None:
        raise ValueError("no type to draw")
    return pdfs.pages_of(document, limits) if mime is Mime.PDF else images.pages_of(data, mime, limits)


def _most_bytes(mime: Mime, limits: Limits) -> int:
    return limits.pdf_bytes if mime is Mime.PDF else limits.image_bytes


def _write_all(output: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(output, view) :]
