"""Proof that a PDF opens to its last page and holds nothing that acts. Runs inside the sandbox only.

Rules: a file that needs a password is refused; scripts, launches, forms that send, rich media, XFA and external
streams are active content; attachments are handed out to be scanned one by one; every page's content must decode
within bounds.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO, FileIO

import pikepdf
import pypdfium2
from PIL import Image

from intake.inspection.limits import Limits
from intake.inspection.verdicts import Reason

ACTIVE_ACTIONS = frozenset(
    {
        "/JavaScript",
        "/Launch",
        "/SubmitForm",
        "/ImportData",
        "/GoToE",
        "/GoToR",
        "/Rendition",
        "/RichMediaExecute",
        "/Movie",
        "/Sound",
        "/GoTo3DView",
    }
)
"""Action types (ISO 32000-2, table 201) that run, send or reach outside the document.

/URI is a link: a person must tap it.
"""

ACTIVE_KEYS = ("/JS", "/JavaScript", "/XFA", "/RichMediaContent", "/RichMediaSettings", "/3DD")
ACTIVE_ANNOTATIONS = frozenset({"/RichMedia", "/3D", "/Movie", "/Sound", "/Screen"})
MAX_DEPTH = 64


class _Refused(Exception):
    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True, kw_only=True)
class PdfFacts:
    """What was found.

    `parts` are the attachments; `decrypted` is the whole file without its empty-password encryption.
    """

    reason: Reason
    pages: int = 0
    parts: list[bytes] = field(default_factory=list)
    decrypted: bytes | None = None


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
    except _Refused as refusal:
        facts.reason = refusal.reason
    except pikepdf.PasswordError:
        facts.reason = Reason.PDF_LOCKED
    except (MemoryError, RecursionError):
        facts.reason = Reason.SCAN_LIMITS
    except Exception as error:  # noqa: BLE001 - qpdf and pikepdf raise many kinds on a broken file; all mean damaged
        out_of_memory = "bad_alloc" in str(error)  # qpdf wraps it in its own error
        facts.reason = Reason.SCAN_LIMITS if out_of_memory else Reason.PDF_DAMAGED
    return facts


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
    facts.pages = len(pdf.pages)
    if facts.pages < 1:
        raise _Refused(Reason.PDF_DAMAGED)
    if facts.pages > limits.pages:
        raise _Refused(Reason.TOO_MANY_PAGES)
    attachments, active = _walk(pdf, limits)
    facts.parts = _extract(list(attachments.values()), limits)
    if pdf.is_encrypted:
        plain = BytesIO()
        pdf.save(plain, encryption=False)
        facts.decrypted = plain.getvalue()
    if active:
        raise _Refused(Reason.PDF_ACTIVE_CONTENT)
    if attachments and (not limits.accept_pdf_attachments or len(facts.parts) < len(attachments)):
        raise _Refused(Reason.PDF_ATTACHMENTS)
    _decode_contents(pdf, limits)
    facts.reason = Reason.EXAMINED


def _walk(pdf: pikepdf.Pdf, limits: Limits) -> tuple[dict[tuple[int, int], pikepdf.Object], bool]:
    """Look at every object of the file, reachable or not: its embedded files by number, and whether anything in
    it acts."""
    embedded: dict[tuple[int, int], pikepdf.Object] = {}
    active = False
    pending: list[tuple[pikepdf.Object, int]] = []
    if len(pdf.objects) > limits.pdf_objects:
        raise _Refused(Reason.SCAN_LIMITS)
    for root in (pdf.trailer, *pdf.objects):
        pending.append((root, 0))
        while pending:
            item, depth = pending.pop()
            if depth > MAX_DEPTH:
                raise _Refused(Reason.SCAN_LIMITS)
            if isinstance(item, pikepdf.Stream | pikepdf.Dictionary):
                active = active or _acts(item)
                embedded.update((file.objgen, file) for file in _embedded_files(item))
                children: Iterator[pikepdf.Object] = (value for _, value in item.items())
            elif isinstance(item, pikepdf.Array):
                children = iter(item)
            else:
                continue
            pending.extend((child, depth + 1) for child in children if _is_direct_container(child))
    return embedded, active


def _is_direct_container(item: object) -> bool:
    """Indirect objects are visited on their own, so that loops between them cost nothing."""
    return isinstance(item, pikepdf.Dictionary | pikepdf.Array) and not item.is_indirect


def _acts(item: pikepdf.Object) -> bool:
    if any(key in item for key in ACTIVE_KEYS):
        return True
    if "/S" in item and str(item.get("/S")) in ACTIVE_ACTIONS:
        return True
    if "/Subtype" in item and str(item.get("/Subtype")) in ACTIVE_ANNOTATIONS:
        return True
    return isinstance(item, pikepdf.Stream) and ("/F" in item or "/FFilter" in item)


def _embedded_files(item: pikepdf.Object) -> Iterator[pikepdf.Object]:
    """Streams that say so themselves (/Type is optional) and whatever a file specification's /EF points at."""
    if isinstance(item, pikepdf.Stream) and str(item.get("/Type", "")) == "/EmbeddedFile":
        yield item
    files = item.get("/EF")
    if isinstance(files, pikepdf.Dictionary):
        yield from (file for _, file in files.items() if isinstance(file, pikepdf.Stream))


def _extract(attachments: list[pikepdf.Object], limits: Limits) -> list[bytes]:
    """Return the decoded attachments up to the limits; fewer than given when a limit was reached."""
    parts: list[bytes] = []
    total = 0
    for attachment in attachments[: limits.attachments]:
        content = attachment.read_bytes()
        total += len(content)
        if total > limits.attachment_bytes:
            break
        parts.append(content)
    return parts


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
                raise _Refused(Reason.SCAN_LIMITS)
