"""The files that customers send: made here, as cameras, phones and printers make them."""

import functools
import io
from collections.abc import Sequence
from typing import TypedDict

import pikepdf
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from sandbox import paperwork
from tests.services.clamd import EICAR, MARKER


class Sent(TypedDict):
    """A file as Playwright puts it into a file input."""

    name: str
    mimeType: str
    buffer: bytes


def image_file(name: str, data: bytes) -> Sent:
    """A file that the browser calls an image."""
    kind = "heic" if name.lower().endswith(".heic") else "png" if name.endswith(".png") else "jpeg"
    return Sent(name=name, mimeType=f"image/{kind}", buffer=data)


def pdf_file(name: str, data: bytes) -> Sent:
    """A file that the browser calls a PDF."""
    return Sent(name=name, mimeType="application/pdf", buffer=data)


@functools.cache
def camera_jpeg(
    *, size: tuple[int, int] = paperwork.CAMERA, title: str = "CREDENCIAL PARA VOTAR", comment: bytes = b""
) -> bytes:
    """A photo of twelve megapixels, lying on its side, with EXIF orientation; about 1 MB."""
    return paperwork.camera_jpeg(title, size=size, comment=comment)


@functools.cache
def heic(*, title: str = "CREDENCIAL PARA VOTAR (REVERSO)") -> bytes:
    """A photo as iPhones take it."""
    return paperwork.heic(title)


@functools.cache
def pdf(*, pages: int = 3, title: str = "Comisión Federal de Electricidad", text: str = "", author: str = "") -> bytes:
    """A bill of some pages, uncompressed, so that `text` and `author` lie in it as they are."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, pageCompression=0)
    canvas.setTitle(title)
    canvas.setAuthor(author or title)
    for page in range(1, pages + 1):
        canvas.setFont("Helvetica-Bold", 22)
        canvas.drawString(60, 760, title)
        canvas.setFont("Helvetica", 13)
        canvas.drawString(60, 720, f"Página {page} de {pages}")
        for line in range(26):
            canvas.drawString(
                60, 680 - 22 * line, f"Concepto {page}.{line:02d}   consumo {line * 13 + page} kWh  {text}"
            )
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def locked_pdf() -> bytes:
    """A PDF that asks for a password before it shows anything."""
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf(pages=1))) as document:
        document.save(out, encryption=pikepdf.Encryption(user="secreto", owner="dueño"))
    return out.getvalue()


def damaged_jpeg() -> bytes:
    """A photo whose transfer broke in the middle."""
    whole = camera_jpeg(size=(1200, 900))
    return whole[: len(whole) // 2]


def eicar_pdf() -> Sent:
    """The test virus of all scanners under the name of a payslip."""
    return pdf_file("recibo de nomina.pdf", EICAR)


def infected_jpeg(*, comment: bytes = b"") -> bytes:
    """A real photo that carries our test virus in a comment."""
    return camera_jpeg(size=(1200, 900), comment=MARKER + comment)


def oversized_image(limit: int) -> bytes:
    """A photo of a little more than `limit` bytes: what lies behind its end counts too."""
    return camera_jpeg(size=(1200, 900)) + b"\0" * limit


def bitten(data: bytes, places: Sequence[int]) -> bytes:
    """The same bytes with one bit flipped at each place."""
    changed = bytearray(data)
    for place in places:
        changed[place] ^= 1
    return bytes(changed)
