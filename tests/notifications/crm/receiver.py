"""A real receiver of webhooks on loopback: it verifies with the official library and answers as told."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook

from tests.records.crm.company import SECRET


@dataclass(frozen=True, kw_only=True)
class Reply:
    """How the receiver answers once."""

    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    wait_s: float = 0.0


@dataclass(kw_only=True)
class Receiver:
    """What came, and what is answered: `replies` in turn, then `usual`."""

    server: ThreadingHTTPServer
    secrets: tuple[str, ...] = (SECRET,)
    replies: list[Reply] = field(default_factory=list)
    usual: Reply = field(default_factory=Reply)
    got: list[dict[str, Any]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server.server_port}/hook"

    def ids(self) -> list[str]:
        """The webhook ids in the order of their coming."""
        return [each["webhook-id"] for each in self.headers]

    def types(self) -> list[str]:
        """The types in the order of their coming."""
        return [each["type"] for each in self.got]


class Handler(BaseHTTPRequestHandler):
    """Takes one webhook."""

    receiver: Receiver

    def do_POST(self) -> None:
        """Verify, remember, answer."""
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        for secret in self.receiver.secrets:
            Webhook(secret).verify(body, headers)  # raises: then there is no answer, and the test fails
        self.receiver.bodies.append(body)
        self.receiver.headers.append(headers)
        self.receiver.paths.append(self.path)
        self.receiver.got.append(json.loads(body))
        reply = self.receiver.replies.pop(0) if self.receiver.replies else self.receiver.usual
        time.sleep(reply.wait_s)
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def receiving(*replies: Reply) -> Iterator[Receiver]:
    """Raise a receiver."""
    handler = type("Bound", (Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    receiver = Receiver(server=server, replies=list(replies))
    handler.receiver = receiver
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
