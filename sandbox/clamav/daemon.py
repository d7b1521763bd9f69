"""Everything clamd needs before it starts: configuration, signature folder, a spool that is memory.

Rules: clamd listens on a unix socket only; its limits lie above the portal's own, and going over them is reported;
what it writes while it scans never reaches a disk, or it does not start.
"""

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from intake.inspection.spool import SPOOL_BYTES, require_memory_spool
from sandbox.clamav import numbered

OWN_SIGNATURES = Path(__file__).parent
OFFICIAL_DIRECTORY = Path("/var/lib/clamav")
OFFICIAL_NAMES = ("main", "daily", "bytecode")
OFFICIAL_SUFFIXES = (".cvd", ".cld")
MEBIBYTE = 1 << 20
STREAM_MEBIBYTES = 256
"""Longest stream. The portal itself stops at 100 MiB, so that clamd's limit is never the one that decides."""

LEFTOVERS = ("clamav-*", "*-scantemp.*", "*.tmp")


def configuration(
    *, socket: Path, database: Path, spool: Path, official: bool, threads: int = 4, user: str | None = None
) -> str:
    """Return clamd.conf(5). `official`: bytecode signatures run only where the official database is loaded."""
    places = {"LocalSocket": socket, "DatabaseDirectory": database, "TemporaryDirectory": spool}
    if any(character.isspace() for place in places.values() for character in str(place)):
        raise ValueError("clamd.conf has no way to write a path with spaces")
    options: dict[str, object] = {
        "Foreground": True,
        "LocalSocketMode": 660,
        "FixStaleSocket": True,
        **places,
        "OfficialDatabaseOnly": False,
        "MaxThreads": threads,
        "MaxQueue": max(100, 2 * threads),
        "ReadTimeout": 120,
        "CommandReadTimeout": 30,
        "StreamMaxLength": f"{STREAM_MEBIBYTES}M",
        "MaxFileSize": f"{STREAM_MEBIBYTES}M",
        "MaxScanSize": f"{2 * STREAM_MEBIBYTES}M",
        "MaxRecursion": 12,
        "MaxFiles": 5000,
        "MaxScanTime": 120000,
        "PCREMaxFileSize": "25M",
        "AlertExceedsMax": True,
        "AlertEncrypted": True,
        "AlertEncryptedArchive": True,
        "AlertEncryptedDoc": True,
        "AlertOLE2Macros": True,
        "HeuristicAlerts": True,
        "PhishingSignatures": False,
        "PhishingScanURLs": False,
        "ScanImageFuzzyHash": False,
        "Bytecode": official,
        "ConcurrentDatabaseReload": True,
        "SelfCheck": 600 if official else 0,
        "ExitOnOOM": True,
        "LogTime": True,
    }
    if user is not None:
        options["User"] = user
    return "".join(f"{name} {_written(value)}\n" for name, value in options.items())


def official_databases(directory: Path = OFFICIAL_DIRECTORY) -> list[Path]:
    """Return the official files that freshclam left, none unless both `main` and `daily` are there."""
    found = {
        name: directory / f"{name}{suffix}"
        for name in OFFICIAL_NAMES
        for suffix in OFFICIAL_SUFFIXES
        if (directory / f"{name}{suffix}").is_file()
    }
    return list(found.values()) if {"main", "daily"} <= set(found) else []


def prepare(
    directory: Path,
    *,
    socket: Path,
    spool: Path,
    official: Path = OFFICIAL_DIRECTORY,
    threads: int = 4,
    user: str | None = None,
    free_bytes: int = SPOOL_BYTES,
) -> Path:
    """Make the signature folder and clamd.conf below `directory`; return the path of clamd.conf.

    Official files are linked, so that freshclam's next update is seen by clamd's own check. Leftovers of a killed
    clamd in the spool are removed. Raises UnsafeSpool.
    """
    spool.mkdir(mode=0o700, parents=True, exist_ok=True)
    if user is not None:
        shutil.chown(spool, user)
    require_memory_spool(spool, free_bytes=free_bytes)
    _sweep(spool)
    database = directory / "signatures"
    database.mkdir(mode=0o755, parents=True, exist_ok=True)
    for old in database.iterdir():
        old.unlink()
    officials = official_databases(official)
    own = own_signatures()
    if officials:
        for name, content in own.items():
            (database / name.replace("daily", "portal")).write_bytes(content)
    else:
        write_own(database, own)
    for file in officials:
        (database / file.name).symlink_to(file)
    path = directory / "clamd.conf"
    path.write_text(
        configuration(
            socket=socket, database=database, spool=spool, official=bool(officials), threads=threads, user=user
        )
    )
    return path


def own_signatures() -> dict[str, bytes]:
    """Return our own signatures as the files of a database named `daily`."""
    return {f"daily{file.suffix}": file.read_bytes() for file in sorted(OWN_SIGNATURES.glob("portal.*"))}


def write_own(database: Path, files: Mapping[str, bytes]) -> None:
    """Put our own signatures into a folder as one numbered database, built now, whole or not at all."""
    aside = database / f"{numbered.NAME}.new"
    aside.write_bytes(numbered.numbered(files, number=numbered.number_of(files), built=datetime.now(UTC)))
    aside.rename(database / numbered.NAME)


def _written(value: object) -> str:
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)


def _sweep(spool: Path) -> None:
    """Remove what a killed clamd left behind, by clamd's own names only: the folder may be somebody else's too."""
    for pattern in LEFTOVERS:
        for entry in spool.glob(pattern):
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
