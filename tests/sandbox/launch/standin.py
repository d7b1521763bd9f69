"""A program that answers questions about what it sees: stands in for the product's processes in the launcher's tests.

Usage: standin.py PORT KEYS [FILE]: FILE is written, after half a second, when it is asked to end in order.
"""

import glob
import json
import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


def writable(places: list[Path]) -> list[str]:
    """Try to leave a file in each place; return where that worked."""
    found = []
    for place in places:
        try:
            (place / "planted").write_text("planted")
            (place / "planted").unlink()
        except OSError:
            continue
        found.append(str(place))
    return found


def openable(path: str) -> bool:
    """Tell whether a file can be opened for writing; nothing is written."""
    try:
        os.close(os.open(path, os.O_WRONLY))
    except OSError:
        return False
    return True


def folders(root: Path) -> list[Path]:
    """Return where something planted could be run or read by another: the code, the machine, the installation."""
    code = Path(__file__).resolve().parents[3]
    machine = [Path(at) for at in ("/", "/etc", "/usr/bin", "/tmp", "/var/tmp", "/root", "/home")]
    return [
        code,
        code / "portal",
        code / ".venv/bin",
        code / ".git",
        *machine,
        root,
        *root.glob("*"),
        *root.glob("*/*"),
    ]


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/child":
            subprocess.Popen(["sleep", "600"])
        keys = Path(sys.argv[2])
        jobs = keys.parent / "data" / "jobs"
        doors = (f"/proc/[0-9]*/{door}{keys}/*/*" for door in ("root", "cwd/../../../.."))
        seen = {
            "keys": sorted(str(path.relative_to(keys)) for path in keys.rglob("*") if path.is_file()),
            "jobs": sorted(str(path.relative_to(jobs)) for path in jobs.rglob("*") if path.is_file()),
            "behind_proc": [path for door in doors for path in glob.glob(door)],
            "control": [path.name for path in (keys.parent / "run" / "control").glob("*")],
            "environment": dict(os.environ),
            "disks": glob.glob("/dev/[sv]d*"),
            "written": writable([path for path in folders(keys.parent) if path.is_dir()]),
            "core_pattern": os.path.exists("/proc/sys/kernel/core_pattern")
            and openable("/proc/sys/kernel/core_pattern"),
            "status": Path("/proc/self/status").read_text(),
        }
        body = json.dumps(seen).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        return


def end(*_args: object) -> None:
    time.sleep(0.5)
    if len(sys.argv) > 3:
        Path(sys.argv[3]).write_text("ended in order")
    sys.exit(0)


signal.signal(signal.SIGTERM, end)
HTTPServer(("127.0.0.1", int(sys.argv[1])), Answers).serve_forever()
