"""Proof that an image decodes, and its pages as plain pixels. Runs inside the sandbox only.

Rules: size and frame count are read from the header and bounded before a pixel is decoded; only the decoder of the
judged type is allowed to look; a truncated file is refused.

A JPEG is proved by walking it to its end marker and decoding its tables and first `JPEG_SAMPLE` bytes of picture: the
decoder never reports damage further in (it fills up with grey), so decoding all of it would cost as much as the virus
scan and prove nothing more.
"""

import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from mmap import mmap
from typing import IO, cast

import pillow_heif
from PIL import (
    Image,
    ImageFile,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from intake.inspection.limits import Limits
from intake.inspection.sandboxed.endings import jpeg_scan
from intake.inspection.verdicts import Mime, Reason

JPEG_SAMPLE = 64 * 1024
BAND_ROWS = 64
FORMATS: dict[Mime, tuple[str, ...]] = {
    Mime.JPEG: ("JPEG",),
    Mime.PNG: ("PNG",),
    Mime.WEBP: ("WEBP",),
    Mime.HEIC: ("HEIF",),
}
PRELOADED = (JpegImagePlugin, MpoImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin)
"""Decoders, and what they import when they meet EXIF or a second picture (TIFF itself is not on any list of
formats)."""

Facts = tuple[Reason, int, int, int]
"""Reason, pages, width, height."""


def prepare() -> None:
    """Load every decoder once, so that each document's child finds them warm. Truncated files never decode."""
    pillow_heif.register_heif_opener(thumbnails=False)
    pillow_heif.options.DECODE_THREADS = 1
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    Image.MAX_IMAGE_PIXELS = None  # our own bound is checked before decoding, with its own reason
    Image._initialized = 2  # no other format's decoder is ever loaded
    for name in ("JPEG", "PNG", "WEBP"):
        sample = io.BytesIO()
        Image.new("RGB", (16, 16)).save(sample, name)
        Image.open(sample, formats=(name,)).load()


def examine(data: mmap, mime: Mime, limits: Limits) -> Facts:
    """Prove that the image decodes within the limits. Never raises for what a file contains."""
    try:
        with opened(_sample(data) if mime is Mime.JPEG else data, mime) as image:
            width, height = image.size
            pages = _count(image, mime)
            reason = _refusal(width, height, pages, limits)
            if reason is Reason.EXAMINED:
                _decode(image, mime, pages)
    except MemoryError:
        return Reason.SCAN_LIMITS, 0, 0, 0
    except Exception:  # noqa: BLE001 - decoders raise anything on a broken file; here every one of them means damaged
        return Reason.IMAGE_DAMAGED, 0, 0, 0
    return reason, pages, width, height


def pages_of(data: mmap, mime: Mime, limits: Limits) -> Iterator[Image.Image]:
    """Yield each picture upright, RGB, without metadata, at most `preview_side` pixels on its longest side."""
    with opened(data, mime) as image:
        for number in range(min(_count(image, mime), limits.preview_pages)):
            if number:
                image.seek(number)
            if image.width * image.height > limits.pixels:
                raise ValueError("too many pixels")
            orientation = orientation_of(image)
            image.draft("RGB", _within(image.size, limits.preview_side))
            yield _upright(_to_rgb(image, limits.preview_side), orientation)


@contextmanager
def opened(data: mmap | io.BytesIO, mime: Mime) -> Iterator[Image.Image]:
    """Open a picture with the decoder of its type alone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns about odd metadata; nothing here depends on it
        data.seek(0)
        with Image.open(cast(IO[bytes], data), formats=FORMATS[mime]) as image:
            yield image


def _sample(data: mmap) -> io.BytesIO:
    """The beginning of a JPEG whose end was already found: all its tables and `JPEG_SAMPLE` bytes of picture."""
    return io.BytesIO(data[: jpeg_scan(data) + JPEG_SAMPLE] + b"\xff\xd9")


def _count(image: Image.Image, mime: Mime) -> int:
    """Pictures that are pages. The further pictures of a JPEG are thumbnails and gain maps."""
    return 1 if mime is Mime.JPEG else int(getattr(image, "n_frames", 1))


def _refusal(width: int, height: int, pages: int, limits: Limits) -> Reason:
    if width < 1 or height < 1 or pages < 1:
        return Reason.IMAGE_DAMAGED
    if pages > limits.pages:
        return Reason.TOO_MANY_PAGES
    return Reason.TOO_MANY_PIXELS if width * height * pages > limits.pixels else Reason.EXAMINED


def _decode(image: Image.Image, mime: Mime, pages: int) -> None:
    if mime is Mime.JPEG:
        image.draft("L", (max(1, image.width // 8), max(1, image.height // 8)))
    for number in range(pages):
        if number:
            image.seek(number)
        image.load()


def orientation_of(image: Image.Image) -> int:
    """Return the EXIF orientation; 1 where it is missing or cannot be read."""
    try:
        return int(image.getexif().get(0x0112, 1))
    except (ValueError, TypeError, KeyError, SyntaxError, OSError, EOFError, struct.error):
        return 1


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF 2.32, tag 0x0112."""


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def _to_rgb(image: Image.Image, side: int) -> Image.Image:
    factor = max(1, max(image.size) // side)
    is_plain = factor == 1 and image.mode == "RGB" and not image.has_transparency_data
    small = image if is_plain else banded(image, factor)
    return small.resize(_within(small.size, side), Image.Resampling.HAMMING) if max(small.size) > side else small


def _within(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Return the size of the same shape whose longer side has `side` pixels, or the size itself when it is smaller."""
    width, height = size
    longest = max(width, height, side)
    return max(1, round(width * side / longest)), max(1, round(height * side / longest))


def banded(image: Image.Image, factor: int) -> Image.Image:
    """Return the picture as RGB on white, shrunk by `factor` band by band: a large one never stands in memory twice."""
    rows = BAND_ROWS * factor
    small = Image.new("RGB", (-(-image.width // factor), -(-image.height // factor)))
    for top in range(0, image.height, rows):
        band = _on_white(image.crop((0, top, image.width, min(image.height, top + rows))))
        small.paste(band.reduce(factor), (0, top // factor))
    return small


def _on_white(band: Image.Image) -> Image.Image:
    if band.mode.startswith("I"):
        return band.convert("I").point(lambda value: value / 256).convert("L").convert("RGB")
    if not band.has_transparency_data:
        return band.convert("RGB")
    layer = band.convert("RGBA")
    picture = Image.new("RGB", layer.size, "white")
    picture.paste(layer, mask=layer.getchannel("A"))
    return picture
