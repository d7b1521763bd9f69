"""Page previews: raw pixels from the sandbox encoded as WebP. Nothing of the document but its picture survives."""

import io
from dataclasses import dataclass

from PIL import Image

from intake.inspection.answers import RawPage

QUALITY = 80
METHOD = 0
"""WebP effort 0-6; 0 is a third of the default's time for about a tenth more bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePreview:
    """One page as WebP; width and height in pixels, pages numbered from 1."""

    number: int
    width: int
    height: int
    webp: bytes


def encoded(page: RawPage) -> PagePreview:
    """Encode one page, whose pixel count the sandbox's reader has checked."""
    picture = io.BytesIO()
    image = Image.frombytes("RGB", (page.width, page.height), page.pixels)
    image.save(picture, "WEBP", quality=QUALITY, method=METHOD)
    return PagePreview(number=page.number, width=page.width, height=page.height, webp=picture.getvalue())
