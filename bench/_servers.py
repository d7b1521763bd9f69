"""What uploads are sent to: the portal and its peers, each a process of its own with one way to send it a file."""

import base64
import contextlib
import http.client
import os
import queue
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Self

from bench import _peers
from portal.customer.visits import COOKIE
from records.organizations import Organization
from storage.blobs import LocalBlobStore
from storage.database import Database, utcnow
from tests.intake.building import MIB, a_link, a_request, a_visit, certified_keys
from tests.services.models import load_models

ROOT = Path(__file__).resolve().parents[1]
PROCESSES = 2
LARGEST = 256 * MIB
BODY = "application/offset+octet-stream"
TUS = {"Tus-Resumable": "1.0.0"}
Connection = http.client.HTTPConnection


class Server:
    """A server that listens on a port of this machine while the block runs."""

    probe = "/"

    def __init__(self, command: Sequence[str | Path], folder: Path, **environment: str) -> None:
        """Say how it is started; `{port}` in the command becomes its port."""
        self._command, self._folder = command, folder
        self._environment = os.environ | environment | {"PYTHONPATH": str(ROOT)}
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port = int(found.getsockname()[1])

    def __enter__(self) -> Self:
        command = [str(word).replace("{port}", str(self.port)) for word in self._command]
        with open(self._folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + 60
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError(f"{command[0]} did not start; see {self._folder / 'log'}")
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def send(self, connection: Connection, data: bytes) -> None:
        """Upload one new file in one request."""
        raise NotImplementedError

    def prepare(self, *, clients: int, files: int) -> None:
        """Make ready for a run; not measured."""

    def workers(self) -> list[int]:
        """The process ids that serve under gunicorn."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def connect(self) -> Connection:
        """Return a new connection."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)

    def _answers(self) -> bool:
        with contextlib.closing(self.connect()) as connection:
            try:
                connection.request("GET", self.probe)
                return connection.getresponse().status < 500
            except OSError:
                return False


def gunicorn(application: str) -> list[str]:
    """Return the command that serves a WSGI application as production does."""
    return [
        *(sys.executable, "-m", "gunicorn", "-c", "python:config.gunicorn", "--workers", str(PROCESSES)),
        *("--threads", "128", "--bind", "127.0.0.1:{port}", application),
    ]


class Bare(Server):
    """The floor: reads a body, writes it, syncs it."""

    def __init__(self, folder: Path) -> None:
        """Write to `folder`."""
        super().__init__(gunicorn("bench._bare:app()"), folder, BENCH_FOLDER=str(_made(folder / "bare")))

    def send(self, connection: Connection, data: bytes) -> None:
        """PUT."""
        connection.request("PUT", "/", data)
        expect(connection, 204)


class Tus(Server):
    """@tus/server with its file store, in one process of Node."""

    def __init__(self, folder: Path) -> None:
        """Write to `folder`."""
        script = _peers.javascript() / "tus.mjs"
        super().__init__(["node", script, "{port}", _made(folder / "tus")], folder)

    def send(self, connection: Connection, data: bytes) -> None:
        """Create an upload with its whole body."""
        self.send_slices(connection, data, (len(data),))

    def send_slices(self, connection: Connection, data: bytes, slices: tuple[int, ...]) -> None:
        """Send the first slice with the creation, the others as they follow."""
        said = f"filename {base64.b64encode(b'ine.jpg').decode()}"
        send_slices(connection, "/files", data, slices, {"Upload-Metadata": said} | TUS)


class Copyparty(Server):
    """copyparty, which neither encrypts nor syncs."""

    def __init__(self, folder: Path) -> None:
        """Write to `folder`."""
        place = _made(folder / "copyparty")
        options = f"-i 127.0.0.1 -p {{port}} -v {place}::rw -q --no-thumb -j 1".split()
        super().__init__([_peers.copyparty(), "-m", "copyparty", *options], folder, XDG_CONFIG_HOME=str(place))

    def send(self, connection: Connection, data: bytes) -> None:
        """PUT under a name of its own."""
        connection.request("PUT", f"/{secrets.token_hex(16)}.jpg", data)
        expect(connection, 201)


class Portal(Server):
    """The public portal on SQLite and a folder. Each client is a customer with a link of her own."""

    probe = "/healthz"

    def __init__(self, folder: Path) -> None:
        """Put database and objects into `folder`."""
        self.database = Database(f"sqlite:///{folder / 'resguardo.db'}")
        load_models().metadata.create_all(self.database.engine)
        LocalBlobStore(folder / "blobs").check()
        with self.database.transaction() as session:
            keys = certified_keys(session, now=utcnow())
        self._places: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        super().__init__(
            gunicorn("bench._portal:app()"),
            folder,
            SITE_DATABASE=str(self.database.url),
            SITE_BLOBS=str(folder / "blobs"),
            SITE_CUSTODIAN=base64.b64encode(keys.custodian.verify_key().raw).decode(),
        )

    def prepare(self, *, clients: int, files: int) -> None:
        """Give `clients` customers requests and visits with room for `files` in all, handed out in turn."""
        self._places = queue.SimpleQueue()
        each = -(-files // clients)
        customers = [self.customer(each) for _ in range(clients)]
        for number in range(each):
            for secret, slots in customers:
                self._places.put((secret, slots[number]))

    def customer(self, files: int) -> tuple[str, list[str]]:
        """Return the cookie of a customer's visit and at least `files` free slots of her request."""
        secret, now = secrets.token_urlsafe(32), utcnow()
        with self.database.transaction() as session:
            request = a_request(session, now=now, max_bytes=LARGEST, requirements=files)
            link = a_link(session, request, now=now)
            link.max_files, link.max_bytes, link.max_attempts = 10**6, 10**15, 10**6
            company = session.get_one(Organization, link.org_id)
            company.max_files, company.max_bytes, company.max_attempts = 10**6, 10**15, 10**6
            company.case_max_files, company.case_max_bytes, company.case_max_attempts = 10**6, 10**15, 10**6
            a_visit(session, link, now=now, secret=secret).ends_at = now + timedelta(days=1)
            return secret, [slot.id for slot in request.slots]

    def send(self, connection: Connection, data: bytes) -> None:
        """Create an upload with its whole body."""
        self.send_slices(connection, data, (len(data),))

    def send_slices(self, connection: Connection, data: bytes, slices: tuple[int, ...]) -> None:
        """Send the first slice with the creation, the others as they follow."""
        send_slices(connection, "/e/uploads", data, slices, self.headers())

    def headers(self) -> dict[str, str]:
        """Return the headers of a creation in a slot that is free."""
        secret, slot = self._places.get_nowait()
        said = f"slot {base64.b64encode(slot.encode()).decode()}"
        return {"Cookie": f"{COOKIE}={secret}", "Upload-Metadata": said} | TUS


def send_slices(
    connection: Connection, path: str, data: bytes, slices: tuple[int, ...], headers: dict[str, str]
) -> None:
    """Upload one file by tus: creation-with-upload, then one PATCH for each further slice."""
    end = slices[0]
    headers = headers | {"Content-Type": BODY}
    connection.request("POST", path, data[:end], headers | {"Upload-Length": str(len(data))})
    location = expect(connection, 201)
    for size in slices[1:]:
        start, end = end, min(len(data), end + size)
        connection.request("PATCH", location, data[start:end], headers | {"Upload-Offset": str(start)})
        expect(connection, 204)


def expect(connection: Connection, status: int) -> str:
    """Read an answer to its end; return its Location. Raises RuntimeError for another status."""
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != status:
        raise RuntimeError(f"{answer.status}: {text[:200]!r}")
    return answer.headers.get("Location", "")


def disk() -> str | None:
    """Where files are real files: not tmpfs."""
    return "/var/tmp" if Path("/var/tmp").is_dir() else None


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
