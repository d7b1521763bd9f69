"""Real servers for one test process: found, started, awaited, stopped by process id, dead when the tests are killed."""

import contextlib
import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DIRECTORY_PREFIX = "resguardo-tests-"


def required(program: str, *places: str | Path) -> str:
    """Return the path of `program`, looked up in PATH and then in `places`. Fails the test when it is not installed."""
    path = os.pathsep.join([os.environ.get("PATH", ""), *map(str, places), "/usr/sbin", "/sbin"])
    found = shutil.which(program, path=path)
    if found is None:
        pytest.fail(f"{program} is not installed: run `make test`, which installs what tests need", pytrace=False)
    return found


@contextlib.contextmanager
def server_directory(service: str, parent: str | None = None) -> Iterator[Path]:
    """Make a 0700 directory for one server and remove it at the end, with those that killed test runs left behind."""
    base = Path(parent or tempfile.gettempdir())
    for left in base.glob(f"{DIRECTORY_PREFIX}*-*-*"):
        owner = left.name.removeprefix(DIRECTORY_PREFIX).split("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            shutil.rmtree(left, ignore_errors=True)
    path = Path(tempfile.mkdtemp(prefix=f"{DIRECTORY_PREFIX}{os.getpid()}-{service}-", dir=base))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def free_ports(count: int, *, companion: int = 0) -> list[int]:
    """Return distinct ports below the ephemeral range that are free now, as are those `companion` above them.

    RESGUARDO_TEST_PORTS=first-last narrows the choice.
    """
    first, last = (int(end) for end in os.environ.get("RESGUARDO_TEST_PORTS", "14000-18999").split("-"))
    candidates = random.SystemRandom().sample(range(first, last + 1), last + 1 - first)
    free = (port for port in candidates if _is_free(port) and (not companion or _is_free(port + companion)))
    found = list(itertools.islice(free, count))
    if len(found) < count:
        pytest.fail(f"no {count} free ports between {first} and {last}", pytrace=False)
    return found


def free_port() -> int:
    """Return one port that is free now."""
    return free_ports(1)[0]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Server:
    """One running server process. It dies with the process that started it, however that ends."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        directory: Path,
        log: Path,
        user: str | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        """Remember how to start; `start` does it."""
        drop = ["--reuid", user, "--regid", user, "--clear-groups"] if user else []
        self._command = [required("setpriv"), "--pdeathsig", "KILL", *drop, *map(str, command)]
        self._directory, self._log, self._stop_signal = directory, log, stop_signal
        self._name = Path(command[0]).name
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The id of the running process. Raises RuntimeError when it was not started."""
        if self._process is None:
            raise RuntimeError("the server is not running")
        return self._process.pid

    def start(self, answers: Callable[[], bool], *, within: float = 60) -> None:
        """Start and wait until `answers` is true. Fails the test with the end of the log after `within` seconds."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + within
        while time.monotonic() < deadline and self._process.poll() is None:
            if answers():
                return
            time.sleep(0.05)
        self.stop()
        tail = "\n".join(self._log.read_text(errors="replace").splitlines()[-15:])
        pytest.fail(f"{self._name} did not answer; its log ends:\n{tail}", pytrace=False)

    def kill(self) -> None:
        """Kill -9, as a crash would."""
        os.kill(self.pid, signal.SIGKILL)
        self._reap()

    def stop(self) -> None:
        """Stop in order, killing what does not end within 15 s. Stopping twice does nothing."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, self._stop_signal)
        self._reap()

    def _reap(self) -> None:
        if self._process is None:
            return
        try:
            self._process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
