"""Write and hash a stream of blocks into one file: small ones in the caller's thread, big ones are hashed beside it."""

import contextlib
import errno
import hashlib
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from storage.blobs.protocol import BlobError, BlobStoreFull, BlobStoreUnavailable, Stored
from storage.blobs.writeback import EVERY, begin_writeback

ALONE = 4
"""Blocks that are hashed without a thread: starting one costs more than it saves on a small object."""

AHEAD = 4
"""Blocks that may wait for the hashing thread: the bound of the memory that one `put` takes."""


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn an OSError of the store's own files into a BlobError."""
    try:
        yield
    except OSError as error:
        raise failure_of(error) from error


def failure_of(error: OSError) -> BlobError:
    """Return what an error of the file system means for the one who stores."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return BlobStoreFull()
    return BlobStoreUnavailable(errno.errorcode.get(error.errno or 0, "unknown"))


def write_all(descriptor: int, blocks: Iterator[memoryview]) -> Stored:
    """Write every block at the descriptor's position and say what was written; the caller syncs.

    An error of `blocks` passes through as it is; errors of the file are BlobErrors.
    """
    file = _HashedFile(descriptor)
    for _ in range(ALONE):
        block = next(blocks, None)
        if block is None:
            return file.stored()
        file.hash(block)
        file.write(block)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="blob-hash") as beside:
        waiting: deque[Future[None]] = deque()
        for block in blocks:
            waiting.append(beside.submit(file.hash, block))
            file.write(block)
            if len(waiting) > AHEAD:
                waiting.popleft().result()
        for hashed in waiting:
            hashed.result()
    return file.stored()


class _HashedFile:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._hash = hashlib.sha256()
        self._size = 0
        self._flushed = 0

    def hash(self, block: memoryview) -> None:
        self._hash.update(block)

    def write(self, block: memoryview) -> None:
        with translated():
            while block:
                written = os.write(self._descriptor, block)
                self._size += written
                block = block[written:]
        if self._size - self._flushed >= EVERY:
            begin_writeback(self._descriptor, self._flushed, self._size - self._flushed)
            self._flushed = self._size

    def stored(self) -> Stored:
        return Stored(size=self._size, sha256=self._hash.digest())
