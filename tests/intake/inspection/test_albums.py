"""Photos that become the pages of one PDF: upright, in order, without metadata, each inspected, all or nothing."""

import io
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pikepdf
import pytest
from PIL import Image, ImageOps

from intake.inspection.albums import Album, Photo
from intake.inspection.answers import embedded
from intake.inspection.chain import Inspector
from intake.inspection.limits import Limits
from intake.inspection.sandbox import Sandbox
from intake.inspection.verdicts import Finding, HashDisagreement, Mime, Reason, SandboxUnavailable
from tests.intake.inspection.documents import a_heic, a_jpeg, a_pdf, a_png, a_png_that_claims, a_webp
from tests.intake.inspection.fakes import FakeScanner
from tests.services.clamd import EICAR

CORNERS = ("red", "green", "blue", "white")


@pytest.fixture
def inspector(sandbox: Sandbox) -> Iterator[Inspector]:
    with Inspector(scanner=FakeScanner(), sandbox=sandbox) as inspector:
        yield inspector


@pytest.fixture
def album(inspector: Inspector) -> Callable[..., Album]:
    def album(*photos: bytes | Photo, limits: Limits | None = None) -> Album:
        given = [photo if isinstance(photo, Photo) else a_photo(photo) for photo in photos]
        return Album(given, inspector=inspector, limits=limits or Limits())

    return album


def a_photo(content: bytes, turn: int = 0, name: str = "foto.jpg") -> Photo:
    return Photo(source=lambda: [content], size=len(content), declared_name=name, turn=turn)


def a_flag(width: int = 320, height: int = 200) -> Image.Image:
    """Four quarters: red and green above, blue and white below."""
    picture = Image.new("RGB", (2, 2))
    for place, colour in zip(((0, 0), (1, 0), (0, 1), (1, 1)), CORNERS, strict=True):
        picture.putpixel(place, Image.new("RGB", (1, 1), colour).getpixel((0, 0)))
    return picture.resize((width, height), Image.Resampling.NEAREST)


def saved(picture: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def corners(page: Image.Image) -> tuple[str, ...]:
    """Names of the colours in the four quarters, row by row."""
    found = []
    for x, y in ((1, 1), (3, 1), (1, 3), (3, 3)):
        red, green, blue = page.getpixel((page.width * x // 4, page.height * y // 4))
        bright = {(True, False, False): "red", (False, True, False): "green", (False, False, True): "blue"}
        found.append(bright.get((red > 100, green > 100, blue > 100), "white"))
    return tuple(found)


def drawn(inspector: Inspector, made: Album, sha256: str) -> list[Image.Image]:
    pages = inspector.render_previews(made.content, size=made.size, mime=Mime.PDF, sha256=sha256)
    return [Image.open(io.BytesIO(page.webp)).convert("RGB") for page in pages]


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_page_stands_upright_whatever_the_camera_noted_and_however_it_was_turned(
    album: Callable[..., Album], inspector: Inspector, orientation: int, turn: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = saved(a_flag(), exif=exif, quality=95, subsampling=0)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(stored))).rotate(-turn, expand=True)
    with closing(album(a_photo(stored, turn))) as made:
        verdict = made.judge()
        assert (verdict.finding, verdict.mime, verdict.pages) == (Finding.CLEAN, Mime.PDF, 1)
        (page,) = drawn(inspector, made, verdict.sha256)
    assert corners(page) == corners(upright.convert("RGB"))
    assert (page.width > page.height) == (upright.width > upright.height)


def test_photos_of_every_kind_become_pages_in_the_order_sent(album: Callable[..., Album], inspector: Inspector) -> None:
    flags = [
        saved(a_flag().rotate(90 * number, expand=True), kind) for number, kind in enumerate(["JPEG", "PNG", "WEBP"])
    ]
    with closing(album(*flags, a_heic())) as made:
        verdict = made.judge()
        assert (verdict.finding, verdict.pages) == (Finding.CLEAN, 4)
        pages = drawn(inspector, made, verdict.sha256)
    assert [corners(page) for page in pages[:3]] == [corners(a_flag().rotate(90 * n, expand=True)) for n in range(3)]


def test_a_jpeg_goes_over_without_a_loss_and_without_its_metadata(album: Callable[..., Album]) -> None:
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    exif.get_ifd(0x8825)[1] = "N"
    photo = saved(a_flag(), exif=exif, comment=b"secret comment", icc_profile=b"secret profile")
    with closing(album(photo)) as made:
        assert made.judge().finding is Finding.CLEAN
        content = b"".join(made.content())
    assert not any(word in content for word in (b"Exif", b"Secret", b"secret", b"JFIF"))
    with pikepdf.open(io.BytesIO(content)) as pdf:
        embedded = Image.open(io.BytesIO(pdf.pages[0].Resources.XObject.P.read_raw_bytes()))
        assert embedded.tobytes() == Image.open(io.BytesIO(photo)).tobytes()
        assert set(pdf.trailer) == {"/Root", "/Size"}


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param({"mode": "L"}, id="grey"),
        pytest.param({"mode": "CMYK"}, id="four colours"),
        pytest.param({"mode": "RGB", "progressive": True}, id="progressive"),
    ],
)
def test_every_jpeg_that_a_browser_shows_becomes_a_page(
    album: Callable[..., Album], inspector: Inspector, kind: dict[str, object]
) -> None:
    mode = str(kind.pop("mode"))
    with closing(album(saved(a_flag().convert(mode), quality=95, **kind))) as made:
        verdict = made.judge()
        (page,) = drawn(inspector, made, verdict.sha256)
    assert mode == "L" or corners(page) == CORNERS


