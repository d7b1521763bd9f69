"""Write a stream of blocks into one file, and begin to bring it to disk while more is coming."""

import contextlib
import errno
import os
from collections.abc import Iterable, Iterator

from storage.blobs.protocol import BlobError, BlobStoreFull, BlobStoreUnavailable, Chunk
from storage.blobs.writeback import EVERY, begin_writeback


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


def write_all(descriptor: int, blocks: Iterable[Chunk]) -> int:
    """Write every block at the descriptor's position and return how many bytes that were; the caller syncs.

    An error of `blocks` passes through as it is; errors of the file are BlobErrors.
    """
    size = flushed = 0
    for block in blocks:
        with translated():
            _write(descriptor, memoryview(block))
        size += len(block)
        if size - flushed >= EVERY:
            begin_writeback(descriptor, flushed, size - flushed)
            flushed = size
    return size


def _write(descriptor: int, block: memoryview) -> None:
    while block:
        block = block[os.write(descriptor, block) :]
