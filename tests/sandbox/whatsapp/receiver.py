"""A business's webhook endpoint, as bare as can be: keeps every body, answers what it is told to."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass(slots=True)
class Received:
    """What came in. `answers` are the status codes of the next requests; 200 when none is left."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    verify_token: str = "the-verify-token"


@contextmanager
def receiving() -> Iterator[Received]:
    """Serve on a free port."""
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.bodies.append(self.rfile.read(int(self.headers["content-length"])))
            received.headers.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(received.answers.pop(0) if received.answers else 200)
            self.send_header("content-length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            known = query.get("hub.verify_token") == received.verify_token
            self.send_response(200 if known else 403)
            self.end_headers()
            self.wfile.write(query["hub.challenge"].encode() if known else b"")

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    received.url = f"http://127.0.0.1:{server.server_port}/webhooks/whatsapp"
    try:
        yield received
    finally:
        server.shutdown()
        server.server_close()
