"""The gateway of a benchmark, and the floor under it: an application that inserts one row for each body and no more.

Both keep the row in SQLite's WAL with `synchronous=FULL`, so that it is on disk before the 200; the floor checks no
signature, reads no JSON, drops no repetition.
"""

import os
import secrets
import sqlite3
import threading
from collections.abc import Iterable
from typing import Any

from config.logging import configure_logging
from intake.links import LinkSigner
from portal.gateway.app import GatewayApp, build
from storage.database import Database
from storage.sealing.box import Box

BOX = Box([bytes(range(32))])
COLUMNS = "id, org_id, sender_id, dedup_key, kind, fields, received_at, due_at, attempt, takeovers"
VALUES = "?, ?, ?, ?, 'status', '{}', datetime('now'), datetime('now'), 0, 0"
INSERT = f"INSERT INTO inbound_events ({COLUMNS}) VALUES ({VALUES})"


def app() -> GatewayApp:
    """Build the gateway over the database of the benchmark."""
    configure_logging("gateway")
    return build(
        Database(os.environ["BENCH_DATABASE"]),
        link_signer=LinkSigner([b"l" * 32]),
        box=BOX,
        public_url="http://portal.localhost",
        api_url="http://api.localhost",
        staff_url="http://staff.localhost",
        secret_key=b"s" * 32,
    )


def bare() -> Any:
    """Return the floor."""
    path, org, sender = (os.environ[name] for name in ("BENCH_FILE", "BENCH_ORG", "BENCH_SENDER"))
    here, turn = threading.local(), threading.Lock()

    def connection() -> sqlite3.Connection:
        if not hasattr(here, "connection"):
            here.connection = sqlite3.connect(path, isolation_level=None, timeout=15)
            for pragma in ("journal_mode=WAL", "synchronous=FULL"):
                here.connection.execute(f"PRAGMA {pragma}")
        found: sqlite3.Connection = here.connection
        return found

    def serve(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ["wsgi.input"].read()
        if environ["REQUEST_METHOD"] == "POST":
            with turn:  # as the product does: SQLite's own queue is unfair
                sqlite = connection()
                sqlite.execute("BEGIN IMMEDIATE")
                sqlite.execute(INSERT, (secrets.token_hex(16), org, sender, secrets.token_hex(16)))
                sqlite.execute("COMMIT")
        start_response("200 OK", [("Content-Length", "0")])
        return []

    return serve
