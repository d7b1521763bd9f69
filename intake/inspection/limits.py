"""Bounds of one inspection. Every number is a ceiling: reaching it refuses, it never shortens what is examined."""

from dataclasses import asdict, dataclass, fields

MEBIBYTE = 1 << 20
SCAN_SECONDS = 30.0
SCAN_BYTES_PER_SECOND = 1_000_000
"""The virus scan's own budget, apart from the sandbox's: seconds, plus one for so many bytes."""
SANDBOX_SECONDS = 30
"""What one document may wait for the sandbox's judgement, all in all: `examine_seconds` and the reader's grace."""
GRACE_SECONDS = 5
"""How much longer than its guardian the trusted side waits before it gives up on a child."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one document may cost. Bytes, pixels, pages and seconds; the defaults suit photos and scanned papers."""

    image_bytes: int = 25 * MEBIBYTE
    pdf_bytes: int = 100 * MEBIBYTE
    pixels: int = 80_000_000
    pages: int = 500
    pdf_objects: int = 200_000
    pdf_content_bytes: int = 128 * MEBIBYTE
    attachments: int = 16
    attachment_bytes: int = 32 * MEBIBYTE
    accept_pdf_attachments: bool = False
    """True files a PDF whose attachments are few, small and each scanned, with a note; False (default) refuses it."""
    accept_active_pdf: bool = False
    """True files a PDF with scripts or actions, with a note; False (default) refuses it."""
    accept_office: bool = False
    """True examines DOCX and XLSX, which may have the size of a PDF; False (default) refuses them."""
    members: int = 2000
    member_bytes: int = 64 * MEBIBYTE
    members_bytes: int = 128 * MEBIBYTE
    """Unpacked, all together: well below what the scanner takes, and what `output_bytes` holds."""
    member_ratio: int = 250
    preview_pages: int = 30
    preview_side: int = 1600
    address_space: int = 1024 * MEBIBYTE
    memory: int = 512 * MEBIBYTE
    """Private memory of the child (RLIMIT_DATA) and its resident set (watchdog)."""
    output_bytes: int = 256 * MEBIBYTE
    examine_cpu_seconds: int = 10
    """Processor time after which the document is to blame: it is refused."""
    examine_seconds: int = SANDBOX_SECONDS - GRACE_SECONDS
    """Wall time after which the machine is to blame: no verdict, the caller tries again."""
    render_cpu_seconds: int = 30
    render_seconds: int = 120

    def to_wire(self) -> dict[str, int]:
        """Return the limits as plain numbers for the sandbox."""
        return {name: int(value) for name, value in asdict(self).items()}

    @classmethod
    def from_wire(cls, values: dict[str, int]) -> "Limits":
        """Read what `to_wire` wrote. Raises KeyError when a limit is missing."""
        return cls(**{field.name: values[field.name] for field in fields(cls)})  # type: ignore[arg-type]
