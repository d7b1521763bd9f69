"""The jobs of a sandboxed child: examine a document, draw its pages, make a photo fit for a page. Runs inside the
sandbox only."""

import mmap
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

from PIL import Image

from intake.inspection.limits import Limits
from intake.inspection.sandboxed import embedding, images, office, pdfs
from intake.inspection.sandboxed.endings import ending_of
from intake.inspection.sandboxed.wire import MIMES, REASONS, Job, Kind, Request, record, remark_bits
from intake.inspection.types import HEAD_BYTES, ZIP, type_of
from intake.inspection.verdicts import DRAWABLE, Mime, Reason, Remark

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


@dataclass(slots=True, kw_only=True)
class _Found:
    """What the steps found out so far."""

    reason: Reason
    mime: Mime | None
    pages: int = 0
    width: int = 0
    height: int = 0
    parts: list[tuple[int, bytes]] = field(default_factory=list)
    remarks: set[Remark] = field(default_factory=set)


def _examine(document: int, data: mmap.mmap, request: Request, output: int, reply: socket.socket) -> None:
    limits = request.limits
    judged = type_of(data[:HEAD_BYTES], request.suffix)
    found = _Found(reason=judged.reason, mime=judged.mime)
    if found.mime is None:
        _examine_zip(data, request, found)
    elif len(data) > _most_bytes(found.mime, limits):
        found.reason = Reason.TOO_LARGE
    elif found.mime is Mime.PDF:
        _examine_pdf(document, data, limits, found)
    elif found.reason is Reason.EXAMINED:
        _examine_image(data, found.mime, limits, found)
    for kind, part in found.parts:
        _write_all(output, part)
        reply.send(record(Kind.PART, len(part), kind))
    indexes = REASONS.index(found.reason), MIMES.index(found.mime)
    shape = found.pages, found.width, found.height
    reply.send(record(Kind.EXAMINED, *indexes, *shape, len(found.parts), remark_bits(found.remarks)))


def _examine_pdf(document: int, data: mmap.mmap, limits: Limits, found: _Found) -> None:
    """Open it even when its name or its ending already refuses it: what is attached must still be scanned and named."""
    if found.reason is Reason.EXAMINED:
        found.reason = ending_of(data, Mime.PDF)
    facts = pdfs.examine(document, limits)
    found.reason = facts.reason if found.reason is Reason.EXAMINED else found.reason
    found.pages, found.remarks = facts.pages, facts.remarks
    found.parts = [(ATTACHMENT, part) for part in facts.parts]
    if facts.decrypted is not None:
        found.parts.append((DECRYPTED, facts.decrypted))


def _examine_image(data: mmap.mmap, mime: Mime, limits: Limits, found: _Found) -> None:
    found.reason = ending_of(data, mime)
    if found.reason is Reason.EXAMINED:
        found.reason, found.pages, found.width, found.height = images.examine(data, mime, limits)


def _examine_zip(data: mmap.mmap, request: Request, found: _Found) -> None:
    """An archive, or an office document, which is looked into only where it is accepted."""
    if data[: len(ZIP)] != ZIP or not office.is_office(data):
        return
    found.reason = Reason.OFFICE_DOCUMENT
    if not request.limits.accept_office:
        return
    if len(data) > request.limits.pdf_bytes:
        found.reason = Reason.TOO_LARGE
        return
    facts = office.examine(data, request.suffix, request.limits)
    found.reason, found.mime = facts.reason, facts.mime
    found.parts = [(ATTACHMENT, part) for part in facts.parts]


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
    if mime not in DRAWABLE or mime is None:
        raise ValueError("no type to draw")
    return pdfs.pages_of(document, limits) if mime is Mime.PDF else images.pages_of(data, mime, limits)


def _most_bytes(mime: Mime, limits: Limits) -> int:
    return limits.pdf_bytes if mime is Mime.PDF else limits.image_bytes


def _write_all(output: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(output, view) :]
