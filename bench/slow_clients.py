"""200 phones that upload at 64 KB/s, and another customer beside them, under gunicorn as production runs it.

She sends small files one after the other, alone and beside the phones: her 99th percentile may be five times what it is
alone, and 50 ms at most. The phones are a process of their own, so that they do not share her interpreter. The memory
is what the serving processes grow by, for each phone.
"""

import base64
import contextlib
import json
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from bench._servers import BODY, ROOT, TUS, Portal, disk, expect
from portal.customer.visits import COOKIE

PHONES = 200
REQUESTS = 200
FILE = 64 * 1024
MOST_MS = 50
SETTLE_SECONDS = 10
BUSY_SECONDS = 60
"""How long all phones are waited for."""


def run() -> list[dict[str, Any]]:
    """Return name, value and floor, their ratio and its goal."""
    with tempfile.TemporaryDirectory(prefix="bench-slow-", dir=disk()) as name, Portal(Path(name)) as portal:
        _times(portal, 40)  # what is loaded once is loaded
        before = _times(portal, REQUESTS)
        resting = _memory(portal)
        with _phones(portal) as counts:
            _wait_for_all(counts)
            beside = _times(portal, REQUESTS)
            grown = _memory(portal) - resting
            sending = _newest(counts)["sending"]
        alone = _p99(before + _times(portal, REQUESTS))
    each = grown / PHONES / 1024
    return [
        _row(
            "slow clients: p99 of a small upload beside 200 phones at 64 KB/s, ms against alone",
            _p99(beside),
            alone,
            5.0,
        ),
        _row("slow clients: p99 of a small upload beside 200 phones, ms against 50", _p99(beside), MOST_MS, 1.0),
        _row("slow clients: memory for each phone, MiB against 1", each, 1.0, 1.0),
        {
            "name": "slow clients: phones whose upload goes on at once, of 200",
            "value": sending,
            "floor": PHONES,
            "ratio": round(sending / PHONES, 2),
            "goal": 0.95,
        },
    ]


def _row(name: str, value: float, floor: float, goal: float) -> dict[str, Any]:
    return {
        "name": name,
        "value": round(value, 2),
        "floor": round(floor, 2),
        "ratio": round(value / floor, 2),
        "goal": goal,
        "at_most": True,
    }


def _times(portal: Portal, count: int) -> list[float]:
    """Milliseconds of each of `count` small files that one customer sends, over one connection."""
    data, taken = secrets.token_bytes(FILE), []
    secret, slots = portal.customer(count)
    with contextlib.closing(portal.connect()) as connection:
        for slot in slots[:count]:
            said = f"slot {base64.b64encode(slot.encode()).decode()}"
            head = TUS | {"Cookie": f"{COOKIE}={secret}", "Upload-Metadata": said, "Content-Type": BODY}
            started = time.perf_counter()
            connection.request("POST", "/e/uploads", data, head | {"Upload-Length": str(FILE)})
            expect(connection, 201)
            taken.append((time.perf_counter() - started) * 1000)
    return taken


def _p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[98]


@contextmanager
def _phones(portal: Portal) -> Iterator[IO[str]]:
    """Let the phones upload while the block runs; yields what they tell, a line a second."""
    places = []
    for _ in range(PHONES):
        secret, slots = portal.customer(1)
        places.append((f"{COOKIE}={secret}", slots[0]))
    command = [sys.executable, "-m", "bench._phones", str(portal.port)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("no pipe")
        json.dump(places, process.stdin)
        process.stdin.close()
        try:
            yield process.stdout
        finally:
            process.terminate()


def _wait_for_all(counts: IO[str]) -> None:
    """Wait until nearly all phones send, and then until each was acknowledged more than once."""
    deadline = time.monotonic() + BUSY_SECONDS
    while time.monotonic() < deadline:
        found = json.loads(counts.readline())
        if found["sending"] >= PHONES * 0.95 and found["acknowledged"] >= 2 * PHONES:
            return
    print(f"  not all phones send: {found}", file=sys.stderr)


def _newest(counts: IO[str]) -> dict[str, int]:
    """Return what the phones tell now: the lines of the measured time lie before it."""
    started = time.monotonic()
    while True:
        line = counts.readline()
        if time.monotonic() - started > 0.5:
            found: dict[str, int] = json.loads(line)
            return found


def _memory(portal: Portal) -> float:
    """KiB that the serving processes hold together."""
    found = 0
    for pid in portal.workers():
        status = Path(f"/proc/{pid}/status").read_text()
        found += next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))
    return found
