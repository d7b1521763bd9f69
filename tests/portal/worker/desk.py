"""An inspector at work on what a customer sent: real slices, keys, scanner and sandbox in one process."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from audit import AuditEvent
from intake.filing import CASE_KEY
from intake.inspection.chain import Inspector
from intake.inspection.clamav import ClamdScanner
from intake.inspection.sandbox import Sandbox
from intake.quarantine import QuarantineKeys, certify
from portal.worker.drawing import preview
from portal.worker.inspecting import inspect
from portal.worker.materials import Tools
from records.cases import CaseKey
from records.documents import Document, FilingIntent, Part, PreviewTask
from records.requests import Slot
from records.uploads import QuarantineKey, Slice
from storage.blobs import BlobStore
from storage.database import Database, utcnow
from storage.due import Due, Lease, lease
from storage.sealing.box import Box
from storage.sealing.contexts import DocumentContext
from storage.sealing.signing import SigningKey
from storage.sealing.unseal import PrivateKey, decrypt
from tests.intake.building import Keys, World, a_world

HASHES = Box([bytes(range(64, 96))])
"""What inspector and courier hold for receipts."""


@dataclass(kw_only=True)
class Desk:
    """One customer's world and the inspector's tools."""

    world: World
    tools: Tools
    case: PrivateKey
    """What only custodian and opener can use."""

    def send(self, content: bytes, name: str = "ine.jpg", slot: int = 0) -> str:
        """Send a file as the customer does; return the document's id."""
        upload = self.world.begin(slot=slot, name=name, length=len(content))
        half = len(content) // 2
        for offset, piece in ((0, content[:half]), (half, content[half:])):
            self.world.intake.append(visit_id=self.world.visit_id, upload_id=upload, offset=offset, body=[piece])
        with self.world.database.reading() as session:
            return session.scalars(select(Document.id).where(Document.upload_id == upload)).one()

    def lease(self, model: type[Due]) -> Lease:
        """Lease the one row that is due, as if its time had come and its last worker were gone."""
        with self.world.database.transaction() as session:
            (held,) = self._leased(session, model)
            return held

    def lease_all(self, model: type[Due]) -> list[Lease]:
        """Lease every row that is due."""
        with self.world.database.transaction() as session:
            return self._leased(session, model)

    @staticmethod
    def _leased(session: Session, model: type[Due]) -> list[Lease]:
        table: Any = model
        session.execute(update(table).where(table.due_at.is_not(None)).values(due_at=utcnow(), lease_until=None))
        return list(lease(session, model, now=utcnow(), limit=5))

    def inspect(self, **instead: Any) -> None:
        """One attempt at the document that is due, with some tools exchanged."""
        inspect(dataclasses.replace(self.tools, **instead), self.lease(Document))

    def preview(self, **instead: Any) -> None:
        """One attempt at the previews that are due."""
        preview(dataclasses.replace(self.tools, **instead), self.lease(PreviewTask))

    def document(self, document_id: str) -> Document:
        """The row as it is now."""
        with self.world.database.reading() as session:
            return session.get_one(Document, document_id)

    def slot(self, number: int = 0) -> Slot:
        """A slot as it is now."""
        with self.world.database.reading() as session:
            return session.get_one(Slot, self.world.slots[number])

    def all(self, model: type[Any]) -> list[Any]:
        """Every row of a table."""
        with self.world.database.reading() as session:
            return list(session.scalars(select(model)))

    def change(self, model: type[Any], **values: Any) -> None:
        """Write into every row of a table what a captured process could."""
        with self.world.database.transaction() as session:
            session.execute(update(model).values(**values))

    def vault(self) -> list[str]:
        """Objects that were filed, or left there."""
        return [name for name in self.world.blob_names() if name.startswith("docs/")]

    def opened(self, part: Part) -> bytes:
        """What the opener would give out."""
        context = DocumentContext(org=part.org_id, doc=part.document_id, part=part.name)
        return b"".join(decrypt(part.header, self.world.blobs.read(part.blob), self.case, context))

    def parts(self) -> dict[str, Part]:
        """Parts by name."""
        return {part.name: part for part in self.all(Part)}

    def meta(self) -> dict[str, Any]:
        """The opened `meta` part."""
        return dict(json.loads(self.opened(self.parts()["meta"])))

    def events(self, name: str) -> list[AuditEvent]:
        """What the trail says of one kind."""
        return [event for event in self.all(AuditEvent) if event.event == name]

    def nothing_was_filed(self) -> bool:
        """Whether neither rows nor objects nor intents are left of any filing."""
        return (self.all(Part), self.vault(), self.all(FilingIntent)) == ([], [], [])

    def lose_a_slice(self) -> None:
        """Take the first piece of content out of the store."""
        (first,) = [piece for piece in self.all(Slice) if piece.seq == 1]
        self.world.blobs.delete(first.blob)

    def slices(self) -> int:
        """How many slices are left."""
        return len(self.all(Slice))


def a_desk(database: Database, blobs: BlobStore, folder: Path, inspector: Inspector) -> Desk:
    """Quarantine keys made by the inspector and certified by the custodian, a minted case key, a customer."""
    folder.mkdir(mode=0o700)
    custodian, signer, now = SigningKey.generate(), SigningKey.generate(), utcnow()
    quarantine = QuarantineKeys(folder, signer)
    with database.transaction() as session:
        quarantine.prepare(session, now=now)
        rows = session.scalars(select(QuarantineKey).order_by(QuarantineKey.day)).all()
        for row in rows:
            certify(session, row, inspector=signer.verify_key(), signer=custodian, now=now)
        today = rows[0].id
    keys = Keys(custodian=custodian, quarantine=quarantine.private(today), quarantine_id=today)
    world = a_world(database, blobs, keys=keys)
    tools = Tools(
        database=database,
        blobs=blobs,
        inspector=inspector,
        quarantine=quarantine,
        signer=signer,
        custodian=custodian.verify_key(),
        hashes=HASHES,
    )
    return Desk(world=world, tools=tools, case=mint(database, custodian))


def mint(database: Database, custodian: SigningKey) -> PrivateKey:
    """Give every case the same freshly minted key, signed for each."""
    private = PrivateKey.generate()
    with database.transaction() as session:
        for key in session.scalars(select(CaseKey)):
            key.public = private.public().raw
            key.signature = custodian.sign(CASE_KEY, key.statement())
    return private


def an_inspector(socket: Path, sandbox: Sandbox) -> Inspector:
    """Scanner and sandbox as the product wires them."""
    return Inspector(scanner=ClamdScanner(str(socket)), sandbox=sandbox)
