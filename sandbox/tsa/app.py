"""Time-stamping over HTTP (RFC 3161 section 3.4): POST a query, get a reply; GET the certificate to trust."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask, Response, abort, request
from flask.typing import ResponseReturnValue
from werkzeug.serving import WSGIRequestHandler, make_server

from sandbox.tsa.authority import QUERY_LIMIT, Authority


def create_app(directory: Path) -> Flask:
    """Return the application of the authority in `directory`, which is made when it does not exist."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = QUERY_LIMIT
    authority = Authority.at(directory)

    @app.post("/")
    def stamp() -> ResponseReturnValue:
        if request.mimetype != "application/timestamp-query":
            abort(415)
        return Response(authority.answer(request.get_data(cache=False)), mimetype="application/timestamp-reply")

    @app.get("/ca.pem")
    def certificate() -> ResponseReturnValue:
        return Response(authority.ca_pem.read_bytes(), mimetype="application/x-pem-file")

    @app.get("/health")
    def health() -> ResponseReturnValue:
        return {"ok": True}

    return app


class _QuietHandler(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


@contextmanager
def serving(directory: Path, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve the authority on a thread; yields its address. Port 0 takes a free one."""
    server = make_server(host, port, create_app(directory), threaded=True, request_handler=_QuietHandler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
