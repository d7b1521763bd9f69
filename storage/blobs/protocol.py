"""What every blob store promises: an object is whole or absent, durable once acknowledged, and never overwritten.

Names are opaque to a store and seen by whoever can list it: they hold random ids, nothing about a person. No name may
be a folder of another (`a` and `a/b`): some S3 servers are file systems underneath and refuse the second.
"""

import re
from collections.abc import Iterable, Iterator
from typing import ClassVar, Protocol

Chunk = bytes | bytearray | memoryview
"""What `put` takes: a buffer, read before the next one is asked for, so that the caller may reuse it."""

NAME = re.compile(r"[0-9a-z]+(?:/[0-9a-z]+)*")
PREFIX = re.compile(r"(?:[0-9a-z]+/)*[0-9a-z]*")
NAME_LIMIT = 200
"""Characters of the longest name: with room for a prefix it fits a file name (255) and an S3 key (1024)."""


class BlobError(Exception):
    """Anything that a blob store cannot do. `code` is stable."""

    code: ClassVar[str] = "blob_error"


class BlobMissing(BlobError):
    """There is no object of this name."""

    code = "blob_missing"


class BlobExists(BlobError):
    """There is already an object of this name, and objects are never overwritten."""

    code = "blob_exists"


class BlobDamaged(BlobError):
    """The object is there and its bytes are not all readable, or changed on the way."""

    code = "blob_damaged"


class BlobStoreUnavailable(BlobError):
    """The store does not answer, refuses or failed: nothing is known to be stored."""

    code = "blob_store_unavailable"


class BlobStoreFull(BlobError):
    """There is no room left: nothing was stored."""

    code = "blob_store_full"


class BlobNameRefused(BlobError):
    """The name could mean something to a file system or a URL."""

    code = "blob_name_refused"


class BlobStore(Protocol):
    """A place for immutable objects. Safe to share between threads; every method raises only BlobError."""

    def put(self, name: str, chunks: Iterable[Chunk]) -> int:
        """Store an object in constant memory and return its bytes; then it survives a crash of the machine.

        Raises BlobExists when the name is taken (of several writers one wins), BlobStoreFull, BlobStoreUnavailable.
        Until it returns no reader sees any of it, and an error of `chunks` itself passes through with nothing stored.
        """

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the object in pieces of at most 8 MiB.

        Raises BlobMissing at the first piece, BlobDamaged there or later.
        """

    def read_range(self, name: str, start: int, length: int) -> bytes:
        """Return exactly `length` bytes from offset `start`. Raises BlobDamaged when the object ends before that."""

    def size(self, name: str) -> int:
        """Return the bytes of the object. Raises BlobMissing."""

    def delete(self, name: str) -> None:
        """Remove the object for good; deleting what is not there is no error."""

    def names(self, prefix: str = "") -> Iterator[str]:
        """Yield the names that begin with `prefix`, in no promised order."""

    def check(self) -> None:
        """Write, read and remove a probe. Raises BlobStoreUnavailable or BlobStoreFull when the store cannot serve."""


def checked_name(untrusted_name: str) -> str:
    """Return the name when it is one. Raises BlobNameRefused."""
    if not is_name(untrusted_name):
        raise BlobNameRefused
    return untrusted_name


def is_name(text: str) -> bool:
    """Tell whether a store can hold an object of this name; what else lies in a folder or bucket is not ours."""
    return len(text) <= NAME_LIMIT and NAME.fullmatch(text) is not None


def checked_prefix(untrusted_prefix: str) -> str:
    """Return the prefix when a name can begin with it. Raises BlobNameRefused."""
    if len(untrusted_prefix) > NAME_LIMIT or PREFIX.fullmatch(untrusted_prefix) is None:
        raise BlobNameRefused
    return untrusted_prefix


def checked_range(start: int, length: int) -> None:
    """Raise ValueError unless the range is one: a caller's mistake, not the store's."""
    if start < 0 or length < 0:
        raise ValueError("a range begins at 0 or later and has no negative length")


def runs(chunks: Iterable[Chunk], least: int) -> Iterator[Chunk]:
    """Join small chunks until they have `least` bytes (the last run may be shorter); a bigger one passes uncopied."""
    held = bytearray()
    for chunk in chunks:
        if not held and len(chunk) >= least:
            yield chunk
            continue
        held += chunk
        if len(held) >= least:
            yield held
            held = bytearray()
    if held:
        yield held


def blocks(chunks: Iterable[Chunk], size: int) -> Iterator[memoryview]:
    """Regroup `chunks` into blocks of exactly `size` bytes, the last one shorter; nothing at all yields no block."""
    held: list[bytes | memoryview] = []
    length = 0
    for chunk in chunks:
        held.append(chunk if isinstance(chunk, bytes) else bytes(chunk))
        length += len(held[-1])
        if length < size:
            continue
        joined = memoryview(held[0] if len(held) == 1 else b"".join(held))
        whole = length - length % size
        yield from (joined[start : start + size] for start in range(0, whole, size))
        held, length = [joined[whole:]], length - whole
    if length:
        yield memoryview(b"".join(held))
