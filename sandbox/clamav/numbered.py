"""Our own signatures as one numbered, dated database, so that clamd names them in VERSION as it names official ones.

The format is ClamAV's unsigned container (`.cud`): a head of 512 bytes, then a gzipped tar that begins with
`daily.info`, which repeats the head and lists size and SHA-256 of every file. clamd takes number and date from a
database named `daily`.
"""

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping
from datetime import UTC, datetime

NAME = "daily.cud"
HEAD_BYTES = 512
LEVEL = 90
"""Functionality level that the signatures ask of the engine: any that is in use."""


def number_of(files: Mapping[str, bytes]) -> int:
    """Return a number of at most eight digits that changes with the signatures."""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + files[name] + b"\0")
    return 1 + int.from_bytes(digest.digest()[:4]) % 99_999_999


def numbered(files: Mapping[str, bytes], *, number: int, built: datetime) -> bytes:
    """Return the database: `files` maps names such as `daily.ndb` to signatures, one a line."""
    told = f"{built.astimezone(UTC):%d %b %Y %H-%M +0000}:{number}:{len(files)}:{LEVEL}"
    made = f"resguardo:{int(built.timestamp())}"
    lines = [f"ClamAV-VDB:{told}:X:X:{made}"]
    lines += [f"{name}:{len(content)}:{hashlib.sha256(content).hexdigest()}" for name, content in files.items()]
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        for name, content in {"daily.info": "\n".join([*lines, ""]).encode(), **files}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    body = gzip.compress(tar.getvalue())
    md5 = hashlib.md5(body, usedforsecurity=False).hexdigest()
    return f"ClamAV-VDB:{told}:{md5}:X:{made}".encode().ljust(HEAD_BYTES) + body
