"""Inspecting photos and scanned PDFs against clamd driven directly with the same bytes: what all but the scan costs.

Once to the verdict, once with the page images that follow it, through the same warm sandbox.

The clamd is our own, with the few signatures of the demo: the hardest case for the ratio, since with the official
ones a scan takes about ten times as long. Every document is unique, for clamd remembers what it found clean. Each
round does every variant, every second round in the other order; ratios are taken within a round, and the median is
reported.
"""

import secrets
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench._documents import chunks, paper, photo, unique_jpeg
from bench._scanning import clamd
from intake.inspection.chain import Inspector
from intake.inspection.clamav import ClamdScanner
from intake.inspection.sandbox import Sandbox
from intake.inspection.scanning import Outcome
from intake.inspection.verdicts import Finding, Mime, Verdict

PARALLEL = 8
ROUNDS = 5
Step = Callable[[bytes], object]


def run() -> list[dict[str, Any]]:
    """Return name, value and floor in MB/s, their ratio and its goal."""
    picture = photo()
    scanned = paper(picture, pages=8)
    with clamd() as scanner, Sandbox(children=4) as sandbox, Inspector(scanner=scanner, sandbox=sandbox) as inspector:
        sandbox.start()
        bench = _Bench(scanner, inspector)
        return [
            *bench.rows("3 MB photos", lambda: unique_jpeg(picture), 40),
            *bench.rows("25 MB scanned PDFs", lambda: scanned + secrets.token_hex(8).encode(), 8),
        ]


class _Bench:
    def __init__(self, scanner: ClamdScanner, inspector: Inspector) -> None:
        self._scanner = scanner
        self._inspector = inspector

    def rows(self, what: str, make: Callable[[], bytes], count: int) -> list[dict[str, Any]]:
        steps: dict[str, Step] = {"scan": self._scan, "inspect": self._inspect, "preview": self._preview}
        rounds = [_round(steps, make, count, backwards=bool(number % 2)) for number in range(ROUNDS)]
        return [
            _row(f"inspecting {what}, {PARALLEL} in parallel", "inspect", rounds, 0.9),
            _row(f"inspecting {what} with previews, {PARALLEL} in parallel", "preview", rounds, 0.6),
        ]

    def _scan(self, content: bytes) -> None:
        if self._scanner.scan(chunks(content), len(content)).outcome is not Outcome.CLEAN:
            raise RuntimeError("not clean")

    def _inspect(self, content: bytes) -> Verdict:
        verdict = self._inspector.inspect(lambda: chunks(content), size=len(content), declared_name="")
        if verdict.finding is not Finding.CLEAN:
            raise RuntimeError(verdict.reason)
        return verdict

    def _preview(self, content: bytes) -> None:
        verdict = self._inspect(content)
        pages = self._inspector.render_previews(
            lambda: chunks(content), size=len(content), mime=Mime(str(verdict.mime)), sha256=verdict.sha256
        )
        if sum(1 for _ in pages) != verdict.pages:
            raise RuntimeError("not every page was drawn")


def _round(steps: dict[str, Step], make: Callable[[], bytes], count: int, *, backwards: bool) -> dict[str, float]:
    """Return MB/s of each step, each with documents of its own."""
    names = list(steps)
    return {
        name: _speed(steps[name], [make() for _ in range(count)]) for name in (reversed(names) if backwards else names)
    }


def _speed(step: Step, documents: list[bytes]) -> float:
    started = time.perf_counter()
    with ThreadPoolExecutor(PARALLEL) as pool:
        list(pool.map(step, documents))
    return sum(map(len, documents)) / 1e6 / (time.perf_counter() - started)


def _row(name: str, key: str, rounds: list[dict[str, float]], goal: float) -> dict[str, Any]:
    return {
        "name": name,
        "value": round(statistics.median(each[key] for each in rounds), 1),
        "floor": round(statistics.median(each["scan"] for each in rounds), 1),
        "ratio": round(statistics.median(each[key] / each["scan"] for each in rounds), 2),
        "goal": goal,
    }
