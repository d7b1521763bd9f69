"""Where a file really ends, and whether something else hides in it (polyglots).

Rules: what follows the end of the format must be recognised as harmless (padding, the further JPEGs of a camera, a
phone's own trailer), anything else refuses; a ZIP directory at the end or a PDF header inside an image always refuses.
"""

import re
from collections.abc import Callable
from mmap import mmap

from intake.inspection.verdicts import Mime, Reason

Bytes = bytes | mmap

_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_PADDING = re.compile(rb"[\x00\xff\s]*\Z")
_PROGRAM = re.compile(
    rb"[\x00\xff\s]*(PK\x03\x04|PK\x05\x06|%PDF-|MZ|\x7fELF|Rar!\x1a\x07|7z\xbc\xaf\x27\x1c|\xca\xfe\xba\xbe|#!/)"
)
"""Programs and archives that run or open from where they stand."""

_SCRIPT = re.compile(rb"<script|<html|<\?php", re.IGNORECASE)
PDF_TAIL = 1024
"""Bytes that may follow the last %%EOF (ISO 32000-1, annex H.3.4.4 of the viewers' practice)."""

PDF_HEAD = 64 * 1024
"""Viewers look for a PDF's header in the first 1024 bytes; we look further."""

ZIP_TAIL = 22 + 65535
"""A ZIP's end record and its longest comment (APPNOTE 4.3.16)."""


def ending_of(data: Bytes, mime: Mime) -> Reason:
    """Return `EXAMINED` when the file ends where its format says, else `POLYGLOT` or the damage found."""
    if _has_zip_directory(data) or (mime is not Mime.PDF and b"%PDF-" in data[:PDF_HEAD]):
        return Reason.POLYGLOT
    return _ENDINGS[mime](data)


def jpeg_scan(data: Bytes) -> int:
    """Return where the first entropy-coded byte of a JPEG stands.

    Raises ValueError when the structure breaks before.
    """
    return _walk_jpeg(data, 0, to_the_end=False)


def jpeg_end(data: Bytes, start: int = 0) -> int:
    """Return the place after the EOI of the JPEG that begins at `start`.

    Raises ValueError when it breaks or stops before.
    """
    return _walk_jpeg(data, start, to_the_end=True)


def _walk_jpeg(data: Bytes, start: int, *, to_the_end: bool) -> int:
    """ITU-T T.81, annex B."""
    at, scans = start + 2, 0
    size = len(data)
    if data[start:at] != b"\xff\xd8":
        raise ValueError("no SOI")
    while at + 2 <= size:
        if data[at] != 0xFF:
            raise ValueError("no marker where one must be")
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == 0xD9:
            if not scans:
                raise ValueError("no image before EOI")
            return at + 2
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if length < 2 or marker in (0x00, 0x01, 0xD8) or 0xD0 <= marker <= 0xD7:
            raise ValueError("bad segment")
        at += 2 + length
        if marker == 0xDA:
            scans += 1
            if not to_the_end:
                return at
            at = next_marker(data, at)
    raise ValueError("no EOI")


def next_marker(data: Bytes, at: int) -> int:
    """Return where the entropy-coded bytes from `at` on end. Raises ValueError when they never do."""
    found = _JPEG_MARKER.search(data, at)
    if found is None:
        raise ValueError("no end of scan")
    return found.start()


def _jpeg(data: Bytes) -> Reason:
    try:
        end = jpeg_end(data)
    except ValueError:
        return Reason.IMAGE_DAMAGED
    while end < len(data):
        at = _skip_padding(data, end)
        if data[at : at + 2] != b"\xff\xd8":
            break
        try:
            end = jpeg_end(data, at)  # a second picture: CIPA DC-007 multi-picture format, gain maps
        except ValueError:
            return Reason.POLYGLOT
    tail = data[end:]
    if _PADDING.match(tail) or _is_phone_trailer(tail):
        return Reason.EXAMINED
    return Reason.POLYGLOT


def _is_phone_trailer(tail: bytes) -> bool:
    """Samsung ends with its directory `SEFH ... SEFT`, motion photos append an MP4 whose first box is `ftyp`."""
    known = tail.endswith(b"SEFT") or tail[:128].find(b"ftyp") >= 4
    return known and not _carries(tail)


def _carries(tail: bytes) -> bool:
    """True when a program, an archive or a page's script begins here."""
    return _PROGRAM.match(tail) is not None or _SCRIPT.search(tail) is not None


def _skip_padding(data: Bytes, at: int) -> int:
    while at < len(data) and data[at] in b"\x00\r\n\t ":
        at += 1
    return at


def _png(data: Bytes) -> Reason:
    at = 8
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        kind = data[at + 4 : at + 8]
        at += 12 + length
        if kind == b"IEND":
            return _only_padding(data, at)
    return Reason.IMAGE_DAMAGED


def _webp(data: Bytes) -> Reason:
    end = 8 + int.from_bytes(data[4:8], "little")
    return Reason.IMAGE_DAMAGED if end > len(data) else _only_padding(data, end)


def _heic(data: Bytes) -> Reason:
    at, size = 0, len(data)
    while at + 8 <= size:
        length = int.from_bytes(data[at : at + 4], "big")
        if length == 1:
            length = int.from_bytes(data[at + 8 : at + 16], "big")
        if length < 8 or not _is_box_name(data[at + 4 : at + 8]):
            return _only_padding(data, at) if at else Reason.IMAGE_DAMAGED  # 0, "to the end", could hide anything
        if at + length > size:
            return Reason.POLYGLOT if _carries(data[at : at + PDF_TAIL]) else Reason.IMAGE_DAMAGED
        at += length
    return _only_padding(data, at)


def _is_box_name(name: bytes) -> bool:
    return all(32 <= character < 127 or character == 0xA9 for character in name)


def _pdf(data: Bytes) -> Reason:
    end = data.rfind(b"%%EOF")
    if end < 0:
        return Reason.PDF_DAMAGED
    tail = data[end + 5 : end + 5 + PDF_TAIL + 1]
    if _carries(tail[:PDF_TAIL]):
        return Reason.POLYGLOT
    return Reason.EXAMINED if len(tail) <= PDF_TAIL else Reason.PDF_DAMAGED


def _only_padding(data: Bytes, at: int) -> Reason:
    if len(data) - at > 64 * 1024:
        return Reason.POLYGLOT
    return Reason.EXAMINED if _PADDING.match(data[at:]) else Reason.POLYGLOT


def _has_zip_directory(data: Bytes) -> bool:
    """True when a reader that looks from the end would find a ZIP (and so a JAR, APK or DOCX) here."""
    tail = data[max(0, len(data) - ZIP_TAIL) :]
    at = tail.rfind(b"PK\x05\x06")
    while at >= 0:
        record = tail[at : at + 22]
        if len(record) == 22:
            disks, comment = record[4:8], int.from_bytes(record[20:22], "little")
            directory = int.from_bytes(record[12:16], "little")
            if disks == b"\0\0\0\0" and at + 22 + comment <= len(tail) and directory <= len(data):
                return True
        at = tail.rfind(b"PK\x05\x06", 0, at)
    return False


_ENDINGS: dict[Mime, Callable[[Bytes], Reason]] = {
    Mime.JPEG: _jpeg,
    Mime.PNG: _png,
    Mime.WEBP: _webp,
    Mime.HEIC: _heic,
    Mime.PDF: _pdf,
}
