"""Taking in webhooks: the gateway against an application that only inserts a row, both behind gunicorn.

Every body is a delivery of one status, as the platform sends most of them, signed, with ids of its own. Throughput is
that of many connections at once; the wait is that of 50 deliveries a second, sent when they are due whatever became of
the one before. Each round does both servers, every second round in the other order; ratios are taken within a round.
"""

import hashlib
import hmac
import json
import secrets
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from bench._servers import Connection, Server, disk, expect, gunicorn
from storage.database import Database
from tests.portal.gateway.company import Company, a_company
from tests.services.models import load_models

ROUNDS = 5
CONNECTIONS = 16
EACH = 60
RATE = 50
SECONDS = 5
WAITS = 3
"""Runs whose percentiles the median is taken of."""
LONGEST_MS = 250.0
"""What the platform asks of a receiver, for nearly all deliveries."""


def run() -> list[dict[str, Any]]:
    """Return throughput in requests a second against the floor's, and the 99th percentile against 250 ms."""
    with tempfile.TemporaryDirectory(prefix="bench-webhooks-", dir=disk()) as name, _serving(Path(name)) as servers:
        for server in servers:  # connections and imports are warm
            _throughput(server)
        rounds = []
        for number in range(ROUNDS):
            order = servers if number % 2 == 0 else servers[::-1]
            rounds.append({type(server): _throughput(server) for server in order})
        waits = {type(server): statistics.median(_wait(server) for _ in range(WAITS)) for server in servers}
    ratios = [each[Gateway] / each[Bare] for each in rounds]
    return [
        {
            "name": f"webhooks a second, {CONNECTIONS} connections, against a bare insert",
            "value": round(statistics.median(each[Gateway] for each in rounds)),
            "floor": round(statistics.median(each[Bare] for each in rounds)),
            "ratio": round(statistics.median(ratios), 2),
            "goal": 0.5,
        },
        {
            "name": f"webhook p99 at {RATE} a second, ms, against {LONGEST_MS:.0f} (bare: {waits[Bare]:.1f})",
            "value": round(waits[Gateway], 1),
            "floor": LONGEST_MS,
            "ratio": round(waits[Gateway] / LONGEST_MS, 3),
            "goal": 1.0,
            "at_most": True,
        },
    ]


class _Receiver(Server):
    """Takes deliveries for one company."""

    path = "/"

    def __init__(self, application: str, folder: Path, company: Company, **environment: str) -> None:
        self._company = company
        super().__init__(gunicorn(application), folder, **environment)

    def deliver(self, connection: Connection, body: bytes, signature: str) -> None:
        """POST one delivery."""
        headers = {"Content-Type": "application/json", "X-Hub-Signature-256": signature}
        connection.request("POST", self.path, body, headers)
        expect(connection, 200)

    def signed(self, body: bytes) -> str:
        """Sign as the platform does."""
        return "sha256=" + hmac.digest(self._company.secret, body, hashlib.sha256).hex()


class Gateway(_Receiver):
    """The product."""

    probe = "/healthz"

    def __init__(self, folder: Path, company: Company) -> None:
        """Serve over the database in `folder`."""
        super().__init__("bench._gateway:app()", folder, company, BENCH_DATABASE=f"sqlite:///{folder / 'resguardo.db'}")
        self.path = f"/webhooks/whatsapp/{company.sender_id}"


class Bare(_Receiver):
    """The floor."""

    def __init__(self, folder: Path, company: Company) -> None:
        """Insert into the same table of a database of its own."""
        place = {"BENCH_FILE": str(folder / "resguardo.db"), "BENCH_ORG": company.org_id}
        super().__init__("bench._gateway:bare()", folder, company, BENCH_SENDER=company.sender_id, **place)


@contextmanager
def _serving(folder: Path) -> Iterator[list[_Receiver]]:
    """Run both servers, each over a database of its own."""
    with ExitStack() as stack:
        servers: list[_Receiver] = []
        for kind in (Gateway, Bare):
            place = folder / kind.__name__
            place.mkdir()
            database = Database(f"sqlite:///{place / 'resguardo.db'}")
            load_models().metadata.create_all(database.engine)
            servers.append(stack.enter_context(kind(place, a_company(database, "valle"))))
            database.dispose()
        yield servers


def _bodies(count: int, sign: Callable[[bytes], str]) -> list[tuple[bytes, str]]:
    made = []
    for _ in range(count):
        status = {
            "id": f"wamid.{secrets.token_hex(24)}",
            "status": "delivered",
            "timestamp": str(int(time.time())),
            "recipient_id": "5215512345678",
            "recipient_user_id": "MX.13491208655302741918",
            "biz_opaque_callback_data": secrets.token_hex(16),
            "pricing": {"billable": True, "pricing_model": "PMP", "type": "regular", "category": "utility"},
        }
        value = {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "525550001234", "phone_number_id": "106540352242922"},
            "contacts": [{"profile": {"name": "Ana Mu\u00f1oz"}, "wa_id": "5215512345678"}],
            "statuses": [status],
        }
        entry = {"id": "102290129340398", "time": int(time.time()), "changes": [{"field": "messages", "value": value}]}
        body = json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
        made.append((body, sign(body)))
    return made


def _throughput(server: _Receiver) -> float:
    """Return requests a second over many connections."""
    parts = [_bodies(EACH, server.signed) for _ in range(CONNECTIONS)]
    ready = threading.Barrier(CONNECTIONS + 1)

    def client(part: list[tuple[bytes, str]]) -> None:
        with closing(server.connect()) as connection:
            connection.connect()
            ready.wait()
            for body, signature in part:
                server.deliver(connection, body, signature)

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        running = [pool.submit(client, part) for part in parts]
        ready.wait()
        started = time.perf_counter()
        for each in running:
            each.result()
        return CONNECTIONS * EACH / (time.perf_counter() - started)


def _wait(server: _Receiver) -> float:
    """Return the 99th percentile in ms, counted from when each delivery was due."""
    started = time.perf_counter() + 0.2
    due = list(enumerate(_bodies(RATE * SECONDS, server.signed)))
    waits: list[float] = []

    def client(mine: Iterator[tuple[int, tuple[bytes, str]]]) -> None:
        with closing(server.connect()) as connection:
            for number, (body, signature) in mine:
                at = started + number / RATE
                time.sleep(max(0.0, at - time.perf_counter()))
                server.deliver(connection, body, signature)
                waits.append(time.perf_counter() - at)

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for each in [pool.submit(client, iter(due[lane::CONNECTIONS])) for lane in range(CONNECTIONS)]:
            each.result()
    return 1000 * statistics.quantiles(waits, n=100)[98]
