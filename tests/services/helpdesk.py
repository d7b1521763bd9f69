"""A real django-helpdesk for one test, in its own environment, started and stopped by process id."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.services.processes import ROOT, Server, free_port, server_directory

PYTHON = ROOT / ".venv-helpdesk/bin/python"
AGENT = "agente"


@dataclass(frozen=True, slots=True, kw_only=True)
class Helpdesk:
    """A running ticket system with one queue (id 1) and one agent."""

    directory: Path
    url: str
    password: str

    def tickets(self) -> list[dict[str, Any]]:
        """Every ticket with its follow-ups, as its API tells them."""
        with httpx.Client(base_url=self.url, auth=(AGENT, self.password), trust_env=False) as client:
            answer = client.get("/api/tickets/", params={"page_size": 100})
            answer.raise_for_status()
            found: list[dict[str, Any]] = answer.json()["results"]
            return found

    def ticket_of(self, reference: str) -> dict[str, Any]:
        """The one ticket whose title holds a reference."""
        (found,) = [each for each in self.tickets() if reference in each["title"].split()]
        return found

    def empty(self) -> None:
        """Forget every ticket, as if it had just been started."""
        with closing(sqlite3.connect(self.directory / "helpdesk.sqlite3", timeout=20)) as database, database:
            for table in ("ticketchange", "followup", "ticket"):
                database.execute(f"DELETE FROM helpdesk_{table}")

    def everything(self) -> str:
        """All that its database holds, as text: what must not be there can be searched for."""
        with closing(sqlite3.connect(self.directory / "helpdesk.sqlite3", timeout=20)) as database:
            return "\n".join(database.iterdump())

    def files(self) -> list[Path]:
        """Every file that it was given, and every mail that it wrote."""
        return [path for name in ("media", "mail") for path in (self.directory / name).rglob("*") if path.is_file()]


@contextmanager
def running_helpdesk() -> Iterator[Helpdesk]:
    """Start it on loopback, with an empty database."""
    if not PYTHON.exists():
        pytest.fail("django-helpdesk is not installed: run `make install-test`", pytrace=False)
    with server_directory("helpdesk") as directory:
        data, port = directory / "data", free_port()
        command = [PYTHON, "-m", "sandbox.helpdesk", "--dir", data, "--port", str(port)]
        server = Server(command, directory=ROOT, log=directory / "log")
        url = f"http://127.0.0.1:{port}"
        try:
            server.start(lambda: _answers(url))
            yield Helpdesk(directory=data, url=url, password=(data / "password").read_text("ascii"))
        finally:
            server.stop()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/login/", trust_env=False, timeout=5).status_code == 200
    except httpx.TransportError:
        return False
