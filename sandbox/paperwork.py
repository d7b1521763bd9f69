"""Made-up papers of made-up people, as phones and printers make them: for tests and for the pictures of the README."""

import io
import random

import pillow_heif
from PIL import Image, ImageDraw, ImageFilter

CAMERA = (4032, 3024)
"""Twelve megapixels."""
IPHONE = (2016, 1512)
PAPER = (1240, 1754)
"""A4 at 150 dots an inch."""
ORIENTATION, MAKE, MODEL, GPS = 0x0112, 0x010F, 0x0110, 0x8825
SIDEWAYS = 6
"""EXIF orientation: the reader has to turn the picture by 90 degrees."""
INK, WINE, CREAM = (40, 40, 40), (120, 20, 60), (232, 226, 214)
TABLE = (0.55, 0.42, 0.3)
GRAIN = 26.0
"""Spread of the noise, in shades of grey."""


def camera_jpeg(title: str, *, size: tuple[int, int] = CAMERA, comment: bytes = b"", grain: float = GRAIN) -> bytes:
    """Return a photo that lies on its side, with EXIF orientation, camera and place, as phones write it."""
    picture = card(size[1], size[0], title, grain=grain).rotate(90, expand=True)
    exif = Image.Exif()
    exif[MAKE], exif[MODEL], exif[ORIENTATION] = "Fotófono", "FP-12", SIDEWAYS
    exif[GPS] = {1: "N", 2: (19.0, 25.0, 57.0), 3: "W", 4: (99.0, 7.0, 59.0)}
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=88, exif=exif, **({"comment": comment} if comment else {}))
    return out.getvalue()


def heic(title: str, *, blurred: bool = False) -> bytes:
    """Return a photo in the format of an iPhone."""
    picture = card(*IPHONE, title)
    out = io.BytesIO()
    pillow_heif.from_pillow(picture.filter(ImageFilter.GaussianBlur(9)) if blurred else picture).save(out, quality=60)
    return out.getvalue()


def bill(title: str, *, pages: int = 1) -> bytes:
    """Return a scanned bill as a PDF."""
    first, *others = [_page(title, number, pages) for number in range(1, pages + 1)]
    out = io.BytesIO()
    first.save(out, "PDF", resolution=150, save_all=True, append_images=others)
    return out.getvalue()


def card(width: int, height: int, title: str, *, grain: float = GRAIN) -> Image.Image:
    """Draw an identity card on a table, with a camera's noise so that it compresses like a photo."""
    chance = random.Random(title)  # noqa: S311 (a drawing)
    noise = Image.effect_noise((width // 3, height // 3), grain).resize((width, height), Image.Resampling.BILINEAR)
    picture = Image.merge("RGB", [noise.point([int(shade * light) for light in range(256)]) for shade in TABLE])
    draw = ImageDraw.Draw(picture)

    def at(across: float, down: float) -> tuple[float, float]:
        return across * width, down * height

    draw.rounded_rectangle((at(0.12, 0.18), at(0.88, 0.82)), radius=width // 40, fill=CREAM)
    draw.rectangle((at(0.16, 0.35), at(0.34, 0.68)), fill=(150, 160, 170))
    draw.ellipse((at(0.2, 0.38), at(0.3, 0.52)), fill=(90, 70, 60))
    draw.chord((at(0.17, 0.53), at(0.33, 0.83)), 180, 360, fill=(90, 70, 60))
    draw.text(at(0.16, 0.23), title, fill=WINE, font_size=width / 26)
    for line in range(6):
        words = "".join(chance.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ  ") for _ in range(18))
        draw.text(at(0.39, 0.36 + 0.06 * line), words, fill=INK, font_size=width / 38)
    return picture.filter(ImageFilter.GaussianBlur(width / 3000))


def _page(title: str, number: int, pages: int) -> Image.Image:
    chance = random.Random(f"{title}{number}")  # noqa: S311 (a drawing)
    paper = Image.new("RGB", PAPER, (253, 252, 250))
    draw = ImageDraw.Draw(paper)
    draw.rectangle((0, 0, PAPER[0], 150), fill=(20, 96, 82))
    draw.text((90, 45), title, fill=(255, 255, 255), font_size=52)
    draw.text((90, 190), f"Página {number} de {pages}", fill=INK, font_size=28)
    for line in range(24):
        top = 270 + 54 * line
        draw.text((90, top), f"Concepto {number}.{line + 1:02d}", fill=INK, font_size=26)
        draw.text((620, top), f"{chance.randint(10, 400)} kWh", fill=INK, font_size=26)
        draw.text((960, top), f"$ {chance.randint(80, 990)}.{chance.randint(10, 99)}", fill=INK, font_size=26)
        draw.line((90, top + 42, 1150, top + 42), fill=(220, 220, 215))
    return paper
