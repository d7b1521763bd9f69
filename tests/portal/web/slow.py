"""What the tests of slow clients serve: an application that reads a body, and a worker with short deadlines."""

import os
from collections.abc import Iterable
from typing import Any

from portal.web.serving import PatientWorker


class ShortWorker(PatientWorker):
    """The worker of production, with deadlines that a test can wait for."""

    head_seconds = 2.0
    body_seconds = 2.0


def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Read the body, if there is one, and answer with its length."""
    try:
        size = len(environ["wsgi.input"].read())
    except OSError:
        start_response("408 Request Timeout", [("Content-Length", "0")])
        return []
    said = f"{size} {os.getpid()}".encode() if environ["PATH_INFO"] == "/process" else str(size).encode()
    start_response("200 OK", [("Content-Length", str(len(said)))])
    return [said]
