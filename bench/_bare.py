"""The floor under uploads: a WSGI application that reads a body, writes it, syncs it, and knows nothing else."""

import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

CHUNK = 256 * 1024


def app() -> Any:
    """Return the application; bodies go to the folder BENCH_FOLDER."""
    folder = Path(os.environ["BENCH_FOLDER"])

    def serve(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        body = environ["wsgi.input"]
        if environ["REQUEST_METHOD"] == "PUT":
            with open(folder / secrets.token_hex(16), "wb", buffering=0) as file:
                while chunk := body.read(CHUNK):
                    file.write(chunk)
                os.fsync(file.fileno())
        start_response("204 No Content", [])
        return []

    return serve
