"""Is a program well? One small callable for each way in which programs show it."""

import http.client
import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from sandbox.launch.programs import Health

PATIENCE = 3.0
"""Seconds that one question may take."""
FRESH = timedelta(seconds=30)
"""A worker whose last heartbeat is older than this is not well."""


def http_health(port: int, path: str, host: str, *, well: range = range(200, 300)) -> Health:
    """Ask `path` on 127.0.0.1 under the name `host`; a status within `well` is healthy."""

    def ask(_since: datetime) -> str | None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            connection.request("GET", path, headers={"Host": f"{host}:{port}"})
            answer = connection.getresponse()
            body = answer.read(2000).decode("utf-8", "replace").strip()
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__
        finally:
            connection.close()
        return None if answer.status in well else f"answers {answer.status}: {body[:300]}"

    return ask


def clamd_health(path: Path) -> Health:
    """Ask clamd for a PONG on its socket (clamd(8): zPING)."""

    def ask(_since: datetime) -> str | None:
        try:
            with socket.socket(socket.AF_UNIX) as clamd:
                clamd.settimeout(PATIENCE)
                clamd.connect(str(path))
                clamd.sendall(b"zPING\0")
                answer = clamd.recv(16)
        except OSError as error:
            return type(error).__name__
        return None if answer == b"PONG\0" else "does not answer PONG"

    return ask


def heartbeat_health(engine: Engine, role: str) -> Health:
    """Look for the worker's row in `heartbeats`: written since the time in question, and lately."""

    def ask(since: datetime) -> str | None:
        try:
            with engine.connect() as connection:
                query = text("SELECT max(at) FROM heartbeats WHERE role = :role")
                found = connection.execute(query, {"role": role}).scalar()
        except SQLAlchemyError as error:
            return type(error).__name__
        if found is None:
            return "no heartbeat yet"
        at = datetime.fromisoformat(found) if isinstance(found, str) else found
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return None if at >= since and datetime.now(UTC) - at < FRESH else "no fresh heartbeat"

    return ask


def process_alive(pid: int) -> bool:
    """Tell whether a process of this id exists and is no zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return bool(fields) and fields[0] not in "ZX" and os.path.exists(f"/proc/{pid}")
