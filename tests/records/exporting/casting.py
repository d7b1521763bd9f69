"""A whole case for tests of the bag: really filed, its trail sealed and stamped, its keys behind the opener."""

import hashlib
import io
import zipfile
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import select

from audit import AuditEvent, Event, record
from audit.checkpoints import CheckpointSigner
from audit.stamping import claim_stamps, keep_stamp
from audit.timestamps import question
from intake.filing import Commitment, Declared, PartSealer, Scanned, case_public, meta_json
from portal.worker import keeping, opener
from portal.worker.delivering import _ready_exports
from records.cases import CaseKey
from records.documents import Document, DocumentState
from records.exporting.bag import stream_bag
from records.exporting.contents import CaseRecord, gather
from records.exports import Export, ExportState, download_export, request_export
from records.people import Member, Role
from records.receipts.entries import Hashes, SentPhoto, entry_of, photos_commitment
from records.requests import Slot
from records.uploads import Upload, UploadState
from sandbox.tsa.authority import Authority
from storage.blobs import BlobStore
from storage.database import Database, new_id, utcnow
from storage.due import lease
from storage.keyring.local import LocalKeyring
from storage.sealing.box import Box
from storage.sealing.signing import SigningKey
from storage.sealing.unseal import PrivateKey
from tests.intake.building import a_link, a_request, a_visit

CHECKPOINTS = CheckpointSigner("resguardo", bytes(range(32)))
HASHES = Box([bytes(range(64, 96))])
"""What inspector and courier hold for receipts."""
CLEAN = Scanned(finding="clean", engine="ClamAV 1.0", signatures="27000")


@dataclass(kw_only=True)
class Company:
    """One company with one case, its custodian, its inspector's key and its opener."""

    database: Database
    blobs: BlobStore
    authority: Authority
    custodian: keeping.Tools
    inspector: SigningKey
    request_id: str
    case_id: str
    carla_id: str
    visit_id: str
    link_id: str

    @property
    def opener(self) -> opener.Tools:
        """The opener of this company."""
        return opener.Tools(
            database=self.database,
            keyring=self.custodian.keyring,
            custodian=self.custodian.signer.verify_key(),
            inspector=self.inspector.verify_key(),
        )

    def file(
        self,
        slot: int,
        name: str,
        content: bytes,
        mime: str = "image/jpeg",
        *,
        lie: bytes | None = None,
        photos: tuple[SentPhoto, ...] = (),
    ) -> str:
        """File a document as the inspector does; return its id. `lie`: the bytes that the event speaks of instead."""
        now = utcnow()
        with self.database.transaction() as session:
            place = session.scalars(
                select(Slot).where(Slot.request_id == self.request_id).order_by(Slot.position)
            ).all()[slot]
            upload = Upload(
                id=new_id(), org_id=place.org_id, link_id=self.link_id, visit_id=self.visit_id, slot=place,
                state=UploadState.FINISHED, max_bytes=1 << 30, created_at=now, expires_at=now,
            )  # fmt: skip
            document = Document(
                id=new_id(), org_id=place.org_id, case_id=self.case_id, request_id=self.request_id, slot=place,
                upload=upload, size=len(content), received_at=now, mime=mime, finding="clean", judged_at=now,
                state=DocumentState.FILED,
            )  # fmt: skip
            place.take(document.id, now)
            place.filed(now)
            key = session.scalars(select(CaseKey).where(CaseKey.case_id == self.case_id)).one()
            recipient = case_public(key, self.custodian.signer.verify_key())
            sealer = PartSealer(
                document,
                recipient,
                CLEAN,
                blobs=self.blobs,
                signer=self.inspector,
                names=(f"docs/{now:%Y%m%d}/{new_id()}" for _ in range(3)),
            )
            commitment = Commitment.to(hashlib.sha256(lie if lie is not None else content).digest())
            declared = Declared(untrusted_name=name, untrusted_type=mime)
            meta = meta_json(declared, commitment, size=len(content), mime=mime)
            session.add_all([upload, document])
            session.flush()
            session.add_all(
                [
                    sealer.seal("original", [content], mime=mime),
                    sealer.seal("meta", [meta], mime="application/json"),
                    sealer.seal("page-0001", [b"a picture"], mime="image/webp"),
                ]
            )
            salted = {"photos": photos_commitment(commitment.salt, photos)} if photos else {}
            event = record(
                session,
                Event.INSPECTOR_DOCUMENT_FILED,
                org_id=document.org_id,
                actor_id="inspector",
                subject_id=document.id,
                case_id=document.case_id,
                now=now,
                details={"commitment": commitment.hexdigest(), **salted},
            )
            hashes = Hashes(sha256=commitment.sha256, salt=commitment.salt, photos=photos)
            session.add(entry_of(document, hashes, event_id=event.id, box=HASHES))
            return document.id

    def ask(self) -> str:
        """Carla asks for the export."""
        with self.database.transaction() as session:
            return request_export(session, session.get_one(Member, self.carla_id), self.case_id, now=utcnow()).id

    def stamp(self) -> None:
        """The custodian seals and chooses, and the courier carries the stamp."""
        keeping.seal_trail(self.custodian, utcnow())
        with self.database.transaction() as session:
            claimed = [(one.id, one.note, one.stamp_attempt) for one in claim_stamps(session, utcnow())]
        for checkpoint_id, note, attempt in claimed:
            stamp = self.authority.answer(question(note.encode()))
            with self.database.transaction() as session:
                keep_stamp(session, checkpoint_id, attempt=attempt, stamp=stamp, actor_id="courier", now=utcnow())

    def prepare(self, export_id: str) -> None:
        """Seal, stamp, and mark what is ready."""
        self.stamp()
        with self.database.transaction() as session:
            for export in session.scalars(_ready_exports()):
                export.state, export.ready_at = ExportState.READY, utcnow()
            assert session.get_one(Export, export_id).state == ExportState.READY

    def exported(self) -> str:
        """Ask and prepare; return the id of the ready export."""
        keeping.seal_trail(self.custodian, utcnow())
        export_id = self.ask()
        self.prepare(export_id)
        return export_id

    def gathered(self, export_id: str) -> tuple[CaseRecord, str]:
        """Carla downloads: the event is committed, the rows are read. Returns the record and the event's id."""
        with self.database.transaction() as session:
            carla = session.get_one(Member, self.carla_id)
            _, event_id = download_export(session, carla, export_id, now=utcnow())
        with self.database.reading() as session:
            root = self.authority.ca_pem.read_bytes()
            return gather(session, export_id, checkpoint_keys=[CHECKPOINTS.public], tsa_root=root), event_id

    def open_part(self, event_id: str, document_id: str, part: str) -> bytes:
        """Ask the opener, as the console does."""
        asked = opener.Asked(event=event_id, document=document_id, part=part)
        return opener.open_part(self.opener, asked, now=utcnow())

    def bag(self, export_id: str | None = None) -> bytes:
        """The whole ZIP."""
        found, event_id = self.gathered(export_id or self.exported())
        return b"".join(stream_bag(found, blobs=self.blobs, open_part=partial(self.open_part, event_id)))

    def events(self) -> list[AuditEvent]:
        """Every event."""
        with self.database.reading() as session:
            return list(session.scalars(select(AuditEvent).order_by(AuditEvent.at)))


