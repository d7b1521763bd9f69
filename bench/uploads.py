"""Uploads through the public portal beside other upload servers, each sent the same files by the same client.

Floor: a bare server under the same gunicorn that reads and syncs. Peers: @tus/server with its file store (creation
with upload, like ours), and copyparty (PUT), which is faster than any other Python server found and leaves out
encryption, sync, receipt and trace. 3 MB a file; every server in turn in each round, every second round backwards;
ratios are taken within a round, and the median is reported. Client and servers share the machine.
"""

import contextlib
import secrets
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench._servers import Bare, Connection, Copyparty, Portal, Tus, disk, expect
from tests.intake.building import MIB

FILE = 3_000_000
FILES = 96
ROUNDS = 5
SLICES = (512 * 1024, 1024 * 1024, FILE)
LARGE = 200 * MIB
GROWTH_MIB = 64
Send = Callable[[Connection], None]


def run() -> list[dict[str, Any]]:
    """Return name, value and floor, their ratio and its goal."""
    with tempfile.TemporaryDirectory(prefix="bench-uploads-", dir=disk()) as name:
        folder = Path(name)
        with Portal(folder) as portal, Bare(folder) as bare, Tus(folder) as tus, Copyparty(folder) as copyparty:
            eight = [_round(_works(portal, bare, tus, copyparty), 8, number) for number in range(ROUNDS)]
            many = [_round({"whole": portal, "copyparty": copyparty}, 32, number) for number in range(ROUNDS)]
            growth = _growth(portal)
    return [
        _row("uploads: 3 MB, 8 at a time, MB/s against @tus/server", "whole", "tus", eight, 1.3),
        _row("uploads: the same in the script's slices", "sliced", "tus_sliced", eight, 0.0),
        _row("uploads: 3 MB, 8 at a time, MB/s against copyparty", "whole", "copyparty", eight, 0.7),
        _row("uploads: 3 MB, 32 at a time, MB/s against copyparty", "whole", "copyparty", many, 0.9),
        _row("uploads: 3 MB, 8 at a time, MB/s against read + fsync", "whole", "bare", eight, 0.4),
        {
            "name": "uploads: growth of a process under 4 x 200 MB, MiB against 64",
            "value": round(growth, 1),
            "floor": GROWTH_MIB,
            "ratio": round(growth / GROWTH_MIB, 2),
            "goal": 1.0,
            "at_most": True,
        },
    ]


def _works(portal: Portal, bare: Bare, tus: Tus, copyparty: Copyparty) -> dict[str, Any]:
    return {"bare": bare, "whole": portal, "tus": tus, "copyparty": copyparty, "sliced": portal, "tus_sliced": tus}


def _round(works: dict[str, Any], parallel: int, number: int) -> dict[str, float]:
    names = list(works)
    return {
        name: _rate(works[name], parallel, sliced=name.endswith("sliced"))
        for name in (reversed(names) if number % 2 else names)
    }


def _rate(server: Any, parallel: int, *, sliced: bool) -> float:
    """MB/s of FILES new files by `parallel` clients, each with a connection of its own that stays open."""
    server.prepare(clients=parallel, files=FILES + parallel)
    data = secrets.token_bytes(FILE)
    local = threading.local()

    def one(_: int) -> None:
        if not hasattr(local, "connection"):
            local.connection = server.connect()
        if sliced:
            server.send_slices(local.connection, data, SLICES)
        else:
            server.send(local.connection, data)

    with ThreadPoolExecutor(parallel) as pool:
        list(pool.map(one, range(parallel)))  # connections and imports are warm
        started = time.perf_counter()
        list(pool.map(one, range(FILES)))
        return FILES * FILE / 1e6 / (time.perf_counter() - started)


def _row(name: str, key: str, floor: str, rounds: list[dict[str, float]], goal: float) -> dict[str, Any]:
    return {
        "name": name,
        "value": round(statistics.median(each[key] for each in rounds), 1),
        "floor": round(statistics.median(each[floor] for each in rounds), 1),
        "ratio": round(statistics.median(each[key] / each[floor] for each in rounds), 2),
        "goal": goal,
    }


def _growth(portal: Portal) -> float:
    """MiB by which the larger process exceeds its resting size while four files of 200 MiB arrive."""
    portal.prepare(clients=4, files=4)
    pids = portal.workers()
    resting = {pid: _memory(pid, "VmRSS") for pid in pids}
    for pid in pids:
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak is counted from here
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: _send_large(portal), range(4)))
    return max(_memory(pid, "VmHWM") - resting[pid] for pid in pids) / 1024


def _send_large(portal: Portal) -> None:
    block = secrets.token_bytes(MIB)
    headers = portal.headers() | {"Upload-Length": str(LARGE), "Content-Length": str(LARGE)}
    with contextlib.closing(portal.connect()) as connection:
        blocks: Iterator[bytes] = (block for _ in range(LARGE // MIB))
        connection.request("POST", "/e/uploads", blocks, headers | {"Content-Type": "application/offset+octet-stream"})
        expect(connection, 201)


def _memory(pid: int, field: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1])
    raise RuntimeError(field)
