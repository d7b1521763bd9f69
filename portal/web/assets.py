"""Files and pages as a slow phone wants them: compressed; files once, when the application is made.

Rules: the size of a compressed page tells of a secret in it to whoever can put guesses into the same page (BREACH). So
an application compresses its pages only where none repeats what a request says, and no token in them looks alike twice.
An address carries the version of its file.
"""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from flask import Flask, Response, request

COMPRESSED = frozenset({".css", ".js", ".svg"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asset:
    plain: bytes
    packed: bytes
    mimetype: str
    version: str

    @classmethod
    def of(cls, file: Path) -> "_Asset":
        plain = file.read_bytes()
        return cls(
            plain=plain,
            packed=gzip.compress(plain, 9, mtime=0),
            mimetype=mimetypes.guess_type(file.name)[0] or "application/octet-stream",
            version=hashlib.sha256(plain).hexdigest()[:8],
        )

    def response(self, *, packed: bool) -> Response:
        response = Response(self.packed if packed else self.plain, mimetype=self.mimetype)
        if packed:
            response.content_encoding = "gzip"
        response.vary.add("Accept-Encoding")
        response.set_etag(f"{self.version}-gzip" if packed else self.version)
        return response


def install(app: Flask) -> None:
    """Serve the static folder of `app`, and give its templates `asset(name)`: the address of a file."""
    folder = Path(app.static_folder or "")
    found = {file.name: _Asset.of(file) for file in folder.iterdir() if file.suffix in COMPRESSED}

    def serve(filename: str) -> Response:
        if filename not in found:
            return app.send_static_file(filename)
        response = found[filename].response(packed=bool(request.accept_encodings["gzip"]))
        response.make_conditional(request)
        return response

    app.view_functions["static"] = serve
    app.jinja_env.globals["asset"] = lambda name: f"/static/{name}?v={found[name].version}"


def compress_pages(app: Flask) -> None:
    """Compress every page of `app` that is sent in one piece, for whoever takes that."""

    def compress(response: Response) -> Response:
        if response.mimetype != "text/html" or not response.is_sequence or response.content_encoding:
            return response
        response.vary.add("Accept-Encoding")
        if request.accept_encodings["gzip"] and request.method != "HEAD":
            response.set_data(gzip.compress(response.get_data(), 6, mtime=0))
            response.content_encoding = "gzip"
        return response

    app.after_request(compress)
