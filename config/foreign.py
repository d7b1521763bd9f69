"""Refuse to start where a process could open the keys of another one.

The rule is tried, not reasoned about: every named path is opened for real. Only "not there" and "not allowed" count as
closed; whatever else happens counts as open.
"""

import errno
import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from config.errors import ForeignKeyReadable

CLOSED = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM})
"""The answers of open(2) that prove that a path is out of reach."""


def refuse_foreign_keys(patterns: Sequence[str]) -> None:
    """Try to open every file that `patterns` (paths or globs; a folder means all in it) name.

    Raises ForeignKeyReadable, naming the first path that opens.
    """
    for path in open_paths(patterns):
        raise ForeignKeyReadable(f"{path} belongs to another process and can be opened by this one")


def open_paths(patterns: Sequence[str]) -> Iterator[Path]:
    """Yield every path of `patterns` that this process can open."""
    for pattern in patterns:
        for found in sorted({pattern, *glob.glob(pattern, recursive=True, include_hidden=True)}):
            yield from _open_below(Path(found))


def _open_below(path: Path) -> Iterator[Path]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        if error.errno not in CLOSED:
            yield path
        return
    os.close(descriptor)
    if not path.is_dir():
        yield path
        return
    for entry in sorted(os.listdir(path)):
        yield from _open_below(path / entry)
