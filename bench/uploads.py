"""Uploads through the public portal, against a bare server under the same gunicorn that only reads and fsyncs.

Three figures: 3 MB files, 8 at a time, each sent in one request (sealed, durable, a row and an audit event for each);
the same in the slices that the page's script sends; and how much a process grows while four files of 200 MB arrive.
Ratios are taken within a round, servers in turn, and the median is reported.
"""

import base64
import contextlib
import http.client
import os
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from portal.customer.visits import COOKIE
from records.links import UploadLink, Visit
from storage.blobs import LocalBlobStore
from storage.database import Database
from tests.intake.building import MIB, World, a_visit, a_world
from tests.services.models import load_models

ROOT = Path(__file__).resolve().parents[1]
FILE = 3_000_000
PARALLEL = 8
FILES = 48
ROUNDS = 5
SLICES = (512 * 1024, 1024 * 1024, FILE)
LARGE = 200 * MIB
GROWTH_MIB = 64
PROCESSES = 2
BODY = "application/offset+octet-stream"


def run() -> list[dict[str, Any]]:
    """Return name, value and floor, their ratio and its goal."""
    with tempfile.TemporaryDirectory(prefix="bench-uploads-", dir=_disk()) as name:
        folder = Path(name)
        with _Portal(folder) as portal, _Bare(folder) as bare:
            rounds = [_round(portal, bare, backwards=bool(number % 2)) for number in range(ROUNDS)]
            growth = portal.growth()
    return [
        _row("uploads: 3 MB, 8 at a time, one request each, MB/s against read + fsync", "whole", rounds, 0.4),
        _row("uploads: 3 MB, 8 at a time, in the script's slices, MB/s against read + fsync", "sliced", rounds, 0.3),
        {
            "name": "uploads: growth of a process under 4 x 200 MB, MiB against 64",
            "value": round(growth, 1),
            "floor": GROWTH_MIB,
            "ratio": round(growth / GROWTH_MIB, 2),
            "goal": 1.0,
            "at_most": True,
        },
    ]


def _row(name: str, key: str, rounds: list[dict[str, float]], goal: float) -> dict[str, Any]:
    return {
        "name": name,
        "value": round(statistics.median(each[key] for each in rounds), 1),
        "floor": round(statistics.median(each["bare"] for each in rounds), 1),
        "ratio": round(statistics.median(each[key] / each["bare"] for each in rounds), 2),
        "goal": goal,
    }


def _round(portal: "_Portal", bare: "_Bare", *, backwards: bool) -> dict[str, float]:
    data = secrets.token_bytes(FILE)
    works: list[tuple[str, Callable[[http.client.HTTPConnection], None]]] = [
        ("bare", lambda connection: bare.put(connection, data)),
        ("whole", lambda connection: portal.send(connection, data, (FILE,))),
        ("sliced", lambda connection: portal.send(connection, data, SLICES)),
    ]
    ports = {"bare": bare.port, "whole": portal.port, "sliced": portal.port}
    return {name: _rate(ports[name], work) for name, work in (reversed(works) if backwards else works)}


def _rate(port: int, work: Callable[[http.client.HTTPConnection], None]) -> float:
    """MB/s of FILES files by PARALLEL clients, each with a connection of its own that stays open."""
    local = threading.local()

    def one(_: int) -> None:
        if not hasattr(local, "connection"):
            local.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        work(local.connection)

    with ThreadPoolExecutor(PARALLEL) as pool:
        list(pool.map(one, range(PARALLEL)))  # connections and imports are warm
        started = time.perf_counter()
        list(pool.map(one, range(FILES)))
        return FILES * FILE / 1e6 / (time.perf_counter() - started)