def a_company(database: Database, blobs: BlobStore, authority: Authority, keys: Path) -> Company:
    """Found the company, open Ana's case, mint its key, let Ana in."""
    now = utcnow() - timedelta(minutes=5)
    inspector = SigningKey.generate()
    keys.mkdir(mode=0o700, exist_ok=True)
    custodian = keeping.Tools(
        database=database,
        keyring=LocalKeyring(keys),
        signer=SigningKey.generate(),
        checkpoints=CHECKPOINTS,
        inspector=inspector.verify_key(),
        escrow=PrivateKey.generate().public(),
    )
    with database.transaction() as session:
        request = a_request(session, now=now, requirements=2)
        link = a_link(session, request, now=now)
        visit = a_visit(session, link, now=now)
        carla = Member(
            org_id=request.org_id, email="carla@valle.example", name="Carla", role=Role.COMPLIANCE,
            password_hash="-", totp_boxed=b"-", created_at=now,
        )  # fmt: skip
        session.add(carla)
        session.flush()
        ids = {
            "request_id": request.id, "case_id": request.case_id, "carla_id": carla.id,
            "visit_id": visit.id, "link_id": link.id,
        }  # fmt: skip
    with database.transaction() as session:
        (held,) = lease(session, CaseKey, now=utcnow(), limit=5)
    keeping.mint(custodian, held)
    return Company(database=database, blobs=blobs, authority=authority, custodian=custodian, inspector=inspector, **ids)


def unpacked(archive: bytes, folder: Path) -> Path:
    """Unpack a bag and return its folder."""
    with zipfile.ZipFile(io.BytesIO(archive)) as bag:
        assert bag.testzip() is None
        bag.extractall(folder)
    (root,) = folder.iterdir()
    return root
