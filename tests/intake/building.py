"""Builders for tests of intake and of the customer's portal: a company, a request, a link, a visit, keys."""

import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from intake import trays as tray_use
from intake.daykey import PURPOSE
from intake.receiving import Intake
from intake.standing import Told
from intake.trays import Change
from intake.uploads import slices_of
from records import links, trays
from records.cases import Party, open_case
from records.links import UploadLink, Visit
from records.organizations import Organization, PrivacyNotice
from records.requests import DocumentRequest, SendMode, create_request
from records.requirements import Requirement, RequirementTemplate
from records.uploads import QuarantineKey, Slice, Upload
from storage.blobs import BlobStore
from storage.database import Database, new_id, utcnow
from storage.sealing.contexts import SliceContext
from storage.sealing.signing import SigningKey
from storage.sealing.unseal import PrivateKey, decrypt

MIB = 1024 * 1024


def a_request(
    session: Session, *, now: datetime, max_bytes: int = 100 * MIB, requirements: int = 1, locale: str = "es"
) -> DocumentRequest:
    """A request of one company to Ana: an ID card with two sides first, then whole documents."""
    org = Organization(
        slug=f"org-{new_id()[:12]}",
        name="Financiera del Valle",
        contact_phone="+525512345678",
        contact_email="ayuda@valle.example",
        created_at=now,
    )
    session.add(org)
    session.flush()
    session.add(
        PrivacyNotice(
            org_id=org.id,
            version=1,
            short={"es": "Usamos tus documentos solo para tu trámite.", "en": "We use your documents only for this."},
            full={"es": "Aviso de privacidad integral.", "en": "Full privacy notice."},
            published_at=now,
        )
    )
    template = RequirementTemplate(
        org_id=org.id, key="credito", version=1, name={"es": "Crédito", "en": "Credit"}, published_at=now
    )
    template.requirements = [_a_requirement(i, max_bytes) for i in range(requirements)]
    session.add(template)
    case, _ = open_case(session, org_id=org.id, title="Crédito de Ana", now=now)
    party = Party(
        org_id=org.id, case_id=case.id, name="Ana Prueba", phone="+525511112222", locale=locale, created_at=now
    )
    session.add(party)
    session.flush()
    return create_request(
        session,
        case=case,
        party=party,
        template=template,
        created_by="builder",
        send_mode=SendMode.NONE,
        now=now,
    )


def _a_requirement(position: int, max_bytes: int) -> Requirement:
    identity = position == 0
    return Requirement(
        key=f"doc{position}",
        position=position,
        title={"es": "Identificación oficial", "en": "Official ID", "pt": "Documento de identidade"}
        if identity
        else {"es": "Comprobante de domicilio", "en": "Proof of address", "pt": "Comprovante de endereço"},
        why={"es": "Para confirmar que eres tú.", "en": "To confirm that it is you.", "pt": "Para confirmar quem é."},
        retention={"es": "10 años", "en": "10 years", "pt": "10 anos"},
        sides=["front", "back"] if identity else ["whole"],
        formats=["image", "pdf"],
        required=True,
        max_image_bytes=min(25 * MIB, max_bytes),
        max_pdf_bytes=max_bytes,
    )


def a_link(session: Session, request: DocumentRequest, *, now: datetime) -> UploadLink:
    """The request's open link."""
    return links.issue(session, request, now=now)