class _Served:
    """Something behind gunicorn as production runs it."""

    def __init__(self, application: str, environment: dict[str, str], folder: Path) -> None:
        self._application, self._environment, self._folder = application, environment, folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])

    def __enter__(self) -> Any:
        command = [sys.executable, "-m", "gunicorn", "-c", "python:config.gunicorn", "--workers", str(PROCESSES)]
        with open(self._folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                [*command, "--threads", "128", "--bind", f"127.0.0.1:{self.port}", self._application],
                cwd=ROOT,
                env=os.environ | self._environment | {"PYTHONPATH": str(ROOT)},
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 60
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError("the server did not start")
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(timeout=60)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        with contextlib.closing(connection):
            try:
                connection.request("GET", "/healthz")
                return connection.getresponse().status < 300
            except OSError:
                return False

    def workers(self) -> list[int]:
        """The process ids that serve."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text()
        return [int(pid) for pid in children.split()]


class _Bare(_Served):
    def __init__(self, folder: Path) -> None:
        (folder / "bare").mkdir()
        super().__init__("bench._bare:app()", {"BENCH_FOLDER": str(folder / "bare")}, folder)

    def put(self, connection: http.client.HTTPConnection, data: bytes) -> None:
        connection.request("PUT", "/", data)
        _expect(connection, 204)


class _Portal(_Served):
    def __init__(self, folder: Path) -> None:
        database = Database(f"sqlite:///{folder / 'resguardo.db'}")
        load_models().metadata.create_all(database.engine)
        with database.engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("BEGIN")
        needed = ROUNDS * 2 * (FILES + PARALLEL) + 3 * PARALLEL
        self._world = a_world(database, LocalBlobStore(folder / "blobs"), max_bytes=LARGE + MIB, requirements=needed)
        self._slots: Iterator[str] = iter(self._world.slots)
        self._lock = threading.Lock()
        self._secret = _roomy_visit(self._world)
        super().__init__(
            "tests.portal.customer.site:app()",
            {
                "SITE_DATABASE": str(database.url),
                "SITE_BLOBS": str(folder / "blobs"),
                "SITE_CUSTODIAN": base64.b64encode(self._world.keys.custodian.verify_key().raw).decode(),
            },
            folder,
        )

    def send(self, connection: http.client.HTTPConnection, data: bytes, slices: tuple[int, ...]) -> None:
        """Upload one file: the first slice with the creation, the others as they follow."""
        end = slices[0]
        self._create(connection, len(data), data[:end])
        location = _expect(connection, 201)
        for size in slices[1:]:
            start, end = end, min(len(data), end + size)
            headers = self._headers(Upload_Offset=str(start), Content_Type=BODY)
            connection.request("PATCH", location, data[start:end], headers)
            _expect(connection, 204)

    def growth(self) -> float:
        """MiB by which the larger process exceeds its resting size while four files of 200 MiB arrive."""
        pids = self.workers()
        resting = {pid: _memory(pid, "VmRSS") for pid in pids}
        for pid in pids:
            Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak is counted from here
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: self._send_large(), range(4)))
        return max(_memory(pid, "VmHWM") - resting[pid] for pid in pids) / 1024

    def _send_large(self) -> None:
        block = secrets.token_bytes(MIB)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        with contextlib.closing(connection):
            self._create(connection, LARGE, (block for _ in range(LARGE // MIB)))
            _expect(connection, 201)

    def _create(self, connection: http.client.HTTPConnection, length: int, body: Any) -> None:
        with self._lock:
            slot = next(self._slots)
        said = ",".join(f"{key} {base64.b64encode(value).decode()}" for key, value in (("slot", slot.encode()),))
        headers = self._headers(Upload_Length=str(length), Upload_Metadata=said, Content_Type=BODY)
        if not isinstance(body, bytes):
            headers["Content-Length"] = str(length)
        connection.request("POST", "/e/uploads", body, headers)

    def _headers(self, **more: str) -> dict[str, str]:
        fixed = {"Cookie": f"{COOKIE}={self._secret}", "Tus-Resumable": "1.0.0"}
        return fixed | {name.replace("_", "-"): value for name, value in more.items()}


def _roomy_visit(world: World) -> str:
    secret = secrets.token_urlsafe(32)
    with world.database.transaction() as session:
        link = session.get_one(UploadLink, world.link_id)
        link.max_files, link.max_bytes = 10**6, 10**15
        visit: Visit = a_visit(session, link, now=world.clock.now, secret=secret)
        visit.ends_at = world.clock.now.replace(year=2100)
    return secret


def _expect(connection: http.client.HTTPConnection, status: int) -> str:
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != status:
        raise RuntimeError(f"{answer.status}: {text[:200]!r}")
    return answer.headers.get("Location", "")


def _memory(pid: int, field: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1])
    raise RuntimeError(field)


def _disk() -> str | None:
    """Where files are real files: not tmpfs."""
    return "/var/tmp" if Path("/var/tmp").is_dir() else None
