"""An archive: documents really filed, a custodian with a keyring, an opener, and a scanner whose signatures change."""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from audit.checkpoints import CheckpointSigner
from intake.inspection.chain import Inspector
from intake.inspection.memory import Memory
from intake.inspection.sandbox import Sandbox
from intake.inspection.scanning import Outcome, ScannerVersion, ScanResult
from intake.inspection.verdicts import ScannerUnavailable
from portal.worker import keeping, ticketing
from portal.worker.rescanning import Asking, rescan
from portal.worker.ticketing import Budget
from records.cases import CaseKey
from records.documents import Document
from records.rescans import Rescan
from storage.blobs import BlobStore
from storage.database import Database, utcnow
from storage.due import lease
from storage.keyring.local import LocalKeyring
from storage.sealing.unseal import PrivateKey
from tests.intake.inspection import documents
from tests.portal.worker.desk import Desk, a_desk

JPEG = documents.a_jpeg()
LATER_KNOWN = JPEG[-64:-24]
"""Bytes of every such photo that only later signatures know."""
BUILT = utcnow()
ROOM = Budget(files=100, size=1 << 40)


@dataclass
class Signatures:
    """A scanner with a number, and what its signatures know."""

    number: int = 1
    knows: bytes | None = None
    outcome: Outcome | None = None
    away: bool = False
    scanned: int = 0

    def scan(self, chunks: Iterable[bytes], size: int) -> ScanResult:
        content = b"".join(chunks)
        if self.away:
            raise ScannerUnavailable("away")
        self.scanned += 1
        if self.outcome is not None:
            return ScanResult(outcome=self.outcome, threat="Heuristics.Limits.Exceeded")
        if self.knows is not None and self.knows in content:
            return ScanResult(outcome=Outcome.INFECTED, threat="Win.Test.Late")
        return ScanResult(outcome=Outcome.CLEAN)

    def scan_file(self, document: Memory) -> ScanResult:
        return self.scan(document.chunks(), document.size)

    def version(self) -> ScannerVersion:
        if self.away:
            raise ScannerUnavailable("away")
        return ScannerVersion(engine="Fake 1", signatures=str(self.number), signatures_at=BUILT)

    def ping(self) -> None:
        return


@dataclass(kw_only=True)
class Archive:
    """One customer's documents behind the custodian's keys."""

    desk: Desk
    custodian: keeping.Tools
    scanner: Signatures
    slots: int = field(default=0)

    def file(self, content: bytes = JPEG) -> str:
        """Send a document into the next slot, and file it."""
        document = self.desk.send(content, slot=self.slots)
        self.slots += 1
        self.desk.inspect()
        assert self.desk.document(document).state == "filed"
        return document

    def ask(self, now: datetime | None = None) -> list[Rescan]:
        """One round of the inspector; returns what is asked for and open."""
        Asking(self.desk.tools)(now or utcnow())
        return [row for row in self.desk.all(Rescan) if row.outcome is None]

    def grant(self, budget: Budget = ROOM, now: datetime | None = None, **instead: Any) -> list[Rescan]:
        """One round of the custodian; returns the rows that hold a ticket."""
        ticketing.grant(dataclasses.replace(self.custodian, **instead), budget, now or utcnow())
        return [row for row in self.desk.all(Rescan) if row.header is not None]

    def look(self, **instead: Any) -> None:
        """The inspector works on one row that has its ticket, whatever it was postponed to."""
        with self.desk.world.database.transaction() as session:
            session.execute(update(Rescan).where(Rescan.due_at.is_not(None)).values(due_at=utcnow(), lease_until=None))
            (held,) = lease(session, Rescan, now=utcnow(), limit=1)
        rescan(dataclasses.replace(self.desk.tools, **instead), held)

    def row(self, document: str) -> Rescan:
        """The newest re-scan of a document."""
        with self.desk.world.database.reading() as session:
            found = select(Rescan).where(Rescan.document_id == document).order_by(Rescan.asked_at.desc())
            return session.scalars(found).all()[0]

    def newer(self, *, knows: bytes | None = None) -> None:
        """Load the next signatures."""
        self.scanner.number, self.scanner.knows = self.scanner.number + 1, knows

    def age(self, **ages: timedelta) -> None:
        """Say when each document (by id) was received."""
        with self.desk.world.database.transaction() as session:
            for document, ago in ages.items():
                received = utcnow() - ago
                session.execute(update(Document).where(Document.id == document).values(received_at=received))


def an_archive(
    database: Database, blobs: BlobStore, folder: Path, sandbox: Sandbox, inspector: Inspector | None = None
) -> Archive:
    """Quarantine keys, a case key that custodian and opener can open, and nothing filed yet."""
    scanner = Signatures()
    inspector = inspector or Inspector(scanner=scanner, sandbox=sandbox)
    desk = a_desk(database, blobs, folder / "quarantine", inspector)
    (folder / "keyring").mkdir(mode=0o700)
    custodian = keeping.Tools(
        database=database,
        keyring=LocalKeyring(folder / "keyring"),
        signer=desk.world.keys.custodian,
        checkpoints=CheckpointSigner("resguardo", bytes(range(32))),
        inspector=desk.tools.signer.verify_key(),
        escrow=PrivateKey.generate().public(),
    )
    mint(custodian)
    return Archive(desk=desk, custodian=custodian, scanner=scanner)


def mint(custodian: keeping.Tools) -> None:
    """Give every case a key of its own, as the custodian does."""
    with custodian.database.transaction() as session:
        session.execute(update(CaseKey).values(public=None, signature=None, due_at=utcnow()))
        held = lease(session, CaseKey, now=utcnow(), limit=5)
    for each in held:
        keeping.mint(custodian, each)


__all__ = ["JPEG", "LATER_KNOWN", "ROOM", "Archive", "an_archive", "mint"]