def a_visit(session: Session, link: UploadLink, *, now: datetime, secret: str | None = None) -> Visit:
    """A browser that activated the link."""
    notice = session.query(PrivacyNotice).filter_by(org_id=link.org_id).one()
    digest = hashlib.sha256((secret or secrets.token_urlsafe(32)).encode()).hexdigest()
    return links.activate(session, link_id=link.id, cookie_sha256=digest, notice_id=notice.id, locale="es", now=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The private halves that the public portal never has."""

    custodian: SigningKey
    quarantine: PrivateKey
    quarantine_id: str


def certified_keys(session: Session, *, now: datetime, custodian: SigningKey | None = None) -> Keys:
    """A certified quarantine key of the day of `now`."""
    signer = custodian or SigningKey.generate()
    private = PrivateKey.generate()
    row = QuarantineKey(
        id=new_id(),
        day=now.astimezone(UTC).date(),
        public=private.public().raw,
        created_at=now,
        inspector_signature=b"",
    )
    row.custodian_signature = signer.sign(PURPOSE, row.statement())
    session.add(row)
    session.flush()
    return Keys(custodian=signer, quarantine=private, quarantine_id=row.id)


@dataclass(kw_only=True)
class Clock:
    """A clock that a test turns."""

    now: datetime

    def __call__(self) -> datetime:
        """The time."""
        return self.now

    def advance(self, **parts: float) -> None:
        """Turn it forward."""
        self.now += timedelta(**parts)


@dataclass(kw_only=True)
class World:
    """One company, one request, one activated link, and the door for its uploads."""

    database: Database
    blobs: BlobStore
    clock: Clock
    keys: Keys
    intake: Intake
    request_id: str
    link_id: str
    visit_id: str
    slots: list[str]

    def allow_pages(self, most: int = 5) -> None:
        """Let every requirement take photos that become the pages of one PDF."""
        with self.database.transaction() as session:
            session.execute(update(Requirement).values(max_pages=most))

    def add_page(
        self,
        content: bytes = b"a photo",
        slot: int = 0,
        *,
        name: str = "foto.jpg",
        retakes: str | None = None,
        covered: bool = False,
    ) -> str:
        """Lay a photo into the tray of a slot and return its upload's id."""
        upload = self.begin(slot, len(content), name=name, told=Told(page=True, retakes=retakes, covered=covered))
        self.intake.append(visit_id=self.visit_id, upload_id=upload, offset=0, body=[content])
        return upload

    def tray(self, slot: int = 0) -> list[str]:
        """The pages in the tray of a slot, in their order."""
        with self.database.reading() as session:
            return [page.upload_id for page in trays.pages_in(session, self.slots[slot], self.clock.now)]

    def edition(self, slot: int = 0) -> str:
        """What the page of the customer says of a tray."""
        with self.database.reading() as session:
            return trays.edition(trays.pages_in(session, self.slots[slot], self.clock.now))

    def send_tray(self, edition: str | None = None, slot: int = 0) -> str:
        """Send a tray as it is, or as somebody saw it; return the document's id."""
        with self.database.transaction() as session:
            return tray_use.send(
                session,
                visit_id=self.visit_id,
                slot_id=self.slots[slot],
                edition=edition or self.edition(slot),
                now=self.clock.now,
            ).id

    def arrange(self, page: str, change: Change, slot: int = 0) -> None:
        """Change one page of a tray."""
        with self.database.transaction() as session:
            tray_use.arrange(
                session,
                visit_id=self.visit_id,
                slot_id=self.slots[slot],
                page_id=page,
                change=change,
                now=self.clock.now,
            )

    def begin(self, slot: int = 0, length: int | None = None, **more: Any) -> str:
        """Open an upload and return its id."""
        return self.intake.begin(
            visit_id=self.visit_id,
            slot_id=self.slots[slot],
            untrusted_name=more.pop("name", "ine.jpg"),
            untrusted_type="image/jpeg",
            length=length,
            **more,
        ).upload_id

    def content(self, upload_id: str) -> bytes:
        """What the inspector would read: every slice opened in its place."""
        with self.database.reading() as session:
            return b"".join(self._open(session, piece) for piece in slices_of(session, upload_id)[1:])

    def declared(self, upload_id: str) -> dict[str, str]:
        """The sealed name and type."""
        with self.database.reading() as session:
            return dict(json.loads(self._open(session, slices_of(session, upload_id)[0])))

    def blob_names(self) -> list[str]:
        """Every object of the store."""
        return sorted(self.blobs.names())

    def _open(self, session: Session, piece: Slice) -> bytes:
        context = place_of(session, piece)
        sealed = [piece.payload] if piece.blob is None else self.blobs.read(piece.blob)
        return b"".join(decrypt(piece.header, sealed, self.keys.quarantine, context))


def place_of(session: Session, piece: Slice) -> SliceContext:
    """What a slice of this row is sealed as."""
    upload = session.get_one(Upload, piece.upload_id)
    return SliceContext(
        org=upload.org_id,
        case=upload.link.case_id,
        slot=upload.slot_id,
        upload=upload.id,
        seq=piece.seq,
        offset=piece.offset,
    )


def a_world(
    database: Database,
    blobs: BlobStore,
    *,
    max_bytes: int = 100 * MIB,
    requirements: int = 2,
    keys: Keys | None = None,
) -> World:
    """Build a World at the present time; a second one in a database shares the `keys` of the first."""
    clock = Clock(now=utcnow())
    blobs.check()
    with database.transaction() as session:
        keys = keys or certified_keys(session, now=clock.now)
        request = a_request(session, now=clock.now, max_bytes=max_bytes, requirements=requirements)
        link = a_link(session, request, now=clock.now)
        visit = a_visit(session, link, now=clock.now)
        ids = {"request_id": request.id, "link_id": link.id, "visit_id": visit.id}
        slots = [slot.id for slot in request.slots]
    intake = Intake(database=database, blobs=blobs, custodian=keys.custodian.verify_key(), clock=clock)
    return World(database=database, blobs=blobs, clock=clock, keys=keys, intake=intake, slots=slots, **ids)
