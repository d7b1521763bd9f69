"""Sealing a document of 200 MB to disk against only writing the same bytes: what protection costs.

Each round does every variant on the same file system, every second round in the other order (a disk takes the first
burst faster than the next one); ratios are taken within a round, and the median is reported.
"""

import hashlib
import os
import secrets
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from storage.blobs import LocalBlobStore
from storage.sealing.contexts import DocumentContext
from storage.sealing.pipeline import SealedStream
from storage.sealing.seal import Sealing
from storage.sealing.stream import payload_size
from storage.sealing.unseal import PrivateKey, decrypt

BLOCK = 1 << 20
BLOCKS = 200
ROUNDS = 6
MEGABYTES = BLOCK * BLOCKS / 1e6


def run() -> list[dict[str, Any]]:
    """Return name, value and floor in MB/s, their ratio and its goal."""
    blocks = [secrets.token_bytes(BLOCK) for _ in range(BLOCKS)]
    with tempfile.TemporaryDirectory(prefix="bench-sealing-", dir=_folder()) as folder:
        place = _Place(Path(folder), blocks)
        rounds = [_round(place, backwards=bool(number % 2)) for number in range(ROUNDS)]
    return [
        _row("sealing an upload: encrypt + write + fsync, 200 MB", "upload", "write", 0.8, rounds),
        _row("sealing to file: plaintext and payload hashed too, 200 MB", "file", "write", 0.8, rounds),
        _row("unsealing: read + decrypt + hash, 200 MB, against read + hash", "unseal", "read", 0.6, rounds),
    ]


class _Place:
    def __init__(self, folder: Path, blocks: list[bytes]) -> None:
        self._blocks = blocks
        self._bare = folder / "bare"
        self._store = LocalBlobStore(folder / "blobs")
        self._identity = PrivateKey.generate()
        self._context = DocumentContext(org="bench", doc="bench", part="original")
        self._header = b""
        self._kept = ""

    def write(self) -> None:
        """The floor: one loop of writes, one fsync, of the same bytes."""
        with open(self._bare, "wb", buffering=0) as file:
            for block in self._blocks:
                file.write(block)
            os.fsync(file.fileno())

    def upload(self) -> None:
        """Seal and store what a customer sends, synced file and folder included."""
        sealing = self._sealing()
        self._put(sealing.encrypt(self._blocks))

    def file(self) -> None:
        """The same with SHA-256 of plaintext and payload, as the inspector files a document."""
        self._put(SealedStream(self._sealing(), self._blocks))

    def clear(self) -> None:
        """Remove what a round wrote; not measured."""
        self._bare.unlink()
        for name in list(self._store.names()):
            self._store.delete(name)

    def read(self) -> None:
        """The floor of reading: the stored bytes, hashed."""
        _hashed(self._store.read(self._kept))

    def unseal(self) -> None:
        """What the inspector and the exporter do with a document."""
        _hashed(decrypt(self._header, self._store.read(self._kept), self._identity, self._context))

    def _sealing(self) -> Sealing:
        sealing = Sealing.to([self._identity.public()], self._context)
        self._header = sealing.header
        return sealing

    def _put(self, sealed: Iterable[bytes]) -> None:
        self._kept = secrets.token_hex(16)
        if self._store.put(self._kept, sealed) != payload_size(BLOCK * BLOCKS):
            raise RuntimeError("not everything was sealed")


def _hashed(chunks: Iterator[bytes]) -> bytes:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.digest()


def _round(place: _Place, *, backwards: bool) -> dict[str, float]:
    writing: list[tuple[str, Callable[[], None]]] = [
        ("write", place.write),
        ("upload", place.upload),
        ("file", place.file),
    ]
    reading: list[tuple[str, Callable[[], None]]] = [("read", place.read), ("unseal", place.unseal)]
    order = (*reversed(writing), *reversed(reading)) if backwards else (*writing, *reading)
    seconds = {name: _seconds(variant) for name, variant in order}
    place.clear()
    return seconds


def _seconds(variant: Callable[[], None]) -> float:
    started = time.perf_counter()
    variant()
    return time.perf_counter() - started


def _row(name: str, value: str, floor: str, goal: float, rounds: list[dict[str, float]]) -> dict[str, Any]:
    return {
        "name": name,
        "value": round(MEGABYTES / statistics.median(one[value] for one in rounds), 1),
        "floor": round(MEGABYTES / statistics.median(one[floor] for one in rounds), 1),
        "ratio": round(statistics.median(one[floor] / one[value] for one in rounds), 2),
        "goal": goal,
    }


def _folder() -> str | None:
    """Where to write: a real disk if the default temporary folder lies in memory. Set TMPDIR to choose."""
    return "/var/tmp" if not os.environ.get("TMPDIR") and Path("/var/tmp").is_dir() else None


if __name__ == "__main__":
    for row in run():
        print(row)
