"""Looking for a canary everywhere on disk: files, and deleted files that our processes still hold open.

What lies in memory (tmpfs, by mount type; memfd) is left out: it is gone with the machine's power.
"""

import base64
import os
import re
import stat
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.launch.leftovers import MARK

IN_MEMORY = frozenset({"tmpfs", "ramfs", "devtmpfs", "proc", "sysfs", "cgroup", "cgroup2", "devpts", "mqueue"})
PIECE = 1 << 20
OVERLAP_S = 1.0
"""How far one round reaches back into the one before: time stamps of files are coarse."""


class Sweep:
    """Searches for some words, as they are and as encodings write them."""

    def __init__(self, *words: str | bytes, code: str = "") -> None:
        """Take the words; none shorter than eight characters, so that nothing is found by chance.

        A short `code` counts only where it stands alone: not within a number or a word, and not as parts of a second.
        """
        assert all(len(word) >= 8 for word in words)
        forms = {form for word in words for form in _forms(word)}
        self._forms = sorted(forms)
        self._code = re.compile(rb"(?<![\w.])%b(?!\w)" % re.escape(code.encode())) if code else None
        self._longest = max(map(len, [*forms, code]))

    def files(self, folders: Iterable[Path], *, since: float = 0.0) -> list[str]:
        """Return the files on disk below `folders`, changed `since`, that hold or are called by a word."""
        found = []
        for folder in folders:
            for path, status in _files_below(folder):
                if status.st_ctime >= since and (self._is_in(os.fsencode(path)) or self._holds(path)):
                    found.append(str(path))
        return found

    def newer_files(self, than: Path) -> list[str]:
        """Return the files anywhere on the machine's disks, changed since `than` was, that hold or are called so."""
        command = ["find", "/", "-xdev", "-type", "f", "-newer", str(than), "-print0"]
        listed = subprocess.run(command, capture_output=True, check=False).stdout
        paths = [os.fsdecode(path) for path in listed.split(b"\0") if path]
        return [path for path in paths if self._is_in(os.fsencode(path)) or self._holds(Path(path))]

    def held_open(self, root: Path) -> list[str]:
        """Return the deleted files on disk that processes of the installation hold open and that hold a word."""
        return [str(path) for path in deleted_files(_processes_of(root)) if self._holds(path)]

    @contextmanager
    def running(self, folders: list[Path], root: Path) -> Iterator[set[str]]:
        """Sweep what changes again and again while the block runs; what was found stands in the set at its end."""
        found: set[str] = set()
        over = threading.Event()

        def go_round() -> None:
            since = time.time() - OVERLAP_S
            while not over.is_set():
                began = time.time()
                found.update(self.files(folders, since=since), self.held_open(root))
                since = began - OVERLAP_S
                over.wait(0.1)

        sweeper = threading.Thread(target=go_round)
        sweeper.start()
        try:
            yield found
        finally:
            over.set()
            sweeper.join()

    def _is_in(self, content: bytes) -> bool:
        if any(form in content for form in self._forms):
            return True
        return self._code is not None and self._code.search(content) is not None

    def _holds(self, path: Path) -> bool:
        try:
            with path.open("rb") as file:
                tail = b""
                while piece := file.read(PIECE):
                    if self._is_in(tail + piece):
                        return True
                    tail = piece[-self._longest :]
        except OSError:
            return False  # gone since, or a file that cannot be read twice
        return False


def mount_type(path: Path) -> str:
    """Return the type of the file system that `path` lies on."""
    points = {fields[4]: rest.split()[0] for fields, rest in _mounts("self")}
    above = [point for point in points if path.resolve().is_relative_to(point)]
    return points[max(above, key=len)]


def _forms(word: str | bytes) -> Iterator[bytes]:
    raw = word.encode() if isinstance(word, str) else word
    yield raw
    yield raw.hex().encode()
    if isinstance(word, str):
        yield word.encode("utf-16-le")
    for shift in range(3):  # base64 of it, wherever in three bytes it begins; the uncertain ends are cut off
        encoded = base64.b64encode(b"\0" * shift + raw)
        yield encoded[4 if shift else 0 : len(encoded) // 4 * 4 - 4]


def _files_below(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    on_disk: dict[int, bool] = {}
    for place, folders, names in os.walk(folder):
        try:
            device = os.stat(place).st_dev
        except OSError:
            continue
        if device not in on_disk:
            on_disk[device] = mount_type(Path(place)) not in IN_MEMORY
        if not on_disk[device]:
            folders.clear()
            continue
        for name in names:
            path = Path(place, name)
            try:
                status = path.lstat()
            except OSError:
                continue
            if stat.S_ISREG(status.st_mode):
                yield path, status


def deleted_files(pids: Iterable[str]) -> Iterator[Path]:
    """Yield the descriptors of deleted files on disk that these processes hold open."""
    for pid in pids:
        try:
            memory = {fields[2] for fields, rest in _mounts(pid) if rest.split()[0] in IN_MEMORY}
            descriptors = list(Path(f"/proc/{pid}/fd").iterdir())
        except OSError:
            continue
        for descriptor in descriptors:
            try:
                target, found = os.readlink(descriptor), descriptor.stat()
            except OSError:
                continue
            device = f"{os.major(found.st_dev)}:{os.minor(found.st_dev)}"
            deleted = target.endswith(" (deleted)") and not target.startswith("/memfd:")
            if deleted and stat.S_ISREG(found.st_mode) and device not in memory:
                yield descriptor


def _processes_of(root: Path) -> Iterator[str]:
    mark = f"{MARK}={root}".encode()
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                yield entry.name
        except OSError:
            continue


def _mounts(pid: str) -> Iterator[tuple[list[str], str]]:
    for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines():
        fields, _, rest = line.partition(" - ")
        yield fields.split(), rest
