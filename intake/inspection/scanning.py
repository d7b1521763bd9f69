"""What the inspection needs from a virus scanner, whichever it is."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Outcome(StrEnum):
    """What a scanner says of one stream. Only `CLEAN` is clean; anything unclear is an error, not an outcome."""

    CLEAN = "clean"
    INFECTED = "infected"
    ENCRYPTED = "encrypted"
    LIMITS = "limits"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanResult:
    """The outcome of one scan and, unless clean, the name the scanner gave to what it found."""

    outcome: Outcome
    threat: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannerVersion:
    """Which engine and which signatures answer.

    `signatures_at` (aware, UTC) is None where only local signatures are loaded.
    """

    engine: str
    signatures: str
    signatures_at: datetime | None


class Scanner(Protocol):
    """A virus scanner. Every method raises ScannerUnavailable unless it got a complete and understood answer."""

    def scan(self, chunks: Iterable[bytes], size: int) -> ScanResult:
        """Scan one stream of `size` bytes."""

    def version(self) -> ScannerVersion:
        """Return engine and signatures."""

    def ping(self) -> None:
        """Return when the scanner answers."""
