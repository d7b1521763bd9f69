"""The files that customers send: made here, as cameras, phones and printers make them."""

import functools
import io
import random
from collections.abc import Sequence
from typing import TypedDict

import pikepdf
import pillow_heif
from PIL import Image, ImageDraw, ImageFilter
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from tests.services.clamd import EICAR, MARKER

CAMERA = (4032, 3024)
"""Twelve megapixels."""
ORIENTATION, MAKE, MODEL, GPS = 0x0112, 0x010F, 0x0110, 0x8825


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
def camera_jpeg(*, size: tuple[int, int] = CAMERA, title: str = "CREDENCIAL PARA VOTAR", comment: bytes = b"") -> bytes:
    """A photo lying on its side, with EXIF orientation 6, camera and place, as phones write it; about 2.5 MB."""
    picture = _card(size[1], size[0], title).rotate(90, expand=True)  # 6: the reader must turn it by 90 degrees
    exif = Image.Exif()
    exif[MAKE], exif[MODEL], exif[ORIENTATION] = "Fotófono", "FP-12", 6
    exif[GPS] = {1: "N", 2: (19.0, 25.0, 57.0), 3: "W", 4: (99.0, 7.0, 59.0)}
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=88, exif=exif, comment=comment or None)
    return out.getvalue()


@functools.cache
def heic(*, title: str = "CREDENCIAL PARA VOTAR (REVERSO)") -> bytes:
    """A photo as iPhones take it."""
    out = io.BytesIO()
    pillow_heif.from_pillow(_card(2016, 1512, title)).save(out, quality=60)
    return out.getvalue()


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


def _card(width: int, height: int, title: str) -> Image.Image:
    """Draw an identity card on a table, with a camera's noise so that it compresses like a photo."""
    chance = random.Random(title)
    noise = Image.effect_noise((width // 3, height // 3), 26).resize((width, height), Image.Resampling.BILINEAR)
    table = Image.merge(
        "RGB", [noise.point([int(shade * light) for light in range(256)]) for shade in (0.55, 0.42, 0.3)]
    )
    draw = ImageDraw.Draw(table)

    def at(*share: float) -> tuple[float, ...]:
        return tuple(part * (height if place % 2 else width) for place, part in enumerate(share))

    draw.rounded_rectangle(at(0.12, 0.18, 0.88, 0.82), radius=width // 40, fill=(232, 226, 214))
    draw.rectangle(at(0.16, 0.35, 0.34, 0.68), fill=(150, 160, 170))
    draw.ellipse(at(0.2, 0.38, 0.3, 0.52), fill=(90, 70, 60))
    draw.text(at(0.16, 0.23), title, fill=(120, 20, 60), font_size=width / 26)
    for line in range(6):
        words = "".join(chance.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ  ") for _ in range(18))
        draw.text(at(0.39, 0.36 + 0.06 * line), words, fill=(40, 40, 40), font_size=width / 38)
    return table.filter(ImageFilter.GaussianBlur(width / 3000))
