"""Puts the simulator together as a Flask application, and serves it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask, Response
from werkzeug.serving import WSGIRequestHandler, make_server

from sandbox.whatsapp import people  # noqa: F401 (adds its part to the control plane)
from sandbox.whatsapp.control import control
from sandbox.whatsapp.dialog360 import dialog360
from sandbox.whatsapp.engine import Engine
from sandbox.whatsapp.graph import bytes_of_media, graph
from sandbox.whatsapp.screen import screen
from sandbox.whatsapp.settings import Settings

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


def create_app(settings: Settings) -> Flask:
    """Return the application with its clockwork running; `app.extensions["simulator"].stop()` ends that."""
    app = Flask(__name__)
    app.config["TRUSTED_HOSTS"] = list(settings.trusted_hosts)
    app.config["MAX_CONTENT_LENGTH"] = 17 * 1024 * 1024
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.extensions["simulator"] = engine = Engine(settings)
    for part in (graph, bytes_of_media, dialog360, control, screen):
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
