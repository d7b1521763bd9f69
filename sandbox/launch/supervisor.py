"""supervisord as a child of ours: its configuration, its life, its programs (supervisor 4.3, XML-RPC on a socket)."""

import configparser
import contextlib
import http.client
import io
import os
import signal
import socket
import subprocess
import sys
import xmlrpc.client
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from supervisor.xmlrpc import Faults

from sandbox.launch.cells import Isolation, script
from sandbox.launch.errors import LaunchRefused
from sandbox.launch.layout import REPOSITORY, Layout
from sandbox.launch.leftovers import MARK
from sandbox.launch.programs import Program

LOG_BYTES = 5_000_000
LOG_BACKUPS = 2
STOP_SECONDS = 60
"""How long the manager may take to stop everything."""
UNREACHABLE = (OSError, xmlrpc.client.Error, http.client.HTTPException)
"""What asking supervisord raises while it does not answer, or no longer."""


class Supervisor:
    """The process manager of one installation."""

    def __init__(self, layout: Layout) -> None:
        """Remember where; `start` writes the files and starts."""
        self._layout = layout
        self._configuration = layout.control / "supervisor.conf"
        self._socket = layout.control / "supervisor.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, programs: Sequence[Program], isolation: Isolation) -> None:
        """Write every program's script and the configuration, then start supervisord; it dies with this process."""
        for program in programs:
            path = self._layout.control / f"{program.name}.sh"
            path.write_text(script(program, self._layout, isolation), encoding="utf-8")
            path.chmod(0o700)
        self._configuration.write_text(self._text(programs), encoding="utf-8")
        self._configuration.chmod(0o600)
        with (self._layout.log / "supervisord.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *("setpriv", "--pdeathsig", "TERM", sys.executable, "-W", "ignore", "-m", "supervisor.supervisord"),
                    *("-n", "-c", str(self._configuration)),
                ],
                cwd=REPOSITORY,
                env={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", MARK: str(self._layout.root)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def running(self) -> bool:
        """Tell whether supervisord itself lives."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Let every program end, all at once, then supervisord. Doing it twice does nothing."""
        if self._process is None:
            return
        with contextlib.suppress(*UNREACHABLE), self._proxy() as proxy:
            proxy.supervisor.stopAllProcesses(True)  # on SIGTERM alone supervisord would stop one after the other
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def kill(self, name: str) -> None:
        """Kill -9 a program with all its children, as a crash would; supervisord starts it again."""
        pid = int(self.info(name)["pid"])
        if pid <= 0:
            raise LaunchRefused(f"{name} is not running")
        os.killpg(pid, signal.SIGKILL)

    def start_program(self, name: str) -> None:
        """Start a program; whether it comes up shows in its health. One that runs is left alone."""
        with self._proxy() as proxy, _tolerating(Faults.ALREADY_STARTED):
            proxy.supervisor.startProcess(name, False)

    def stop_program(self, name: str) -> None:
        """Stop a program and keep it stopped. One that does not run is left alone."""
        with self._proxy() as proxy, _tolerating(Faults.NOT_RUNNING):
            proxy.supervisor.stopProcess(name, True)

    def info(self, name: str) -> dict[str, Any]:
        """Return supervisord's word on a program: statename, pid, spawnerr and so on."""
        with self._proxy() as proxy:
            return cast("dict[str, Any]", proxy.supervisor.getProcessInfo(name))

    def state(self, name: str) -> str:
        """Return supervisord's name of a program's state, or UNKNOWN while supervisord itself does not answer yet."""
        try:
            return str(self.info(name)["statename"])
        except UNREACHABLE:
            return "UNKNOWN"

    def _proxy(self) -> xmlrpc.client.ServerProxy:
        return xmlrpc.client.ServerProxy("http://localhost", transport=_UnixTransport(self._socket))

    def _text(self, programs: Sequence[Program]) -> str:
        conf = configparser.RawConfigParser()
        conf["unix_http_server"] = {"file": _plain(self._socket), "chmod": "0700"}
        conf["supervisord"] = {
            "nodaemon": "true",
            "silent": "true",
            "logfile": "/dev/null",
            "logfile_maxbytes": "0",
            "pidfile": _plain(self._layout.control / "supervisord.pid"),
            "childlogdir": _plain(self._layout.log),
            "umask": "077",
            "minfds": "1024",
            "directory": _plain(REPOSITORY),
        }
        if os.geteuid() == 0:
            conf["supervisord"]["user"] = "root"
        conf["rpcinterface:supervisor"] = {
            "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
        }
        for order, program in enumerate(programs, start=1):
            conf[f"program:{program.name}"] = self._program(program, order)
        text = io.StringIO()
        conf.write(text)
        return text.getvalue()

    def _program(self, program: Program, order: int) -> dict[str, str]:
        return {
            "command": _plain(self._layout.control / f"{program.name}.sh"),
            "priority": str(order),
            "autorestart": "true",
            "startsecs": "1",
            "startretries": "1000",
            "stopsignal": "TERM",
            "stopwaitsecs": str(program.stop_seconds),
            "stopasgroup": "true",
            "killasgroup": "true",
            "redirect_stderr": "true",
            "stdout_logfile": _plain(self._layout.log / f"{program.name}.log"),
            "stdout_logfile_maxbytes": str(LOG_BYTES),
            "stdout_logfile_backups": str(LOG_BACKUPS),
        }


@contextlib.contextmanager
def _tolerating(code: int) -> Iterator[None]:
    try:
        yield
    except xmlrpc.client.Fault as fault:
        if fault.faultCode != code:
            raise


class _UnixTransport(xmlrpc.client.Transport):
    """XML-RPC over a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        connection = _UnixConnection(self._path)
        self._connection = (host, connection)  # what Transport.close closes
        return connection


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=STOP_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(STOP_SECONDS)
        try:
            self.sock.connect(str(self._path))
        except OSError:
            self.close()
            raise


def _plain(path: Path) -> str:
    text = str(path)
    if any(character in text for character in " \t\n;\"'\\#"):
        raise LaunchRefused(f"the path {text!r} holds a space or a quote: move the project to a plain path")
    return text.replace("%", "%%")
