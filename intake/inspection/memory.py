"""One document in sealed memory: written once, never on a disk, unchangeable while anyone looks at it."""

import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

from intake.inspection.verdicts import HashDisagreement

CHUNK = 256 * 1024


class Memory:
    """A memory file. Close it as soon as its reader is done; use it as a context manager."""

    def __init__(self, descriptor: int, size: int, sha256: str) -> None:
        self.descriptor = descriptor
        self.size = size
        self.sha256 = sha256

    @classmethod
    def of(cls, chunks: Iterable[bytes], size: int | None = None) -> Self:
        """Take in exactly `size` bytes and seal them, or whatever comes where none is given: then it is the source
        that knows a bound. Raises HashDisagreement when it gives more or fewer."""
        descriptor = os.memfd_create("document", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            sha256, size = _fill(descriptor, chunks, size)
            seals = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
        except BaseException:
            os.close(descriptor)
            raise
        return cls(descriptor, size, sha256)

    def chunks(self, offset: int = 0, size: int | None = None) -> Iterator[bytes]:
        """Yield `size` bytes (all by default) from `offset`, at most `CHUNK` at a time."""
        yield from read_chunks(self.descriptor, offset, self.size - offset if size is None else size)

    def close(self) -> None:
        """Give the memory back."""
        os.close(self.descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _fill(descriptor: int, chunks: Iterable[bytes], size: int | None) -> tuple[str, int]:
    digest, taken = hashlib.sha256(), 0
    for chunk in chunks:
        taken += len(chunk)
        if size is not None and taken > size:
            raise HashDisagreement("the source is longer than announced")
        digest.update(chunk)
        write_all(descriptor, chunk)
    if size is not None and taken != size:
        raise HashDisagreement("the source is shorter than announced")
    return digest.hexdigest(), taken


def read_chunks(descriptor: int, offset: int, size: int) -> Iterator[bytes]:
    """Yield exactly `size` bytes of a memory file. Raises HashDisagreement when it is shorter."""
    end = offset + size
    while offset < end:
        chunk = os.pread(descriptor, min(CHUNK, end - offset), offset)
        if not chunk:
            raise HashDisagreement("the memory file is shorter than it said")
        offset += len(chunk)
        yield chunk


def write_all(descriptor: int, content: bytes) -> None:
    """Write every byte."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
