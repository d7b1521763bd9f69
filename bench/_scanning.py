"""A clamd of our own with the few signatures of the demo."""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from intake.inspection.clamav import ClamdScanner
from intake.inspection.verdicts import ScannerUnavailable
from sandbox.clamav import prepare


@contextmanager
def clamd() -> Iterator[ClamdScanner]:
    """Yield the scanner of a clamd that runs while the block does."""
    with tempfile.TemporaryDirectory(prefix="bench-clamd-", dir="/dev/shm") as folder:
        place = Path(folder)
        conf = prepare(place, socket=place / "clamd.ctl", spool=place / "spool", official=place / "none")
        scanner = ClamdScanner(str(place / "clamd.ctl"))
        with subprocess.Popen(["clamd", "-c", conf], stdout=subprocess.DEVNULL) as process:
            try:
                _wait_for(scanner)
                yield scanner
            finally:
                process.kill()


def _wait_for(scanner: ClamdScanner) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            return scanner.ping()
        except ScannerUnavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
