"""What the inspection needs from a virus scanner, whichever it is."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from intake.inspection.memory import Memory
from intake.inspection.verdicts import SignaturesStale

MAX_SIGNATURE_AGE = timedelta(days=7)
"""Official signatures come out every day; after a week something is broken (clamd itself warns from then on)."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureRule:
    """Which signatures may judge."""

    max_age: timedelta = MAX_SIGNATURE_AGE
    unnumbered: bool = True
    """Whether a scanner may judge that names neither number nor date of its signatures: not where it counts."""

    def check(self, version: ScannerVersion, now: datetime) -> ScannerVersion:
        """Return the version if its signatures may judge. Raises SignaturesStale."""
        if version.signatures_at is None:
            if not self.unnumbered:
                raise SignaturesStale("signatures without a date")
        elif now - version.signatures_at > self.max_age:
            raise SignaturesStale(f"signatures of {version.signatures_at.date()}")
        return version


class Scanner(Protocol):
    """A virus scanner. Every method raises ScannerUnavailable unless it got a complete and understood answer."""

    def scan(self, chunks: Iterable[bytes], size: int) -> ScanResult:
        """Scan one stream of `size` bytes."""

    def scan_file(self, document: Memory) -> ScanResult:
        """Scan a document in sealed memory."""

    def version(self) -> ScannerVersion:
        """Return engine and signatures."""

    def ping(self) -> None:
        """Return when the scanner answers."""
