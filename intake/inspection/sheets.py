"""A PDF written around JPEG streams, one a page: the same photos in the same order and turn give the same bytes.

Rules: nothing is parsed here and nothing of a photo but its pixels goes in; no time, no producer, no identifier; the
long side of every page is that of an A4 sheet, the short side follows the photo (ISO 32000-2, 7.3 to 7.7).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

LONG_SIDE = 842
"""Points: the long side of A4."""
HEAD = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"

Affine = tuple[int, int, int, int, int, int]
"""x = a*u + b*v + c, y = d*u + e*v + f over the unit square, u to the right, v and y downwards."""
_UPRIGHT: dict[int, Affine] = {
    1: (1, 0, 0, 0, 1, 0),
    2: (-1, 0, 1, 0, 1, 0),
    3: (-1, 0, 1, 0, -1, 1),
    4: (1, 0, 0, 0, -1, 1),
    5: (0, 1, 0, 1, 0, 0),
    6: (0, -1, 1, 1, 0, 0),
    7: (0, -1, 1, -1, 0, 1),
    8: (0, 1, 0, -1, 0, 1),
}
"""From the stored picture to the upright one (EXIF 2.32, tag 0x0112)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One page: a JPEG of `size` bytes, its pixels, components (1 or 3), EXIF orientation, and a clockwise turn."""

    size: int
    width: int
    height: int
    components: int
    orientation: int
    turn: int
    chunks: Iterable[bytes]


class Writer:
    """Writes a PDF piece by piece. `position` is how many bytes were written."""

    def __init__(self, pages: int) -> None:
        """Begin a document of so many pages."""
        self._pages = pages
        self._offsets: list[int] = []
        self.position = 0

    def begin(self) -> Iterator[bytes]:
        """Yield the header, the catalogue and the list of pages."""
        yield self._count(HEAD)
        yield self._object(b"<</Type/Catalog/Pages 2 0 R>>")
        kids = b" ".join(b"%d 0 R" % (3 + 3 * number) for number in range(self._pages))
        yield self._object(b"<</Type/Pages/Count %d/Kids[%s]>>" % (self._pages, kids))

    def page(self, sheet: Sheet) -> Iterator[bytes]:
        """Yield the next page: itself, its content, its picture."""
        first = len(self._offsets) + 1
        placing = _upright(sheet.orientation, sheet.turn)
        width, height = _page_size(sheet, sideways=placing[0] == 0)
        yield self._object(
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %d %d]/Resources<</XObject<</P %d 0 R>>>>/Contents %d 0 R>>"
            % (width, height, first + 2, first + 1)
        )
        drawing = b"q %d %d %d %d %d %d cm /P Do Q" % _matrix(placing, width, height)
        yield self._object(b"<</Length %d>>\nstream\n%s\nendstream" % (len(drawing), drawing))
        space = b"/DeviceGray" if sheet.components == 1 else b"/DeviceRGB"
        told = b"<</Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace%s/BitsPerComponent 8" % (
            sheet.width,
            sheet.height,
            space,
        )
        yield self._begin_object(told + b"/Filter/DCTDecode/Length %d>>\nstream\n" % sheet.size)
        for chunk in sheet.chunks:
            yield self._count(chunk)
        yield self._count(b"\nendstream\nendobj\n")

    def end(self) -> Iterator[bytes]:
        """Yield the cross-reference table and the trailer."""
        start, count = self.position, len(self._offsets) + 1
        table = b"".join(b"%010d 00000 n \n" % offset for offset in self._offsets)
        yield self._count(b"xref\n0 %d\n0000000000 65535 f \n" % count + table)
        yield self._count(b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (count, start))

    def _object(self, body: bytes) -> bytes:
        return self._begin_object(body) + self._count(b"\nendobj\n")

    def _begin_object(self, body: bytes) -> bytes:
        self._offsets.append(self.position)
        return self._count(b"%d 0 obj\n%s" % (len(self._offsets), body))

    def _count(self, piece: bytes) -> bytes:
        self.position += len(piece)
        return piece


def _upright(orientation: int, turn: int) -> Affine:
    a, b, c, d, e, f = _UPRIGHT[orientation]
    for _ in range(turn // 90 % 4):
        a, b, c, d, e, f = -d, -e, 1 - f, a, b, c
    return a, b, c, d, e, f


def _page_size(sheet: Sheet, *, sideways: bool) -> tuple[int, int]:
    width, height = (sheet.height, sheet.width) if sideways else (sheet.width, sheet.height)
    long_side = max(width, height)
    return max(1, round(width * LONG_SIDE / long_side)), max(1, round(height * LONG_SIDE / long_side))


def _matrix(placing: Affine, width: int, height: int) -> tuple[int, int, int, int, int, int]:
    """Return the six numbers of `cm`: a PDF draws the picture into the unit square with its first row on top."""
    a, b, c, d, e, f = placing
    return a * width, -d * height, -b * width, e * height, (b + c) * width, (1 - e - f) * height
