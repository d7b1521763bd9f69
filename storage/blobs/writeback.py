"""Ask the kernel to begin writing a file out early, so that the final fsync waits for little."""

import ctypes
from functools import cache
from typing import Any

EVERY = 8 * 1024 * 1024
"""Bytes between two requests."""

_SYNC_FILE_RANGE_WRITE = 2  # linux/fs.h


@cache
def _sync_file_range() -> Any:
    function = getattr(ctypes.CDLL(None), "sync_file_range", None)
    if function is not None:
        function.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint]
    return function


def begin_writeback(descriptor: int, start: int, length: int) -> None:
    """Start writing a range to disk without waiting.

    A hint: where it fails or is missing, the fsync that follows still decides.
    """
    function = _sync_file_range()
    if function is not None:
        function(descriptor, start, length, _SYNC_FILE_RANGE_WRITE)
