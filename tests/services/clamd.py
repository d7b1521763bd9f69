"""A real ClamAV daemon for the test session, with signatures of its own: EICAR and a marker that infects any file."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from intake.inspection.clamav import ClamdScanner
from sandbox.clamav.numbered import NAME, numbered
from tests.services.processes import Server, required, server_directory

EICAR = "".join(("X5O!P%@AP[4\\PZX54(P^)7CC)7}$", "EICAR-STANDARD-ANTIVIRUS", "-TEST-FILE!$H+H*")).encode()
"""The 68 bytes of the EICAR test file, in two halves so that scanners leave this source alone."""

MARKER = b"resguardo-" + b"this-file-is-infected-for-tests"
"""Bytes that make any file infected, wherever they stand in it."""

EICAR_NAME = "Local.Eicar-Test-Signature.UNOFFICIAL"
MARKER_NAME = "Local.Resguardo-Test-Marker.UNOFFICIAL"

LIMIT = "256M"
SETTINGS = f"""\
Foreground yes
LocalSocketMode 660
FixStaleSocket yes
OfficialDatabaseOnly no
MaxThreads 4
MaxQueue 20
ReadTimeout 120
CommandReadTimeout 30
StreamMaxLength {LIMIT}
MaxFileSize {LIMIT}
MaxScanSize 512M
MaxRecursion 12
MaxFiles 5000
MaxScanTime 120000
PCREMaxFileSize 25M
AlertExceedsMax yes
AlertEncrypted yes
AlertEncryptedArchive yes
AlertEncryptedDoc yes
AlertOLE2Macros yes
HeuristicAlerts yes
PhishingSignatures no
PhishingScanURLs no
ScanImageFuzzyHash no
Bytecode no
ConcurrentDatabaseReload yes
SelfCheck 0
ExitOnOOM yes
"""


@dataclass(frozen=True, kw_only=True)
class Clamd:
    """A running daemon. `server` can be killed and started again; `database` holds its signature files."""

    server: Server
    socket: Path
    database: Path

    def start(self) -> None:
        """Start the daemon, or start it again after a kill."""
        self.server.start(self._answers)

    def publish(self, *markers: bytes, number: int, built: datetime | None = None) -> None:
        """Load signatures of this number that know these markers too, and wait until they answer."""
        lines = [f"Local.Late-Marker-{index}:0:*:{marker.hex()}\n" for index, marker in enumerate((MARKER, *markers))]
        made = numbered({"daily.ndb": "".join(lines).encode()}, number=number, built=built or datetime.now(UTC))
        (self.database / f"{NAME}.new").write_bytes(made)
        (self.database / f"{NAME}.new").rename(self.database / NAME)
        scanner = ClamdScanner(str(self.socket))
        scanner.reload()
        deadline = time.monotonic() + 20
        while scanner.version().signatures != str(number):
            assert time.monotonic() < deadline, "clamd did not load what was published"
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(2)
                connection.connect(str(self.socket))
                connection.sendall(b"zPING\0")
                return connection.recv(16) == b"PONG\0"
        except OSError:
            return False


@contextmanager
def running_clamd() -> Iterator[Clamd]:
    """Start clamd on a unix socket; its spool is on tmpfs."""
    program = required("clamd")
    with server_directory("clamd", parent="/dev/shm") as directory:
        database, spool, path = directory / "db", directory / "spool", directory / "clamd.sock"
        database.mkdir()
        spool.mkdir()
        (database / "tests.ndb").write_text(
            f"Local.Eicar-Test-Signature:0:0:{EICAR.hex()}\nLocal.Resguardo-Test-Marker:0:*:{MARKER.hex()}\n"
        )
        places = f"LocalSocket {path}\nDatabaseDirectory {database}\nTemporaryDirectory {spool}\n"
        (directory / "clamd.conf").write_text(SETTINGS + places)
        server = Server([program, "-c", directory / "clamd.conf"], directory=directory, log=directory / "log")
        clamd = Clamd(server=server, socket=path, database=database)
        try:
            clamd.start()
            yield clamd
        finally:
            server.stop()
