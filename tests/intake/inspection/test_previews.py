"""Previews: upright, bounded, free of metadata, and only of the bytes that were judged."""

import hashlib
import io
from collections.abc import Callable

import pytest
from PIL import Image

from intake.inspection.chain import Inspector
from intake.inspection.limits import Limits
from intake.inspection.previews import PagePreview
from intake.inspection.sandbox import Sandbox
from intake.inspection.verdicts import HashDisagreement, Mime, PreviewFailed
from tests.intake.inspection import documents
from tests.intake.inspection.fakes import FakeScanner


def previews(sandbox: Sandbox, content: bytes, mime: Mime, limits: Limits | None = None) -> list[PagePreview]:
    with Inspector(scanner=FakeScanner(), sandbox=sandbox) as inspector:
        sha256 = hashlib.sha256(content).hexdigest()
        return list(
            inspector.render_previews(lambda: [content], size=len(content), mime=mime, sha256=sha256, limits=limits)
        )


def opened(preview: PagePreview) -> Image.Image:
    return Image.open(io.BytesIO(preview.webp), formats=("WEBP",))


@pytest.mark.parametrize(
    ("make", "mime"),
    [
        (documents.a_jpeg, Mime.JPEG),
        (documents.a_png, Mime.PNG),
        (documents.a_webp, Mime.WEBP),
        (documents.a_heic, Mime.HEIC),
    ],
)
def test_every_image_type_gets_one_preview(make: Callable[[], bytes], mime: Mime, sandbox: Sandbox) -> None:
    [page] = previews(sandbox, make(), mime)
    assert (page.number, page.width, page.height) == (1, 320, 240)
    assert opened(page).size == (320, 240)


def test_every_page_of_a_pdf_gets_a_preview_up_to_the_limit(sandbox: Sandbox) -> None:
    pages = previews(sandbox, documents.a_pdf(5), Mime.PDF, Limits(preview_pages=3))
    assert [page.number for page in pages] == [1, 2, 3]
    assert all(max(page.width, page.height) == 1600 for page in pages)


def test_a_large_photo_is_drawn_small(sandbox: Sandbox) -> None:
    [page] = previews(sandbox, documents.a_jpeg(4000, 3000), Mime.JPEG)
    assert (page.width, page.height) == (1600, 1200)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photo_is_drawn_upright(orientation: int, sandbox: Sandbox) -> None:
    picture = Image.new("RGB", (200, 100), "white")
    picture.paste("red", (0, 0, 100, 50))
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = picture.transpose(turns[orientation]) if orientation in turns else picture
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(out, "JPEG", exif=exif, quality=95)
    [page] = previews(sandbox, out.getvalue(), Mime.JPEG)
    drawn = opened(page).convert("RGB")
    assert drawn.size == (200, 100)
    red, white = drawn.getpixel((20, 20)), drawn.getpixel((180, 80))
    assert red[0] > 180
    assert red[1] < 80
    assert min(white) > 200


def test_the_place_where_a_photo_was_taken_is_gone(sandbox: Sandbox) -> None:
    [page] = previews(sandbox, documents.a_jpeg(gps=True, comment=b"canary-in-a-comment"), Mime.JPEG)
    assert dict(opened(page).getexif()) == {}
    assert b"canary" not in page.webp
    assert b"EXIF" not in page.webp


def test_a_transparent_image_is_drawn_on_white(sandbox: Sandbox) -> None:
    out = io.BytesIO()
    Image.new("RGBA", (50, 50), (0, 0, 0, 0)).save(out, "PNG")
    [page] = previews(sandbox, out.getvalue(), Mime.PNG)
    assert min(opened(page).convert("RGB").getpixel((25, 25))) > 250


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "I;16", "LA"])
def test_every_colour_mode_can_be_drawn(mode: str, sandbox: Sandbox) -> None:
    kind, mime = ("JPEG", Mime.JPEG) if mode == "CMYK" else ("PNG", Mime.PNG)
    out = io.BytesIO()
    Image.new(mode, (60, 40)).save(out, kind)
    [page] = previews(sandbox, out.getvalue(), mime)
    assert (page.width, page.height) == (60, 40)


def test_other_bytes_than_those_judged_are_not_drawn(sandbox: Sandbox) -> None:
    content = documents.a_jpeg()
    with Inspector(scanner=FakeScanner(), sandbox=sandbox) as inspector, pytest.raises(HashDisagreement):
        list(inspector.render_previews(lambda: [content], size=len(content), mime=Mime.JPEG, sha256="0" * 64))


@pytest.mark.parametrize(("content", "mime"), [(b"\xff\xd8\xff\xe0nothing", Mime.JPEG), (b"%PDF-1.4", Mime.PDF)])
def test_what_cannot_be_drawn_fails_by_name(content: bytes, mime: Mime, sandbox: Sandbox) -> None:
    with pytest.raises(PreviewFailed):
        previews(sandbox, content, mime)


def test_a_viewer_that_stops_early_frees_the_child(sandbox: Sandbox) -> None:
    content = documents.a_pdf(5)
    sha256 = hashlib.sha256(content).hexdigest()
    with Inspector(scanner=FakeScanner(), sandbox=sandbox) as inspector:
        for _ in range(6):
            pages = inspector.render_previews(lambda: [content], size=len(content), mime=Mime.PDF, sha256=sha256)
            assert next(pages).number == 1
            pages.close()
