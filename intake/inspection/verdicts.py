"""What the inspection of one file can conclude: a finding for the machine, a reason for the person.

Rules: only `Reason.EXAMINED` means clean; every other reason has exactly one finding, fixed here; a `Verdict` cannot
be built with a finding and a reason that contradict each other.
"""

from dataclasses import dataclass
from enum import StrEnum


class Finding(StrEnum):
    """The five answers of an inspection. Only `CLEAN` opens the way to the vault."""

    CLEAN = "clean"
    INFECTED = "infected"
    NOT_EXAMINABLE = "not_examinable"
    WRONG_TYPE = "wrong_type"
    DAMAGED = "damaged"


class Reason(StrEnum):
    """Why a file got its finding: what the customer is told, in their language.

    The order is part of the wire format.
    """

    EXAMINED = "examined"
    VIRUS_FOUND = "virus_found"
    EMPTY_FILE = "empty_file"
    TOO_LARGE = "too_large"
    UNKNOWN_TYPE = "unknown_type"
    EXTENSION_MISMATCH = "extension_mismatch"
    POLYGLOT = "polyglot"
    IMAGE_DAMAGED = "image_damaged"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_MANY_PAGES = "too_many_pages"
    PDF_DAMAGED = "pdf_damaged"
    PDF_LOCKED = "pdf_locked"
    PDF_ATTACHMENTS = "pdf_attachments"
    PDF_ACTIVE_CONTENT = "pdf_active_content"
    SCAN_LIMITS = "scan_limits"
    ENCRYPTED_CONTENT = "encrypted_content"
    SEND_AGAIN = "send_again"
    """What was received can no longer be read: our fault, and never said by the sandbox."""
    RETURNED_BEFORE = "returned_before"
    """The very bytes that a reviewer returned; said by the inspector, who knows the case."""
    OTHER_FORMAT = "other_format"
    """Well formed, but not of a format that is asked for here; said by the inspector."""
    VIRUS_FOUND_LATER = "virus_found_later"
    """Filed as clean, and recognised by newer signatures: never said by the sandbox."""
    ARCHIVE = "archive"
    OFFICE_DOCUMENT = "office_document"
    """Of a kind that is not accepted here: not asked for, or older than DOCX and XLSX."""
    OFFICE_ACTIVE = "office_active"
    OFFICE_DAMAGED = "office_damaged"


FINDINGS: dict[Reason, Finding] = {
    Reason.EXAMINED: Finding.CLEAN,
    Reason.VIRUS_FOUND: Finding.INFECTED,
    Reason.EMPTY_FILE: Finding.DAMAGED,
    Reason.TOO_LARGE: Finding.NOT_EXAMINABLE,
    Reason.UNKNOWN_TYPE: Finding.WRONG_TYPE,
    Reason.EXTENSION_MISMATCH: Finding.WRONG_TYPE,
    Reason.POLYGLOT: Finding.WRONG_TYPE,
    Reason.IMAGE_DAMAGED: Finding.DAMAGED,
    Reason.TOO_MANY_PIXELS: Finding.NOT_EXAMINABLE,
    Reason.TOO_MANY_PAGES: Finding.NOT_EXAMINABLE,
    Reason.PDF_DAMAGED: Finding.DAMAGED,
    Reason.PDF_LOCKED: Finding.NOT_EXAMINABLE,
    Reason.PDF_ATTACHMENTS: Finding.WRONG_TYPE,
    Reason.PDF_ACTIVE_CONTENT: Finding.WRONG_TYPE,
    Reason.SCAN_LIMITS: Finding.NOT_EXAMINABLE,
    Reason.ENCRYPTED_CONTENT: Finding.NOT_EXAMINABLE,
    Reason.SEND_AGAIN: Finding.DAMAGED,
    Reason.RETURNED_BEFORE: Finding.WRONG_TYPE,
    Reason.OTHER_FORMAT: Finding.WRONG_TYPE,
    Reason.VIRUS_FOUND_LATER: Finding.INFECTED,
    Reason.ARCHIVE: Finding.WRONG_TYPE,
    Reason.OFFICE_DOCUMENT: Finding.WRONG_TYPE,
    Reason.OFFICE_ACTIVE: Finding.WRONG_TYPE,
    Reason.OFFICE_DAMAGED: Finding.DAMAGED,
}
"""The one finding of each reason."""


class Remark(StrEnum):
    """What a clean file carries that its reviewer should know, where the organization does not refuse it.

    The order is part of the wire format.
    """

    ACTIVE_CONTENT = "active_content"
    ATTACHMENTS = "attachments"


class Mime(StrEnum):
    """The types that are accepted. The order is part of the wire format."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    WEBP = "image/webp"
    HEIC = "image/heic"
    PDF = "application/pdf"
    DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


DRAWABLE = frozenset(Mime) - {Mime.DOCX, Mime.XLSX}
"""What has pages that can be drawn; an office document is only laid out by a program that nobody here trusts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The outcome of one inspection. Sizes are in pixels as stored (0 for PDF); `sha256` is lower-case
    hexadecimal, empty when the file was refused for its size alone and never read."""

    finding: Finding
    reason: Reason
    sha256: str
    mime: Mime | None = None
    pages: int = 0
    width: int = 0
    height: int = 0
    page: int | None = None
    """Which of several photos the reason is about, numbered from 1."""
    threat: str | None = None
    engine: str | None = None
    signatures: str | None = None
    remarks: tuple[Remark, ...] = ()

    def __post_init__(self) -> None:
        """Raise ValueError when finding and reason disagree, or when a clean file has no type or no engine."""
        if FINDINGS[self.reason] is not self.finding:
            raise ValueError(f"{self.reason} is never {self.finding}")
        has_pages = self.pages >= 1 or self.mime not in DRAWABLE
        if self.finding is Finding.CLEAN and (self.mime is None or not has_pages or not self.engine):
            raise ValueError("a clean verdict names the type, the pages and the engine")


class InspectionError(Exception):
    """No verdict was reached. The caller tries again later; a file is never let through because of it."""

    code = "inspection_failed"


class ScannerUnavailable(InspectionError):
    """The virus scanner gave no answer that means anything."""

    code = "scanner_unavailable"


class SignaturesStale(ScannerUnavailable):
    """The scanner answers, but its signatures are too old to be believed, or say nothing of their age."""

    code = "signatures_stale"


class SignaturesChanged(ScannerUnavailable):
    """Other signatures answer after the scan than before it: nobody can say which of them judged."""

    code = "signatures_changed"


class SandboxUnavailable(InspectionError):
    """The sandbox could not run, or was lost while it worked. Nothing is ever parsed outside it instead."""

    code = "sandbox_unavailable"


class HashDisagreement(InspectionError):
    """Two passes over the same document did not give the same bytes."""

    code = "hash_disagreement"


class PreviewFailed(InspectionError):
    """The document cannot be drawn. It stays filed; the reviewer sees that there is no preview."""

    code = "preview_failed"
