"""Which of the accepted types a file is: its first bytes, libmagic and its name must agree.

Rules: the signature stands at byte 0 (a PDF behind anything else is refused); libmagic must see the same type; a name
may lie between two image types, never about anything else. Runs inside the sandbox only: libmagic parses hostile bytes.
"""

from dataclasses import dataclass

import magic

from intake.inspection.verdicts import Mime, Reason

HEAD_BYTES = 64 * 1024
"""What libmagic is given to look at."""

HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
"""Major brands of ISO/IEC 23008-12 that are coded with HEVC.

`mif1`/`msf1` must list one of the first six as compatible.
"""

HEVC_BRANDS = HEIF_BRANDS - {b"mif1", b"msf1"}
AVIF_BRANDS = frozenset({b"avif", b"avis"})

LIBMAGIC_NAMES: dict[Mime, frozenset[str]] = {
    Mime.JPEG: frozenset({"image/jpeg"}),
    Mime.PNG: frozenset({"image/png", "image/apng", "image/vnd.mozilla.apng"}),
    Mime.WEBP: frozenset({"image/webp"}),
    Mime.HEIC: frozenset({"image/heic", "image/heif", "image/heic-sequence", "image/heif-sequence"}),
    Mime.PDF: frozenset({"application/pdf"}),
}

ZIP = b"PK\x03\x04"
ARCHIVES = (
    ZIP,
    b"PK\x05\x06",
    b"Rar!\x1a\x07",
    b"7z\xbc\xaf\x27\x1c",
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ\0",
    b"\x28\xb5\x2f\xfd",
    b"MSCF\0\0\0\0",
    b"\x60\xea",
)
"""ZIP, RAR, 7z, gzip, bzip2, xz, zstd, cabinet, ARJ."""

OFFICE = (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"{\\rtf")
"""Before 2007 (and the wrapping of a DOCX with a password), RTF."""

OPEN_DOCUMENT = (b"mimetypeapplication/vnd.oasis", b"mimetypeapplication/vnd.sun")

IMAGE_SUFFIXES = frozenset({"jpg", "jpeg", "jpe", "jfif", "png", "webp", "heic", "heif", "hif"})
PDF_SUFFIXES = frozenset({"pdf"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeJudgement:
    """The accepted type, or the reason why there is none."""

    mime: Mime | None
    reason: Reason


def type_of(untrusted_head: bytes, suffix: str) -> TypeJudgement:
    """Judge the type from the first `HEAD_BYTES` and the extension. Anything not on the list is `UNKNOWN_TYPE`."""
    mime = _signature(untrusted_head)
    if mime is None:
        return TypeJudgement(mime=None, reason=_family(untrusted_head))
    if magic.from_buffer(untrusted_head, mime=True) not in LIBMAGIC_NAMES[mime]:
        return TypeJudgement(mime=None, reason=Reason.UNKNOWN_TYPE)
    allowed = PDF_SUFFIXES if mime is Mime.PDF else IMAGE_SUFFIXES
    if suffix and suffix not in allowed:
        return TypeJudgement(mime=mime, reason=Reason.EXTENSION_MISMATCH)
    return TypeJudgement(mime=mime, reason=Reason.EXAMINED)


def _family(head: bytes) -> Reason:
    """What to tell about a file of no accepted type: a person who sends these can do something about it."""
    if head.startswith(OFFICE) or any(mark in head[:200] for mark in OPEN_DOCUMENT):
        return Reason.OFFICE_DOCUMENT
    return Reason.ARCHIVE if head.startswith(ARCHIVES) or head[257:262] == b"ustar" else Reason.UNKNOWN_TYPE


def _signature(head: bytes) -> Mime | None:
    if head.startswith(b"\xff\xd8\xff"):
        return Mime.JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return Mime.PNG
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return Mime.WEBP
    if head.startswith(b"%PDF-"):
        return Mime.PDF
    if head[4:8] == b"ftyp" and _is_heif(head):
        return Mime.HEIC
    return None


def _is_heif(head: bytes) -> bool:
    size = int.from_bytes(head[:4], "big")
    if not 16 <= size <= 512:
        return False
    major, compatible = head[8:12], {head[at : at + 4] for at in range(16, size, 4)}
    if major in AVIF_BRANDS or compatible & AVIF_BRANDS:
        return False
    return major in HEVC_BRANDS or (major in HEIF_BRANDS and bool(compatible & HEVC_BRANDS))