def test_transparent_pictures_stand_on_white(album: Callable[..., Album], inspector: Inspector) -> None:
    with closing(album(saved(Image.new("RGBA", (64, 64)), "PNG"))) as made:
        (page,) = drawn(inspector, made, made.judge().sha256)
    assert min(page.getpixel((5, 5))) > 250


def test_the_same_photos_give_the_same_bytes(album: Callable[..., Album]) -> None:
    photos = [a_photo(a_jpeg(orientation=6), 90), a_photo(a_png()), a_photo(a_webp()), a_photo(a_heic())]
    with closing(album(*photos)) as first, closing(album(*photos)) as second:
        first.judge()
        second.assemble()
        assert b"".join(first.content()) == b"".join(second.content())


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (a_jpeg()[:-900], Reason.IMAGE_DAMAGED),
        (a_png_that_claims(30_000, 30_000), Reason.TOO_MANY_PIXELS),
        (a_pdf(), Reason.UNKNOWN_TYPE),
        (b"MZ" + bytes(500), Reason.UNKNOWN_TYPE),
    ],
)
def test_one_refused_photo_refuses_the_document_and_names_its_page(
    album: Callable[..., Album], bad: bytes, reason: Reason
) -> None:
    with closing(album(a_jpeg(), a_photo(bad, name=""), a_jpeg())) as made:
        verdict = made.judge()
    assert (verdict.reason, verdict.page) == (reason, 2)
    assert made.size == 0


def test_a_virus_in_one_photo_refuses_the_document(sandbox: Sandbox) -> None:
    carrier = a_jpeg(comment=EICAR)
    with (
        Inspector(scanner=FakeScanner(marker=EICAR), sandbox=sandbox) as inspector,
        closing(Album([a_photo(a_jpeg()), a_photo(carrier)], inspector=inspector, limits=Limits())) as made,
    ):
        verdict = made.judge()
    assert (verdict.finding, verdict.page) == (Finding.INFECTED, 2)


def test_an_album_that_outgrows_the_limit_of_a_pdf_is_refused(album: Callable[..., Album]) -> None:
    with closing(album(a_jpeg(), a_jpeg(), limits=Limits(pdf_bytes=40_000))) as made:
        verdict = made.judge()
    assert (verdict.reason, verdict.page) == (Reason.TOO_LARGE, None)


def test_a_photo_that_changes_between_two_looks_is_never_embedded(inspector: Inspector) -> None:
    first = a_jpeg()
    looks = iter([first, bytes(len(first))])
    photo = Photo(source=lambda: [next(looks)], size=len(first), declared_name="", turn=0)
    with closing(Album([photo], inspector=inspector, limits=Limits())) as made, pytest.raises(HashDisagreement):
        made.judge()


@pytest.mark.parametrize(("width", "height"), [(8160, 6120), (4000, 3000)])
@pytest.mark.parametrize("kind", ["JPEG", "HEIF", "PNG"])
def test_photos_of_fifty_megapixels_are_taken_one_at_a_time_within_the_memory_of_a_child(
    album: Callable[..., Album], kind: str, width: int, height: int
) -> None:
    photo = saved(a_flag(width, height), kind)
    with closing(album(photo, photo)) as made:
        verdict = made.judge()
    assert (verdict.finding, verdict.pages) == (Finding.CLEAN, 2)


@pytest.mark.parametrize(
    "untrusted", [(0, 1, 1, 3, 1), (1, 0, 1, 3, 1), (1, 1 << 20, 1 << 20, 3, 1), (1, 1, 1, 4, 1), (9, 1, 1, 3, 1)]
)
def test_a_child_that_lies_about_its_jpeg_is_not_believed(tmp_path: Path, untrusted: tuple[int, ...]) -> None:
    output = tmp_path / "output"
    output.write_bytes(b"1234")
    with output.open("rb") as file, pytest.raises(SandboxUnavailable):
        embedded(untrusted, file.fileno(), Limits())
