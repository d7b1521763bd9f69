"""A stub on a thread, with faults on order: refusals, limits, silence, an answer that gets lost after the effect."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from flask import Flask, Response, g, request
from flask.typing import ResponseReturnValue
from werkzeug.serving import WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

Kind = Literal["status", "hang", "slow", "drop"]


@dataclass(slots=True, kw_only=True)
class Fault:
    """Strikes the next `times` calls of `method` whose path holds `path`.

    `drop`: the call has its effect, the answer never gets out. `hang`: no effect, no answer for `seconds`. `slow`:
    both, late.
    """

    kind: Kind = "status"
    method: str = "POST"
    path: str = ""
    times: int = 1
    status: int = 500
    retry_after: str = ""
    seconds: float = 1.0


@dataclass(slots=True)
class Faults:
    """The faults in force."""

    rules: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault) -> None:
        """Order a fault."""
        with self._lock:
            self.rules.append(fault)

    def strike(self, method: str, path: str) -> Fault | None:
        """Return the fault that a call meets, if any."""
        with self._lock:
            for rule in self.rules:
                if rule.times > 0 and rule.method in (method, "*") and rule.path in path:
                    rule.times -= 1
                    return rule
        return None


def install(app: Flask, faults: Faults) -> None:
    """Let every call of a stub meet the faults."""

    @app.before_request
    def meet() -> ResponseReturnValue | None:
        fault = faults.strike(request.method, request.path)
        match fault.kind if fault is not None else None:
            case "status" if fault is not None:
                headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
                return {"message": "a fault on order"}, fault.status, headers
            case "hang" if fault is not None:
                time.sleep(fault.seconds)
                _cut()
                return "", 500
            case "slow" if fault is not None:
                time.sleep(fault.seconds)
            case "drop":
                g.drop = True
        return None

    @app.after_request
    def lose(response: Response) -> Response:
        if g.get("drop"):
            _cut()
        return response


def _cut() -> None:
    connection: socket.socket | None = request.environ.get("werkzeug.socket")
    if connection is not None:
        connection.shutdown(socket.SHUT_RDWR)


class _Handler(WSGIRequestHandler):
    def make_environ(self) -> "WSGIEnvironment":
        """Let names with underscores through, as Chatwoot's `api_access_token`: the server drops them else."""
        environ = super().make_environ()
        for name, value in self.headers.items():
            if "_" in name:
                environ[f"HTTP_{name.upper()}"] = value
        return environ

    def log(self, type: str, message: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def serving(app: Flask, *, port: int = 0) -> Iterator[str]:
    """Serve a stub on loopback; yields its address. Port 0 takes a free one."""
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=_Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
