"""The customer's checklist on a phone, by Lighthouse (mobile, simulated slow 4G), against a trivial page.

Both come from the same portal in the same run, in turn; medians of three. Transferred is what the browser fetched for
the whole page, headers included, nothing in its cache.
"""

import gzip
import json
import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench import _peers
from bench._servers import ROOT, Portal, disk
from portal.customer.visits import COOKIE

ROUNDS = 3
TRIES = 3
"""On a busy machine Lighthouse sometimes misses the beginning of a page."""
KILOBYTES = 30
SCRIPT_BYTES = 3168 + 3 * 1024
"""The main job's script, gzipped, and 3 KB more."""


def run() -> list[dict[str, Any]]:
    """Return name, value and floor, their ratio and its goal; prints what Lighthouse found."""
    script = _peers.javascript() / "page.mjs"
    with tempfile.TemporaryDirectory(prefix="bench-webpage-", dir=disk()) as name, Portal(Path(name)) as portal:
        secret, _ = portal.customer(4)
        address = f"http://127.0.0.1:{portal.port}"
        trivial, page = [], []
        for _ in range(ROUNDS):
            trivial.append(_seen(script, f"{address}/trivial", ""))
            page.append(_seen(script, f"{address}/e", f"{COOKIE}={secret}"))
    lcp = [statistics.median(each["lcp"] for each in seen) for seen in (page, trivial)]
    if failed := sorted({audit for each in page for audit in each["failed"]}):
        print(f"  Lighthouse on the checklist: {', '.join(failed)}")
    requests = page[-1]["requests"]
    kilobytes = sum(each["transferSize"] for each in requests) / 1000
    scripts = sum(_gzipped(each["url"]) for each in requests if each["resourceType"] == "Script")
    return [
        _row("webpage: largest contentful paint, ms, against a trivial page", *lcp, 1.3, at_most=True),
        _row("webpage: KB transferred, against 30", kilobytes, KILOBYTES, 1.0, at_most=True),
        _row("webpage: script gzipped, bytes, against the limit", scripts, SCRIPT_BYTES, 1.0, at_most=True),
        _row("webpage: accessibility, of 100", *_score(page, "accessibility"), 1.0),
        _row("webpage: best practices, of 100", *_score(page, "bestPractices"), 1.0),
    ]


def _seen(script: Path, address: str, cookie: str) -> dict[str, Any]:
    for _ in range(TRIES):
        done = subprocess.run(["node", script, address, cookie], capture_output=True, text=True, check=False)
        if not done.returncode:
            found: dict[str, Any] = json.loads(done.stdout)
            return found
    raise RuntimeError(f"Lighthouse failed: {done.stderr[-2000:]}")


def _score(page: list[dict[str, Any]], category: str) -> tuple[float, float]:
    return 100 * min(each[category] for each in page), 100


def _gzipped(address: str) -> int:
    name = Path(urlsplit(address).path).name
    return len(gzip.compress((ROOT / "portal" / "customer" / "static" / name).read_bytes(), 9, mtime=0))


def _row(name: str, value: float, floor: float, goal: float, *, at_most: bool = False) -> dict[str, Any]:
    ratio = round(value / floor, 2)
    return {
        "name": name,
        "value": round(value, 1),
        "floor": round(floor, 1),
        "ratio": ratio,
        "goal": goal,
        "at_most": at_most,
    }
