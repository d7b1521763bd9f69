"""The watermark: every page image says who looks at it, at which case and when, across the whole page."""

import io
import math
import unicodedata

from PIL import Image, ImageDraw, ImageFont, UnidentifiedImageError

MOST_PIXELS = 6_000_000
"""Twice what a preview of 1600 by 1600 has; a larger image is refused before it is decoded."""
SLOPE_DEGREES = 24
INK = (28, 42, 38, 58)
HALO = (255, 255, 255, 66)
QUALITY = 82


class PageUnreadable(Exception):
    """The opened part is not a page image of ours."""

    code = "opening_unavailable"


def watermarked(webp: bytes, words: str) -> bytes:
    """Return the page image, WebP again, with `words` written across it in rows. Raises PageUnreadable."""
    try:
        with Image.open(io.BytesIO(webp), formats=["WEBP"]) as page:
            if page.width * page.height > MOST_PIXELS:
                raise PageUnreadable("too many pixels")
            drawn = page.convert("RGBA")
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        raise PageUnreadable("not a WebP image") from None
    drawn.alpha_composite(_veil(drawn.size, plain(words)))
    out = io.BytesIO()
    drawn.convert("RGB").save(out, "WEBP", quality=QUALITY, method=2)
    return out.getvalue()


def plain(words: str) -> str:
    """Return the words in ASCII: Pillow's own font has no accented letters, and no other font is sure to be there."""
    return unicodedata.normalize("NFKD", words.replace("·", "-")).encode("ascii", "ignore").decode("ascii")


def _veil(size: tuple[int, int], words: str) -> Image.Image:
    letter = max(14, round(math.sqrt(size[0] * size[1]) / 42))
    font = ImageFont.load_default(letter)
    across = math.ceil(math.hypot(*size))
    square = Image.new("RGBA", (across, across), (0, 0, 0, 0))
    pen = ImageDraw.Draw(square)
    step = max(1, math.ceil(pen.textlength(words, font=font))) + 4 * letter
    for row, y in enumerate(range(0, across, letter * 7)):
        for x in range(-(row % 2) * step // 2, across, step):
            pen.text((x + 1, y + 1), words, font=font, fill=HALO)
            pen.text((x, y), words, font=font, fill=INK)
    turned = square.rotate(SLOPE_DEGREES, resample=Image.Resampling.BILINEAR)
    left, top = (across - size[0]) // 2, (across - size[1]) // 2
    return turned.crop((left, top, left + size[0], top + size[1]))
