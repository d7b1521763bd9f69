"""Starting, reaching and ending the one warm process inside the sandbox."""

import os
import select
import socket
import subprocess
import threading

from intake.inspection.sandboxed.wire import READY
from intake.inspection.verdicts import SandboxUnavailable
from intake.inspection.walls import NOBODY, commands, must_change_user

START_SECONDS = 20
MAX_SILENT = 2
"""So many children one after the other that nobody answered for: the zygote itself is stuck."""


class Zygote:
    """A running zygote: its process and the socket on which it takes requests."""

    def __init__(self, process: subprocess.Popen[bytes], control: socket.socket) -> None:
        self._process = process
        self._control = control
        self._sending = threading.Lock()
        self._silent = 0

    @classmethod
    def start(cls) -> "Zygote":
        """Try each way to build the walls. Raises SandboxUnavailable with what bubblewrap said when none holds."""
        complaints: list[str] = []
        for command in commands():
            try:
                return cls._start(command)
            except SandboxUnavailable as complaint:
                complaints.append(str(complaint))
        raise SandboxUnavailable("; ".join(dict.fromkeys(complaints)) or "no way to build walls")

    @classmethod
    def _start(cls, command: list[str]) -> "Zygote":
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        said, says = os.pipe()
        try:
            with theirs:
                process = _spawn(command, theirs.fileno(), says)
            os.close(says)
            says = -1
        except BaseException:
            ours.close()
            raise
        else:
            zygote = cls(process, ours)
            if zygote._is_ready():
                return zygote
            zygote.close()
            raise SandboxUnavailable(_last_words(said) or "the sandbox did not become ready")
        finally:
            os.close(said)
            if says >= 0:
                os.close(says)

    def send(self, packet: bytes, descriptors: list[int]) -> None:
        """Pass one request and its memory files. Raises OSError when the zygote is gone."""
        with self._sending:
            socket.send_fds(self._control, [packet], descriptors)

    def answered(self) -> None:
        """Note that a child's guardian told its end."""
        self._silent = 0

    def silent(self) -> None:
        """Note a child without an end; end the zygote when no child has answered between several of them."""
        with self._sending:
            self._silent += 1
            stuck = self._silent >= MAX_SILENT
        if stuck:
            self.close()

    def is_alive(self) -> bool:
        """True while the process runs."""
        return self._process.poll() is None and self._control.fileno() >= 0

    def close(self) -> None:
        """End it and every child: they live in its process namespace."""
        self._control.close()
        self._process.kill()
        self._process.wait()

    def _is_ready(self) -> bool:
        if not select.select([self._control], [], [], START_SECONDS)[0]:
            return False
        try:
            return self._control.recv(len(READY) + 1) == READY
        except OSError:
            return False


def _spawn(command: list[str], control: int, says: int) -> subprocess.Popen[bytes]:
    changed = must_change_user(command)
    try:
        return subprocess.Popen(  # noqa: S603 - a fixed command, no shell, nothing from outside in it
            command,
            stdin=control,
            stdout=subprocess.DEVNULL,
            stderr=says,
            close_fds=True,
            cwd="/",
            env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin"},
            user=NOBODY if changed else None,
            group=NOBODY if changed else None,
            extra_groups=[] if changed else None,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise SandboxUnavailable("bubblewrap is not installed or may not run") from error


def _last_words(said: int) -> str:
    """What the process wrote before it failed: at most one line, and about the machine, never about a document."""
    if not select.select([said], [], [], 0)[0]:
        return ""
    lines = os.read(said, 4096).decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:200] if lines else ""
