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
        return TypeJudgement(mime=None, reason=Reason.UNKNOWN_TYPE)
    if magic.from_buffer(untrusted_head, mime=True) not in LIBMAGIC_NAMES[mime]:
        return TypeJudgement(mime=None, reason=Reason.UNKNOWN_TYPE)
    allowed = PDF_SUFFIXES if mime is Mime.PDF else IMAGE_SUFFIXES
    if suffix and suffix not in allowed:
        return TypeJudgement(mime=mime, reason=Reason.EXTENSION_MISMATCH)
    return TypeJudgement(mime=mime, reason=Reason.EXAMINED)


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
