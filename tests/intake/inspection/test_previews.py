"""Previews: upright, bounded, free of metadata, and only of the bytes that were judged."""

import contextlib
import hashlib
import io
import os
import socket
import time
from collections.abc import Callable, Iterator

import pillow_heif
import pytest
from PIL import Image

from intake.inspection.answers import Child
from intake.inspection.chain import Inspector
from intake.inspection.limits import Limits
from intake.inspection.memory import Memory
from intake.inspection.previews import PagePreview
from intake.inspection.sandbox import Sandbox
from intake.inspection.sandboxed.wire import End, Kind, Request, record
from intake.inspection.verdicts import HashDisagreement, Mime, PreviewFailed, SandboxUnavailable
from tests.intake.inspection import documents
from tests.intake.inspection.fakes import FakeScanner
from tests.intake.inspection.office_files import a_docx


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


TURNED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_heic_that_its_phone_turned_is_drawn_upright(orientation: int, sandbox: Sandbox) -> None:
    """The encoder writes `irot` and `imir` boxes for the orientation; the decoder applies them, and we do not again."""
    picture = Image.new("RGB", (256, 128), "white")
    picture.paste("red", (0, 0, 128, 64))
    stored = picture.transpose(TURNED[orientation]) if orientation in TURNED else picture
    exif = Image.Exif()
    exif[0x0112] = orientation
    pillow_heif.register_heif_opener()
    out = io.BytesIO()
    stored.save(out, "HEIF", exif=exif.tobytes(), quality=90)
    assert orientation == 1 or b"irot" in out.getvalue() or b"imir" in out.getvalue()
    [page] = previews(sandbox, out.getvalue(), Mime.HEIC)
    drawn = opened(page).convert("RGB")
    assert drawn.size == (256, 128)
    red, white = drawn.getpixel((20, 20)), drawn.getpixel((236, 108))
    assert red[0] > 180
    assert max(red[1:]) < 90
    assert min(white) > 200


@pytest.mark.parametrize(("width", "height"), [(8160, 6120), (4000, 3000)], ids=["50 MP", "12 MP"])
def test_a_photo_of_a_large_camera_is_drawn_within_the_memory_of_a_child(
    width: int, height: int, sandbox: Sandbox
) -> None:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.radial_gradient("L").resize((width, height)).convert("RGB").save(out, "JPEG", exif=exif, quality=80)
    [page] = previews(sandbox, out.getvalue(), Mime.JPEG)
    assert (page.width, page.height) == (1600 * height // width, 1600)


@contextlib.contextmanager
def a_liar(*said: bytes, pixels: bytes = b"") -> Iterator[Sandbox]:
    """A sandbox whose child writes these pixels and says these records."""

    class Liar(Sandbox):
        @contextlib.contextmanager
        def _child(self, request: Request, document: Memory, output: int) -> Iterator[Child]:
            os.pwrite(output, pixels, 0)
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with ours, theirs:
                for packet in said:
                    theirs.send(packet)
                yield Child(ours, Heedless(), time.monotonic() + 2)

    class Heedless:
        def answered(self) -> None:
            return

        def silent(self) -> None:
            return

    yield Liar()


FINISHED = record(Kind.ENDED, End.FINISHED)


@pytest.mark.parametrize(
    "said",
    [
        (record(Kind.PAGE, 1, 0xFFFFFFFF, 0xFFFFFFFF), FINISHED),
        (record(Kind.PAGE, 1, 1601, 1), FINISHED),
        (record(Kind.PAGE, 1, 0, 10), FINISHED),
        (record(Kind.PAGE, 1, 1600, 1600), FINISHED),
        (record(Kind.PAGE, 2, 1, 1), FINISHED),
        (record(Kind.PAGE, 1, 1, 1), record(Kind.PAGE, 1, 1, 1), FINISHED),
        (record(Kind.PART, 1, 1, 1), FINISHED),
        (record(Kind.PAGE, 1, 1, 1)[:-1], FINISHED),
        (b"<html>", FINISHED),
    ],
    ids=["endless", "too wide", "empty", "more than it wrote", "skipped", "twice", "no page", "short", "text"],
)
def test_a_child_that_lies_about_its_pages_is_not_believed(said: tuple[bytes, ...]) -> None:
    with a_liar(*said, pixels=bytes(3)) as liar, pytest.raises(SandboxUnavailable):
        previews(liar, documents.a_jpeg(), Mime.JPEG)


def test_a_child_that_draws_more_pages_than_asked_for_is_not_believed() -> None:
    endless = [record(Kind.PAGE, number, 1, 1) for number in range(1, 5)]
    with a_liar(*endless, FINISHED, pixels=bytes(3)) as liar, pytest.raises(SandboxUnavailable):
        previews(liar, documents.a_jpeg(), Mime.JPEG, Limits(preview_pages=3))


def test_what_has_no_pages_by_nature_is_not_drawn(sandbox: Sandbox) -> None:
    with pytest.raises(PreviewFailed):
        previews(sandbox, a_docx(), Mime.DOCX)
