"""Objects as files of one folder: written aside, synced, then linked into place under a name that was free.

`incoming/` holds what is being written, `objects/ab/` the finished ones (256 folders by the hash of the name; a slash
of the name is a dot of the file name): soon every folder is there, and a `put` syncs one file and one folder. Folders
are 0700, files 0600. A folder counts as there only once its own entry is synced. The folder above the root must exist,
and a root that is not there is an unavailable store, never an empty one: an unmounted disk must not look like erased
documents.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from storage.blobs.protocol import (
    BlobDamaged,
    BlobExists,
    BlobMissing,
    BlobStoreUnavailable,
    Chunk,
    checked_name,
    checked_prefix,
    checked_range,
    is_name,
    runs,
)
from storage.blobs.writing import failure_of, translated, write_all

BLOCK = 1024 * 1024
"""Bytes of one read."""
LEAST = 128 * 1024
"""Bytes of one write at least."""


class LocalBlobStore:
    """A BlobStore in one folder of a local file system that has hard links."""

    def __init__(self, root: Path) -> None:
        """Use `root`, which the first `check` or `put` makes."""
        self._root = root
        self._incoming = root / "incoming"
        self._objects = root / "objects"
        self._durable: set[Path] = set()

    def put(self, name: str, chunks: Iterable[Chunk]) -> int:
        """See BlobStore. Syncs the file, links it, syncs its folder."""
        path = self._path(name)
        with translated():
            self._make(self._incoming)
            self._make(path.parent)
            if path.exists():
                raise BlobExists
        temporary = self._incoming / secrets.token_hex(16)
        try:
            size = self._write(temporary, chunks)
            with translated():
                _publish(temporary, path)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()
        return size

    def read(self, name: str) -> Iterator[bytes]:
        """See BlobStore."""
        with self._opened(name) as descriptor:
            missing = os.fstat(descriptor).st_size
            while missing:
                with _damage():
                    piece = os.read(descriptor, BLOCK)
                if not piece:
                    raise BlobDamaged
                missing -= len(piece)
                yield piece

    def read_range(self, name: str, start: int, length: int) -> bytes:
        """See BlobStore."""
        checked_range(start, length)
        with self._opened(name) as descriptor:
            if start + length > os.fstat(descriptor).st_size:
                raise BlobDamaged
            found = bytearray()
            while len(found) < length:
                with _damage():
                    piece = os.pread(descriptor, length - len(found), start + len(found))
                if not piece:
                    raise BlobDamaged
                found += piece
            return bytes(found)

    def size(self, name: str) -> int:
        """See BlobStore."""
        with self._opened(name) as descriptor:
            return os.fstat(descriptor).st_size

    def delete(self, name: str) -> None:
        """See BlobStore. The removal is synced too: what was erased does not come back with a power cut."""
        path = self._path(name)
        self._require_root()
        with translated(), contextlib.suppress(FileNotFoundError):
            path.unlink(missing_ok=True)
            _sync_directory(path.parent)

    def names(self, prefix: str = "") -> Iterator[str]:
        """See BlobStore. Walks the whole store."""
        start = checked_prefix(prefix)
        self._require_root()
        found = self._objects.glob("??/*")
        while True:
            with translated():
                path = next(found, None)
            if path is None:
                return
            name = path.name.replace(".", "/")
            if name.startswith(start) and is_name(name):
                yield name

    def check(self) -> None:
        """See BlobStore. The probe stays inside `incoming/`."""
        probe = self._incoming / secrets.token_hex(16)
        linked = probe.with_suffix(".probe")
        try:
            with translated():
                self._make(self._incoming)
                self._make(self._objects)
            self._write(probe, [b"probe"])
            with translated():
                _publish(probe, linked)
                if linked.read_bytes() != b"probe":
                    raise BlobStoreUnavailable
        finally:
            for left in (probe, linked):
                with contextlib.suppress(OSError):
                    left.unlink()

    def sweep(self, older_than: datetime) -> int:
        """Remove unfinished files last written before `older_than` (aware) that no living process writes; count them.

        Call it at start: what is still there then was never acknowledged.
        """
        swept = 0
        with translated(), contextlib.suppress(FileNotFoundError):
            for left in self._incoming.iterdir():
                if datetime.fromtimestamp(left.stat().st_mtime, UTC) < older_than and _is_abandoned(left):
                    left.unlink(missing_ok=True)
                    swept += 1
        return swept

    def _path(self, untrusted_name: str) -> Path:
        name = checked_name(untrusted_name)
        fan = hashlib.sha256(name.encode()).hexdigest()
        return self._objects / fan[:2] / name.replace("/", ".")

    def _require_root(self) -> None:
        if not self._root.is_dir():
            raise BlobStoreUnavailable("root")

    @contextlib.contextmanager
    def _opened(self, name: str) -> Iterator[int]:
        path = self._path(name)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            self._require_root()
            raise BlobMissing from None
        except OSError as error:
            raise failure_of(error) from error
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _make(self, directory: Path) -> None:
        """Make a folder below the root and sync its entry, once a process: another may have made it without syncing."""
        if directory in self._durable:
            return
        if directory != self._root:
            self._make(directory.parent)
        with contextlib.suppress(FileExistsError):
            directory.mkdir(mode=0o700)
        _sync_directory(directory.parent)
        self._durable.add(directory)

    def _write(self, path: Path, chunks: Iterable[Chunk]) -> int:
        """Write a new file and sync it. Locked while it is written, so that `sweep` leaves it alone."""
        with translated():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with translated():
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            size = write_all(descriptor, runs(chunks, LEAST))
            with translated():
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return size


@contextlib.contextmanager
def _damage() -> Iterator[None]:
    """A sector that cannot be read is damage; anything else is the store failing."""
    try:
        yield
    except OSError as error:
        raise (BlobDamaged() if error.errno == errno.EIO else failure_of(error)) from error


def _publish(temporary: Path, path: Path) -> None:
    """Give a synced file its name, for good. Raises BlobExists; withdraws the name when it could not be synced."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise BlobExists from None
    try:
        _sync_directory(path.parent)
    except OSError:
        path.unlink()
        raise


def _is_abandoned(path: Path) -> bool:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
