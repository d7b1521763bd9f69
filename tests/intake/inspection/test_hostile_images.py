"""Images made to hurt: sizes that only the header claims, films, tails, and containers that are something else."""

import io
import struct
import time
from collections.abc import Callable

import pytest
from PIL import Image

from intake.inspection.limits import Limits
from intake.inspection.verdicts import Finding, Reason, Verdict
from tests.intake.inspection import documents

Judge = Callable[..., Verdict]


def a_jpeg_that_claims(width: int, height: int, **options: object) -> bytes:
    content = bytearray(documents.a_jpeg(**options))
    at = next(content.index(mark) for mark in (b"\xff\xc0", b"\xff\xc2") if mark in content)
    content[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(content)


def a_webp_that_claims(width: int, height: int) -> bytes:
    """Extended format: the canvas is 24 bits wide and high."""
    picture = documents.a_webp(lossless=True)
    canvas = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + canvas + picture[12:]
    return b"RIFF" + struct.pack("<I", len(body)) + body


def a_heic_that_claims(width: int, height: int) -> bytes:
    content = documents.a_heic()
    at = content.index(b"ispe") + 8
    return content[:at] + struct.pack(">II", width, height) + content[at + 8 :]


@pytest.mark.parametrize(
    "content",
    [
        a_jpeg_that_claims(65_500, 65_500),
        a_jpeg_that_claims(65_500, 65_500, progressive=True),
        documents.a_png_that_claims(100_000, 100_000),
        a_webp_that_claims(16_000, 16_000),
    ],
    ids=["jpeg", "progressive jpeg", "png", "webp"],
)
def test_more_pixels_than_allowed_are_refused_from_the_header_alone(content: bytes, judge: Judge) -> None:
    started = time.monotonic()
    verdict = judge(content)
    assert verdict.finding in (Finding.NOT_EXAMINABLE, Finding.DAMAGED)
    assert time.monotonic() - started < 5


def test_a_heic_that_lies_about_its_size_is_never_clean(judge: Judge) -> None:
    for size in ((20_000, 10_000), (1 << 31, 1 << 31), (0, 0)):
        assert judge(a_heic_that_claims(*size)).finding is not Finding.CLEAN


def a_film(kind: str, frames: int, side: int = 64) -> bytes:
    out = io.BytesIO()
    first, *others = [Image.new("RGB", (side, side), (step * 7 % 255, 90, 90)) for step in range(frames)]
    first.save(out, kind, save_all=True, append_images=others, duration=40)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_the_frames_of_a_film_count_as_pages_and_as_pixels(kind: str, judge: Judge) -> None:
    film = a_film(kind, 12)
    assert judge(film).finding is Finding.CLEAN
    assert judge(film, limits=Limits(pages=5)).reason is Reason.TOO_MANY_PAGES
    assert judge(film, limits=Limits(pixels=64 * 64 * 6)).reason is Reason.TOO_MANY_PIXELS


def test_a_png_whose_directory_promises_a_million_frames_is_not_decoded(judge: Judge) -> None:
    film = a_film("PNG", 3)
    at = film.index(b"acTL") + 4
    lying = film[:at] + struct.pack(">I", 1_000_000) + film[at + 4 :]
    started = time.monotonic()
    assert judge(lying).finding is not Finding.CLEAN
    assert time.monotonic() - started < 5


CLASS = b"\xca\xfe\xba\xbe" + bytes(60)
TAILS = {
    "mz": b"MZ\x90\0" + bytes(300),
    "elf": b"\x7fELF\x02\x01" + bytes(300),
    "zip": documents.a_zip(),
    "jar with a comment": documents.a_zip()[:-2] + b"\x07\0comment",
    "rar": b"Rar!\x1a\x07\x01\0" + bytes(60),
    "7z": b"7z\xbc\xaf\x27\x1c" + bytes(60),
    "html": b"<html><body onload=alert(1)>",
    "script": b"\n<script src=//example.org></script>",
    "php": b"<?php echo 1;",
    "shell": b"#!/bin/sh\nid\n",
    "class": CLASS,
    "pdf": documents.a_pdf(),
}


@pytest.mark.parametrize(
    "make", [documents.a_jpeg, documents.a_png, documents.a_webp, documents.a_heic], ids=["jpeg", "png", "webp", "heic"]
)
@pytest.mark.parametrize("tail", TAILS.values(), ids=TAILS.keys())
def test_nothing_that_runs_hides_behind_an_image(make: Callable[[], bytes], tail: bytes, judge: Judge) -> None:
    for pad in (b"", b"\0" * 40, b"\r\n"):
        assert judge(make() + pad + tail).finding is not Finding.CLEAN


@pytest.mark.parametrize("tail", [tail for name, tail in TAILS.items() if name != "pdf"])
def test_nothing_that_runs_hides_behind_a_pdf(tail: bytes, judge: Judge) -> None:
    assert judge(documents.a_pdf() + b"\n" + tail, "a.pdf").finding is not Finding.CLEAN


@pytest.mark.parametrize(
    "head",
    [
        b"GIF89a" + documents.a_zip(),
        b"\0\0\0\x18ftypmp42\0\0\0\0heicmp42" + documents.a_heic()[24:],
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0\0\0\x08moov" + bytes(90),
        b"\0\0\0\x14ftypqt  \0\0\0\0heic" + documents.a_heic()[24:],
        b"MZ" + documents.a_jpeg(),
        b" " + documents.a_png(),
        b"\xef\xbb\xbf" + documents.a_pdf(),
        b"RIFF\x24\0\0\0WAVE" + documents.a_webp()[12:],
        b"RIFF" + struct.pack("<I", 4) + b"WEBP" + documents.a_webp()[12:],
    ],
    ids=["gifar", "mp4 brand", "film called heic", "quicktime", "mz", "space", "bom", "wave", "webp with a tail"],
)
def test_a_container_that_is_something_else_is_never_clean(head: bytes, judge: Judge) -> None:
    assert judge(head).finding is not Finding.CLEAN
