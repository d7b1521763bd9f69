"""Time until a customer reads "received", against what it would be if the virus scan were part of the request.

The same unique bytes are uploaded through the portal and then scanned by clamd (our own, with the few signatures of the
demo: the hardest case for the ratio); inline is the sum of both. One customer at a time; medians over the rounds.
"""

import secrets
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from bench._documents import chunks, paper, photo, unique_jpeg
from bench._scanning import clamd
from bench._servers import Portal, disk
from intake.inspection.clamav import ClamdScanner
from intake.inspection.scanning import Outcome

ROUNDS = 15
GOAL = 0.25


def run() -> list[dict[str, Any]]:
    """Return name, value and floor in ms, their ratio and its goal."""
    picture = photo()
    scanned = paper(picture, pages=8)
    with (
        tempfile.TemporaryDirectory(prefix="bench-received-", dir=disk()) as name,
        Portal(Path(name)) as portal,
        clamd() as scanner,
    ):
        return [
            _row("received: 3 MB photo, ms, against scanning inline", portal, scanner, lambda: unique_jpeg(picture)),
            _row(
                "received: 25 MB scanned PDF, ms, against scanning inline",
                portal,
                scanner,
                lambda: scanned + secrets.token_hex(8).encode(),
            ),
        ]


def _row(name: str, portal: Portal, scanner: ClamdScanner, make: Callable[[], bytes]) -> dict[str, Any]:
    portal.prepare(clients=1, files=ROUNDS + 2)
    with closing(portal.connect()) as connection:

        def upload(content: bytes) -> None:
            portal.send(connection, content)

        def scan(content: bytes) -> None:
            if scanner.scan(chunks(content), len(content)).outcome is not Outcome.CLEAN:
                raise RuntimeError("not clean")

        for _ in range(2):  # connection and imports are warm
            upload(make())
        rounds = [_round(upload, scan, make()) for _ in range(ROUNDS)]
    uploading = statistics.median(uploaded for uploaded, _ in rounds)
    inline = statistics.median(uploaded + scanned for uploaded, scanned in rounds)
    return {
        "name": name,
        "value": round(1000 * uploading, 1),
        "floor": round(1000 * inline, 1),
        "ratio": round(statistics.median(uploaded / (uploaded + scanned) for uploaded, scanned in rounds), 2),
        "goal": GOAL,
        "at_most": True,
    }


def _round(upload: Callable[[bytes], None], scan: Callable[[bytes], None], content: bytes) -> tuple[float, float]:
    started = time.perf_counter()
    upload(content)
    uploaded = time.perf_counter()
    scan(content)
    return uploaded - started, time.perf_counter() - uploaded
