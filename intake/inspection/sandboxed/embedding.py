"""A photo as the one JPEG stream that a page of a PDF shows. Runs inside the sandbox only.

Rules: a JPEG that every PDF reader decodes goes over as it is, without a loss, but for its metadata: no EXIF, no place,
no maker's notes, no second picture; every other photo is decoded and encoded anew, in grey or RGB on white, and shrunk
by half on each side when it is very large. The orientation is told beside it and applied by the page.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from mmap import mmap

from intake.inspection.limits import Limits
from intake.inspection.sandboxed.endings import next_marker
from intake.inspection.sandboxed.images import banded, opened, orientation_of
from intake.inspection.verdicts import Mime

QUALITY = 88
LARGE_PIXELS = 26_000_000
"""Above this a photo that must be encoded anew is halved: two copies of it would not fit the child's memory."""
HEADERS = frozenset({0xC0, 0xC1, 0xC2})
"""Baseline, extended and progressive DCT (ITU-T T.81, table B.1): what DCTDecode takes (ISO 32000-2, 7.4.8)."""
KEPT = HEADERS | frozenset({0xC4, 0xDB, 0xDD, 0xEE})
"""Tables and frame, and Adobe's APP14, which says how three components are to be read."""
SCAN, END = 0xDA, 0xD9


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """Size in pixels as stored, colour components (1 or 3) and EXIF orientation (1 to 8)."""

    width: int
    height: int
    components: int
    orientation: int


def embed(data: mmap, mime: Mime, limits: Limits, output: int) -> Embedded:
    """Write the JPEG stream to the descriptor `output`. Raises whatever a decoder raises."""
    with opened(data, mime) as image:
        width, height = image.size
        if width * height > limits.pixels:
            raise ValueError("too many pixels")
        orientation = orientation_of(image)
        with FileIO(output, "r+", closefd=False) as file:
            components = _plain_components(data) if mime is Mime.JPEG else 0
            if components:
                for piece in _without_metadata(data):
                    file.write(piece)
                return Embedded(width=width, height=height, components=components, orientation=orientation)
            picture = banded(image, 2 if width * height > LARGE_PIXELS else 1)
            picture.save(file, "JPEG", quality=QUALITY)
    return Embedded(width=picture.width, height=picture.height, components=3, orientation=orientation)


def _plain_components(data: mmap) -> int:
    """Return the components of a JPEG that can go over as it is: 1 or 3 of 8 bits; 0 for any other."""
    for marker, start, _ in _segments(data):
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            precision, components = data[start + 4], data[start + 9]
            return components if marker in HEADERS and precision == 8 and components in (1, 3) else 0
    return 0


def _without_metadata(data: mmap) -> Iterator[bytes]:
    yield b"\xff\xd8"
    for marker, start, end in _segments(data):
        if marker in KEPT or marker == SCAN:
            yield data[start:end]
    yield b"\xff\xd9"


def _segments(data: mmap) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and end of each segment of the first picture; a scan's with its entropy-coded bytes."""
    at = 2
    while True:
        while data[at + 1] == 0xFF:
            at += 1
        marker = data[at + 1]
        if marker == END:
            return
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == SCAN:
            end = next_marker(data, end)
        yield marker, at, end
        at = end
