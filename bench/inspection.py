"""Inspecting photos and scanned PDFs against clamd driven directly with the same bytes: what all but the scan costs.

The clamd is our own, with the few signatures of the demo: the hardest case for the ratio, since with the official
ones a scan takes about ten times as long. Every document is unique, for clamd remembers what it found clean. Each
round does both variants, every second round in the other order; ratios are taken within a round, and the median is
reported.
"""

import io
import secrets
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pikepdf
from PIL import Image, ImageChops

from intake.inspection.chain import Inspector
from intake.inspection.clamav import ClamdScanner
from intake.inspection.sandbox import Sandbox
from intake.inspection.scanning import Outcome
from intake.inspection.verdicts import Finding, ScannerUnavailable
from sandbox.clamav import prepare

PARALLEL = 8
CHUNK = 256 * 1024
ROUNDS = 5
Make = Callable[[], bytes]


def run() -> list[dict[str, Any]]:
    """Return name, value and floor in MB/s, their ratio and its goal."""
    photo = _photo()
    paper = _paper(photo, pages=8)
    with _clamd() as scanner, Sandbox(children=4) as sandbox, Inspector(scanner=scanner, sandbox=sandbox) as inspector:
        sandbox.start()
        bench = _Bench(scanner, inspector)
        return [
            bench.row("inspecting 3 MB photos, 8 in parallel", lambda: _unique_jpeg(photo), 40, 0.8),
            bench.row(
                "inspecting 25 MB scanned PDFs, 8 in parallel", lambda: paper + secrets.token_hex(8).encode(), 8, 0.8
            ),
        ]


class _Bench:
    def __init__(self, scanner: ClamdScanner, inspector: Inspector) -> None:
        self._scanner = scanner
        self._inspector = inspector

    def row(self, name: str, make: Make, count: int, goal: float) -> dict[str, Any]:
        rounds = [self._round(make, count, backwards=bool(number % 2)) for number in range(ROUNDS)]
        ratios = [inspected / direct for inspected, direct in rounds]
        value, floor = (statistics.median(column) for column in zip(*rounds, strict=True))
        return {
            "name": name,
            "value": round(value, 1),
            "floor": round(floor, 1),
            "ratio": round(statistics.median(ratios), 2),
            "goal": goal,
        }

    def _round(self, make: Make, count: int, *, backwards: bool) -> tuple[float, float]:
        """Return MB/s inspected and MB/s scanned directly."""
        steps = [self._inspect, self._scan]
        speeds = [_speed(step, [make() for _ in range(count)]) for step in (reversed(steps) if backwards else steps)]
        inspected, direct = reversed(speeds) if backwards else speeds
        return inspected, direct

    def _inspect(self, content: bytes) -> None:
        verdict = self._inspector.inspect(lambda: _chunks(content), size=len(content), declared_name="")
        if verdict.finding is not Finding.CLEAN:
            raise RuntimeError(verdict.reason)

    def _scan(self, content: bytes) -> None:
        if self._scanner.scan(_chunks(content), len(content)).outcome is not Outcome.CLEAN:
            raise RuntimeError("not clean")


def _speed(step: Callable[[bytes], None], documents: list[bytes]) -> float:
    started = time.perf_counter()
    with ThreadPoolExecutor(PARALLEL) as pool:
        list(pool.map(step, documents))
    return sum(map(len, documents)) / 1e6 / (time.perf_counter() - started)


def _chunks(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content), CHUNK):
        yield content[start : start + CHUNK]


def _photo() -> bytes:
    """A 12-megapixel JPEG of about 3 MB."""
    smooth = Image.effect_noise((1000, 750), 60).resize((4000, 3000), Image.Resampling.BICUBIC)
    grain = Image.effect_noise((4000, 3000), 14)
    bands = [ImageChops.add(smooth, grain, 2), ImageChops.add(smooth.rotate(180), grain, 2), smooth]
    out = io.BytesIO()
    Image.merge("RGB", bands).save(out, "JPEG", quality=77)
    return out.getvalue()


def _unique_jpeg(photo: bytes) -> bytes:
    return photo[:2] + b"\xff\xfe\x00\x12" + secrets.token_bytes(16) + photo[2:]


def _paper(photo: bytes, *, pages: int) -> bytes:
    """A PDF of scanned pages, each its own JPEG, so that a few bytes behind %%EOF make it unique."""
    with pikepdf.new() as pdf:
        for _ in range(pages):
            image = pikepdf.Stream(pdf, _unique_jpeg(photo))
            for key, value in (
                ("/Type", pikepdf.Name.XObject),
                ("/Subtype", pikepdf.Name.Image),
                ("/Width", 4000),
                ("/Height", 3000),
                ("/BitsPerComponent", 8),
                ("/ColorSpace", pikepdf.Name.DeviceRGB),
                ("/Filter", pikepdf.Name.DCTDecode),
            ):
                image[key] = value
            page = pdf.add_blank_page(page_size=(612, 792))
            page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Im0=image))
            page.Contents = pikepdf.Stream(pdf, b"q 612 0 0 792 0 0 cm /Im0 Do Q")
        out = io.BytesIO()
        pdf.save(out)
    return out.getvalue()


@contextmanager
def _clamd() -> Iterator[ClamdScanner]:
    with tempfile.TemporaryDirectory(prefix="bench-clamd-", dir="/dev/shm") as folder:
        place = Path(folder)
        conf = prepare(place, socket=place / "clamd.ctl", spool=place / "spool", official=place / "none")
        scanner = ClamdScanner(str(place / "clamd.ctl"))
        with subprocess.Popen(["clamd", "-c", conf], stdout=subprocess.DEVNULL) as process:
            try:
                _wait_for(scanner)
                yield scanner
            finally:
                process.kill()


def _wait_for(scanner: ClamdScanner) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            return scanner.ping()
        except ScannerUnavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


if __name__ == "__main__":
    for row in run():
        print(row)
