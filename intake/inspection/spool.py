"""The check that clamd's spool is memory: what it unpacks while it scans must never reach a disk."""

import os
from pathlib import Path

MEBIBYTE = 1 << 20
SPOOL_BYTES = 1024 * MEBIBYTE
"""Room that the largest scans need."""
MEMORY_TYPES = frozenset({"tmpfs", "ramfs"})


class UnsafeSpool(Exception):
    """The spool of clamd would put documents on a disk, or has no room for them."""

    code = "unsafe_spool"


def require_memory_spool(spool: Path, *, free_bytes: int = SPOOL_BYTES) -> None:
    """Raise UnsafeSpool unless `spool` is an existing folder on tmpfs with `free_bytes` to spare."""
    if not spool.is_dir():
        raise UnsafeSpool(f"{spool} is not a folder")
    kind = _filesystem_type(spool.resolve())
    if kind not in MEMORY_TYPES:
        raise UnsafeSpool(f"{spool} lies on {kind}; clamd's spool must be tmpfs, for example under /dev/shm")
    state = os.statvfs(spool)
    if state.f_bavail * state.f_frsize < free_bytes:
        raise UnsafeSpool(f"{spool} has less than {free_bytes // MEBIBYTE} MiB free")


def _filesystem_type(path: Path) -> str:
    """Return the type of the mount that holds `path` (proc(5), mountinfo): the longest mount point above it,
    the last of equals."""
    best, kind = -1, "unknown"
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, rest = line.partition(" - ")
        point = fields.split()[4].replace("\\040", " ")
        if path.is_relative_to(point) and len(point) >= best:
            best, kind = len(point), rest.split()[0]
    return kind
