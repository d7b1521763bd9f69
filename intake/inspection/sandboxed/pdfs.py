"""Proof that a PDF opens to its last page and holds nothing that acts. Runs inside the sandbox only.

Rules: a file that needs a password is refused; what acts (`pdf_objects`) and what is attached is refused, or noted
where the organization wants it so; attachments are handed out to be scanned one by one, also when the file is refused
for something else; every page's content must decode within bounds.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO, FileIO

import pikepdf
import pypdfium2
from PIL import Image

from intake.inspection.limits import Limits
from intake.inspection.sandboxed.pdf_objects import Contents, look_through
from intake.inspection.sandboxed.refusals import Refused
from intake.inspection.verdicts import Reason, Remark


@dataclass(slots=True, kw_only=True)
class PdfFacts:
    """What was found.

    `parts` are the attachments; `decrypted` is the whole file without its empty-password encryption.
    """

    reason: Reason
    pages: int = 0
    parts: list[bytes] = field(default_factory=list)
    decrypted: bytes | None = None
    remarks: set[Remark] = field(default_factory=set)


def prepare() -> None:
    """Load both PDF libraries once, so that each document's child finds them warm."""
    sample = BytesIO()
    with pikepdf.new() as empty:
        empty.add_blank_page()
        empty.save(sample)
    sample.seek(0)
    with pikepdf.open(sample) as one:
        len(one.pages)
    page = pypdfium2.PdfDocument(sample.getvalue())
    page[0].render(scale=0.1).to_pil()
    page.close()


def examine(document: int, limits: Limits) -> PdfFacts:
    """Open the file behind a descriptor, walk it and decode it. Never raises for what a file contains."""
    facts = PdfFacts(reason=Reason.PDF_DAMAGED)
    try:
        with FileIO(document, closefd=False) as file, pikepdf.open(file, suppress_warnings=True) as pdf:
            _examine(pdf, limits, facts)
    except Refused as refusal:
        facts.reason = refusal.reason
    except pikepdf.PasswordError:
        facts.reason = Reason.PDF_LOCKED
    except (MemoryError, RecursionError):
        facts.reason = Reason.SCAN_LIMITS
    except Exception as error:  # noqa: BLE001 - qpdf and pikepdf raise many kinds on a broken file; all mean damaged
        facts.reason = _reason_of(str(error))
    return facts


def _reason_of(complaint: str) -> Reason:
    """What qpdf means by an error of its own: most are damage."""
    if "bad_alloc" in complaint:
        return Reason.SCAN_LIMITS
    return Reason.PDF_LOCKED if "encryption" in complaint else Reason.PDF_DAMAGED


def pages_of(document: int, limits: Limits) -> Iterator[Image.Image]:
    """Yield the first `preview_pages` pages, RGB, at most `preview_side` pixels on the longest side."""
    pdf = pypdfium2.PdfDocument(FileIO(document, closefd=False))
    try:
        for number in range(min(len(pdf), limits.preview_pages)):
            page = pdf[number]
            width, height = page.get_size()
            scale = min(limits.preview_side / max(width, height, 1.0), 4.0)
            bitmap = page.render(scale=scale)
            yield bitmap.to_pil().convert("RGB")
            bitmap.close()
            page.close()
    finally:
        pdf.close()


def _examine(pdf: pikepdf.Pdf, limits: Limits, facts: PdfFacts) -> None:
    contents = Contents()
    try:
        look_through(pdf, limits, contents)
    finally:
        whole = _extract(contents, limits, facts.parts)
    if pdf.is_encrypted:
        plain = BytesIO()
        pdf.save(plain, encryption=False)
        facts.decrypted = plain.getvalue()
    facts.pages = len(pdf.pages)
    if facts.pages < 1:
        raise Refused(Reason.PDF_DAMAGED)
    if facts.pages > limits.pages:
        raise Refused(Reason.TOO_MANY_PAGES)
    if contents.acts:
        _refuse_unless(limits.accept_active_pdf, Reason.PDF_ACTIVE_CONTENT)
        facts.remarks.add(Remark.ACTIVE_CONTENT)
    if contents.embedded:
        _refuse_unless(limits.accept_pdf_attachments and whole, Reason.PDF_ATTACHMENTS)
        facts.remarks.add(Remark.ATTACHMENTS)
    _decode_contents(pdf, limits)
    facts.reason = Reason.EXAMINED


def _refuse_unless(accepted: bool, reason: Reason) -> None:
    if not accepted:
        raise Refused(reason)


def _extract(contents: Contents, limits: Limits, parts: list[bytes]) -> bool:
    """Put the decoded attachments into `parts`; False when a limit or an unknown filter left one out or as it is."""
    attachments = list(contents.embedded.values())
    whole, total = len(attachments) <= limits.attachments, 0
    for attachment in attachments[: limits.attachments]:
        try:
            content = attachment.read_bytes()
        except pikepdf.PdfError:
            content, whole = attachment.read_raw_bytes(), False
        total += len(content)
        if total > limits.attachment_bytes:
            return False
        parts.append(content)
    return whole


def _decode_contents(pdf: pikepdf.Pdf, limits: Limits) -> None:
    total = 0
    for page in pdf.pages:
        contents = page.obj.get("/Contents")
        streams = list(contents) if isinstance(contents, pikepdf.Array) else [contents]
        for stream in streams:
            if not isinstance(stream, pikepdf.Stream):
                continue
            total += len(stream.read_bytes())
            if total > limits.pdf_content_bytes:
                raise Refused(Reason.SCAN_LIMITS)
