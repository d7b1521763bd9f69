"""Puts the simulator together as a Flask application, and serves it."""

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from flask import Flask, Request, Response
from werkzeug.serving import WSGIRequestHandler, make_server

from sandbox.whatsapp.control import control
from sandbox.whatsapp.dialog360 import dialog360
from sandbox.whatsapp.engine import Engine
from sandbox.whatsapp.graph import bytes_of_media, graph
from sandbox.whatsapp.people import people
from sandbox.whatsapp.screen import screen
from sandbox.whatsapp.settings import Settings

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


class InMemoryRequest(Request):
    """Keeps the files of a form in memory: what a customer sends never lies on a disk."""

    def _get_file_stream(self, *_args: object, **_named: object) -> IO[bytes]:
        return io.BytesIO()


def create_app(settings: Settings) -> Flask:
    """Return the application with its clockwork running; `app.extensions["simulator"].stop()` ends that."""
    app = Flask(__name__)
    app.request_class = InMemoryRequest
    app.config["TRUSTED_HOSTS"] = list(settings.trusted_hosts)
    app.config["MAX_CONTENT_LENGTH"] = 17 * 1024 * 1024
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.extensions["simulator"] = engine = Engine(settings)
    for part in (graph, bytes_of_media, dialog360, control, people, screen):
        app.register_blueprint(part)
    app.after_request(_harden)
    engine.start()
    return app


def _harden(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", POLICY)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    return response


class QuietHandler(WSGIRequestHandler):
    """Writes no access log: paths hold phones."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


@contextmanager
def serving(settings: Settings, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve a simulator on a thread; yields its address (`http://127.0.0.1:port`). Port 0 takes a free one."""
    app = create_app(settings)
    server = make_server(host, port, app, threaded=True, request_handler=QuietHandler)
    app.extensions["simulator"].address = f"http://{host}:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
        app.extensions["simulator"].stop()
