"""Where everything of one installation lies: data apart from keys, everything 0700."""

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sandbox.launch.errors import LaunchRefused

REPOSITORY = Path(__file__).resolve().parents[2]
VENV = REPOSITORY / ".venv"
PYTHON = VENV / "bin" / "python"
LONGEST_FOLDER = 70
"""Longest folder for unix sockets, in characters: the kernel takes 107 for the whole path (unix(7)), and the process
manager binds its own as `control/supervisor.sock.<process id>` first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The folders of one installation."""

    root: Path

    @property
    def data(self) -> Path:
        """Database and documents."""
        return self.root / "data"

    @property
    def simulator(self) -> Path:
        """What the simulated phones remember."""
        return self.data / "whatsapp"

    @property
    def jobs(self) -> Path:
        """One folder for each role with a job engine, which only that role sees (embedded database)."""
        return self.data / "jobs"

    @property
    def keys(self) -> Path:
        """One folder a role, `keyring` for custodian and opener, `public` for everyone."""
        return self.root / "keys"

    def password_file(self, role: str) -> Path:
        """Where a role's password for PostgreSQL lies, in libpq's format; the owner of the tables counts as a role."""
        return self.keys / role / "pgpass"

    @property
    def log(self) -> Path:
        """One log file a program."""
        return self.root / "log"

    @property
    def run(self) -> Path:
        """What may be lost at any stop: pid files, generated configurations."""
        return self.root / "run"

    @property
    def control(self) -> Path:
        """The process manager's own folder, out of sight of what it manages."""
        return self.sockets / "control"

    @property
    def sockets(self) -> Path:
        """Unix sockets: under `run`, or in a short folder when the root's path is too long for a socket."""
        return self.run if len(str(self.run)) <= LONGEST_FOLDER else Path(f"/tmp/resguardo-{self._mark()}")  # noqa: S108 (0700, owner checked)

    @property
    def opener(self) -> Path:
        """The opener's socket, out of sight of all but those who may ask it."""
        return self.sockets / "opener"

    @property
    def scanner(self) -> Path:
        """clamd's socket, which only the inspector meets."""
        return self.sockets / "scanner"

    @property
    def spool(self) -> Path:
        """clamd's temporary folder, in memory."""
        return Path(f"/dev/shm/resguardo-{self._mark()}")  # noqa: S108 (0700, owner checked)

    def make(self) -> None:
        """Make every folder 0700. Raises LaunchRefused where that is not possible."""
        data = (self.data, self.data / "blobs", self.jobs, self.simulator)
        passing = (self.run, self.sockets, self.control, self.opener, self.scanner, self.spool)
        for folder in (self.root, *data, self.keys, self.log, *passing):
            _make_private(folder)

    def remove_passing(self) -> None:
        """Remove what lies outside the root: spool and short socket folder, if empty of anything but leftovers."""
        for folder in (self.control, self.opener, self.scanner, self.sockets, self.spool):
            if not folder.is_relative_to(self.root):
                for left in _entries(folder):
                    with contextlib.suppress(OSError):
                        left.unlink()
                with contextlib.suppress(OSError):
                    folder.rmdir()

    def _mark(self) -> str:
        return hashlib.sha256(str(self.root).encode()).hexdigest()[:12]


def _entries(folder: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        yield from list(folder.iterdir())


def _make_private(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode):
            raise LaunchRefused(f"{folder} is not a folder: remove it")
        if found.st_uid != os.geteuid():
            raise LaunchRefused(f"{folder} belongs to another user: run as that user, or remove it")
        folder.chmod(0o700)
    except OSError as error:
        raise LaunchRefused(f"{folder} cannot be made ({error.strerror}): check who owns its parent folder") from None
