"""A proxy before a real S3 server that breaks chosen requests the way networks and servers do."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Fault(StrEnum):
    """What may go wrong with one request."""

    REFUSED = "503 SlowDown, the server never saw it"
    BROKEN = "500 without a body"
    LOST_REQUEST = "connection closed before the server saw it"
    LOST_ANSWER = "the server did it, the answer is lost"
    CUT_ANSWER = "half of the answer, then closed"
    FLIPPED = "one bit of the body flips on the way"
    ERROR_IN_SUCCESS = "200 with an error in the body, and the server never saw it"
    EMPTY_SUCCESS = "200, whatever it was"
    EXPIRED = "403 ExpiredToken"
    FULL = "507 InsufficientStorage"


ERROR = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>{}</Code><Message>a fault</Message></Error>'
ANSWERS = {
    Fault.REFUSED: (503, "SlowDown"),
    Fault.BROKEN: (500, None),
    Fault.ERROR_IN_SUCCESS: (200, "InternalError"),
    Fault.EMPTY_SUCCESS: (200, None),
    Fault.EXPIRED: (403, "ExpiredToken"),
    Fault.FULL: (507, "InsufficientStorage"),
}

Rule = Callable[[str, str], Fault | None]
"""Takes method and path with query, returns what happens to that request."""


@dataclass
class FaultProxy:
    """A running proxy: `rule` decides, `seen` remembers the method and path of every request."""

    endpoint_url: str
    rule: Rule = field(default=lambda _method, _path: None)
    seen: list[tuple[str, str]] = field(default_factory=list)

    def first(self, count: int, fault: Fault, method: str, part: str = "") -> None:
        """Break the next `count` requests of this method whose path holds `part`."""
        left = count
        guard = threading.Lock()

        def rule(asked: str, path: str) -> Fault | None:
            nonlocal left
            with guard:
                if asked != method or part not in path or left <= 0:
                    return None
                left -= 1
                return fault

        self.rule = rule


@contextmanager
def running_proxy(target_port: int) -> Iterator[FaultProxy]:
    """Run a proxy to a server on loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            proxy.seen.append((self.command, self.path))
            fault = proxy.rule(self.command, self.path)
            if fault in ANSWERS:
                self.answer(*ANSWERS[fault])
            elif fault is Fault.LOST_REQUEST:
                self.close_connection = True
            else:
                if fault is Fault.FLIPPED and body:
                    body = bytes([body[0] ^ 1]) + body[1:]
                self.pass_on(body, fault)

        def pass_on(self, body: bytes, fault: Fault | None) -> None:
            server = http.client.HTTPConnection("127.0.0.1", target_port, timeout=30)
            server.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in {"connection", "expect"}:
                    server.putheader(name, value)
            server.endheaders(body or None)
            reply = server.getresponse()
            content = reply.read()
            server.close()
            if fault is Fault.LOST_ANSWER:
                self.close_connection = True
                return
            self.send_response_only(reply.status, reply.reason)
            for name, value in reply.getheaders():
                if name.lower() not in {"connection", "transfer-encoding", "content-length"}:
                    self.send_header(name, value)
            length = reply.getheader("Content-Length") if self.command == "HEAD" else str(len(content))
            self.send_header("Content-Length", length or "0")
            self.end_headers()
            if fault is Fault.CUT_ANSWER:
                content = content[: len(content) // 2]
                self.close_connection = True
            self.wfile.write(content)

        def answer(self, status: int, code: str | None) -> None:
            content = ERROR.format(code).encode() if code else b""
            self.send_response_only(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = forward

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that hung up is no error here."""

    with Quiet(("127.0.0.1", 0), Handler) as server:
        proxy = FaultProxy(endpoint_url=f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()
