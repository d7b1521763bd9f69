"""A small company for the console's tests: the cast, a template, and builders of cases, slots, documents, messages."""

import io
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp
from PIL import Image, ImageDraw
from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.links import LinkSigner
from portal.staff.console import build_console
from portal.staff.desk import Desk
from portal.staff.opening import OpeningRefused
from portal.web.application import PortalApp
from records.cases import Case, Party, open_case
from records.documents import Document, DocumentState, Part
from records.interceptions import InterceptedFile
from records.links import UploadLink, Visit, issue
from records.messages import Message, MessageState, Purpose, WaitReason, queue
from records.organizations import Organization, PrivacyNotice, Team
from records.people import Member, Role
from records.requests import DocumentRequest, SendMode, Slot, SlotState, create_request
from records.requirements import RequirementTemplate, publish_template
from records.senders import WhatsAppSender
from records.signing_in import Passwords, new_seed
from records.uploads import Upload, UploadState
from storage.blobs import BlobStore
from storage.database import Database, new_id
from storage.sealing.box import Box
from storage.sealing.stream import encrypt, payload_size

NOW = datetime(2026, 11, 22, 16, 30, tzinfo=UTC)
PASSWORD = "correcto caballo pila grapa"
CAST = (
    ("eva", "Eva Martínez", Role.EXECUTIVE, "norte"),
    ("omar", "Omar Díaz", Role.EXECUTIVE, "sur"),
    ("sofia", "Sofía Núñez", Role.SUPERVISOR, "norte"),
    ("carla", "Carla Ríos", Role.COMPLIANCE, None),
    ("saul", "Saúl Ortega", Role.ADMINISTRATOR, None),
    ("aurora", "Aurora Peña", Role.AUDITOR, None),
)
REQUIREMENTS = [
    ("ine", {"es": "INE", "en": "Voter ID (INE)", "pt": "INE"}, ["front", "back"], True),
    (
        "domicilio",
        {"es": "Comprobante de domicilio", "en": "Proof of address", "pt": "Comprovante de endereço"},
        ["whole"],
        True,
    ),
    (
        "csf",
        {"es": "Constancia de situación fiscal", "en": "Tax status certificate", "pt": "Situação fiscal"},
        ["whole"],
        True,
    ),
    ("extra", {"es": "Carta de recomendación", "en": "Reference letter", "pt": "Carta"}, ["whole"], False),
]


class FakeOpener:
    """Stands for the opener process: it knows the keys of the parts that the builders sealed."""

    def __init__(self) -> None:
        self.keys: dict[tuple[str, str], bytes] = {}
        self.asked: list[tuple[str, str, str]] = []
        self.refuses = False

    def file_key(self, *, event: str, document: str, part: str) -> bytes:
        self.asked.append((event, document, part))
        if self.refuses:
            raise OpeningRefused("policy")
        return self.keys[document, part]


@dataclass
class Company:
    """The organization with its people, and how to make more."""

    org: Organization
    members: dict[str, Member]
    seeds: dict[str, str]
    template: RequirementTemplate
    teams: dict[str, Team]
    opener: FakeOpener
    blobs: BlobStore
    box: Box = field(default_factory=lambda: Box([bytes(range(32))]))

    def code(self, who: str, now: datetime) -> str:
        """The one-time code of a member."""
        return pyotp.TOTP(self.seeds[who]).at(now)

    def a_case(
        self,
        session: Session,
        *,
        title: str = "Ana Torres",
        reference: str | None = None,
        team: str = "norte",
        owner: str | None = "eva",
        now: datetime = NOW,
    ) -> Case:
        case, _ = open_case(
            session,
            org_id=self.org.id,
            title=title,
            external_ref=reference,
            team_id=self.teams[team].id,
            owner_id=self.members[owner].id if owner else None,
            now=now,
        )
        return case

    def a_chat_file(self, session: Session, case: Case | None = None, **values: Any) -> InterceptedFile:
        """A file that came by chat, about a case or from nobody whom we wrote to."""
        sender = session.scalars(select(WhatsAppSender).where(WhatsAppSender.org_id == self.org.id)).first()
        if sender is None:
            sender = WhatsAppSender(
                org_id=self.org.id,
                phone_number_id=f"10{self.org.id[:8]}",
                waba_id="20",
                token_boxed=b"-",
                app_secret_boxed=b"-",
                verify_token_sha256="-",
            )
            session.add(sender)
            session.flush()
        given = {"type": "image", "at": NOW, "hint": None if case else "0000"} | values
        file = InterceptedFile(org_id=self.org.id, sender_id=sender.id, case_id=case.id if case else None, **given)
        session.add(file)
        session.flush()
        return file

    def a_party(
        self,
        session: Session,
        case: Case,
        *,
        name: str = "Ana Torres",
        role: str = "customer",
        phone: str = "+525512345678",
    ) -> Party:
        party = Party(
            org_id=case.org_id, case_id=case.id, name=name, role=role, phone=phone, created_at=case.created_at
        )
        session.add(party)
        session.flush()
        return party

    def a_request(
        self,
        session: Session,
        case: Case,
        *,
        party: Party | None = None,
        send_mode: SendMode = SendMode.AUTO,
        now: datetime = NOW,
        message: MessageState | None = MessageState.DELIVERED,
        error: str | None = None,
    ) -> DocumentRequest:
        request = create_request(
            session,
            case=case,
            party=party or self.a_party(session, case),
            template=self.template,
            created_by=self.members["eva"].id,
            send_mode=send_mode,
            now=now,
        )
        link = issue(session, request, now=now)
        if message is not None:
            sent = queue(session, request=request, link=link, purpose=Purpose.REQUEST, now=now)
            sent.state, sent.error, sent.due_at = message, error, None
        session.flush()
        return request

    def a_message(
        self,
        session: Session,
        request: DocumentRequest,
        *,
        state: MessageState = MessageState.FAILED,
        error: str | None = "131026",
        waits_for: WaitReason | None = None,
        now: datetime = NOW,
    ) -> Message:
        """A message of a request, wherever it stands."""
        link = issue(session, request, now=now)
        message = queue(session, request=request, link=link, purpose=Purpose.REQUEST, now=now)
        message.state, message.error, message.waits_for = state, error, waits_for
        message.due_at = now + timedelta(hours=1) if state is MessageState.QUEUED else None
        session.flush()
        return message

    def a_document(
        self,
        session: Session,
        slot: Slot,
        *,
        pages: int = 1,
        now: datetime = NOW,
        state: SlotState = SlotState.FILED,
        sealed: bool = True,
    ) -> Document:
        """A document in a slot: received, or filed with its page images and original."""
        request = slot.request
        link = session.query(UploadLink).filter_by(request_id=request.id).first() or issue(session, request, now=now)
        visit = Visit(link=link, cookie_sha256=new_id() * 2, locale="es", started_at=now, last_seen_at=now, ends_at=now)
        session.add(visit)
        session.flush()
        upload = Upload(
            org_id=slot.org_id,
            link=link,
            visit_id=visit.id,
            slot=slot,
            state=UploadState.FINISHED,
            max_bytes=1,
            created_at=now,
            expires_at=now + timedelta(days=1),
        )
        session.add(upload)
        session.flush()
        document = Document(
            id=new_id(),
            org_id=slot.org_id,
            case_id=request.case_id,
            request_id=request.id,
            slot=slot,
            upload=upload,
            size=2_345_678,
            received_at=now,
        )
        session.add(document)
        session.flush()
        slot.take(document.id, now)
        if state is SlotState.RECEIVED:
            return document
        document.move(DocumentState.FILED)
        document.mime, document.pages, document.engine, document.finding = "image/jpeg", pages, "ClamAV 1.4.3", "clean"
        slot.filed(now)
        session.flush()
        if not sealed:
            return document
        self.a_part(session, document, "original", b"%PDF-1.7 original bytes", "application/pdf")
        meta = b'{"name": "../ine\\u202efdp.exe", "declared_type": "image/jpeg"}'
        self.a_part(session, document, "meta", meta, "application/json")
        for page in range(1, pages + 1):
            self.a_part(session, document, f"page-{page:04d}", a_page(slot, page), "image/webp")
        return document

    def a_part(self, session: Session, document: Document, name: str, content: bytes, mime: str) -> None:
        file_key = bytes(16)
        blob = f"docs/{new_id()}"
        self.blobs.put(blob, encrypt([content], file_key))
        self.opener.keys[document.id, name] = file_key
        session.add(
            Part(
                org_id=document.org_id,
                case_id=document.case_id,
                document=document,
                name=name,
                blob=blob,
                header=b"header",
                header_sha256="0" * 64,
                payload_sha256="0" * 64,
                payload_size=payload_size(len(content)),
                mime=mime,
                finding="clean",
                engine="ClamAV",
                signatures="1",
                attestation=b"signature",
            )
        )
        session.flush()


def a_page(slot: Slot, page: int) -> bytes:
    """A page image like the inspector's: WebP, with something to look at."""
    wide = slot.side in ("front", "back")
    size = (1100, 694) if wide else (900, 1165)
    image = Image.new("RGB", size, (252, 251, 246))
    pen = ImageDraw.Draw(image)
    pen.rectangle((30, 30, size[0] - 30, 120), fill=(214, 222, 214))
    pen.text(
        (50, 60), f"DOCUMENTO DE PRUEBA  -  {slot.requirement.key.upper()} {slot.side}  -  {page}", fill=(30, 50, 40)
    )
    if wide:
        pen.rectangle((50, 160, 320, 520), fill=(190, 200, 196))
        pen.ellipse((115, 210, 255, 380), fill=(228, 214, 200))
    for line in range(14):
        left = 360 if wide else 60
        pen.line(
            (left, 180 + 34 * line, size[0] - 60 - 37 * (line % 4), 180 + 34 * line), fill=(160, 168, 160), width=5
        )
    out = io.BytesIO()
    image.save(out, "WEBP", quality=80)
    return out.getvalue()


def found_company(database: Database, blobs: BlobStore, *, passwords: Passwords, now: datetime = NOW) -> Company:
    """Make the organization, its teams, notice, template and people."""
    hashed = passwords.hash(PASSWORD)
    box = Box([bytes(range(32))])
    with database.transaction() as session:
        org = Organization(slug="credito-claro", name="Crédito Claro", created_at=now)
        session.add(org)
        session.flush()
        teams = {name: Team(org_id=org.id, name=f"Equipo {name}") for name in ("norte", "sur")}
        session.add_all(teams.values())
        session.add(
            PrivacyNotice(org_id=org.id, version=1, short={"es": "Aviso"}, full={"es": "Aviso"}, published_at=now)
        )
        session.flush()
        members, seeds = {}, {}
        for key, name, role, team in CAST:
            member_id, seeds[key] = new_id(), new_seed()
            members[key] = Member(
                id=member_id,
                org_id=org.id,
                team_id=teams[team].id if team else None,
                email=f"{key}@credito.example",
                name=name,
                role=role,
                password_hash=hashed,
                totp_boxed=box.seal(seeds[key].encode(), table="members", row=member_id, column="totp_boxed"),
                created_at=now,
            )
        session.add_all(members.values())
        template = publish_template(
            session,
            org_id=org.id,
            key="credito-personal",
            name={"es": "Crédito personal", "en": "Personal loan", "pt": "Crédito pessoal"},
            requirements=[
                {
                    "key": key,
                    "title": title,
                    "why": {"es": "Para conocerte."},
                    "retention": {"es": "Diez años."},
                    "sides": sides,
                    "formats": ["image", "pdf"],
                    "required": required,
                }
                for key, title, sides, required in REQUIREMENTS
            ],
            now=now,
        )
    return Company(
        org=org,
        members=members,
        seeds=seeds,
        template=template,
        teams=teams,
        opener=FakeOpener(),
        blobs=blobs,
        box=box,
    )


def console_of(
    company: Company,
    database: Database,
    *,
    passwords: Passwords,
    checkpoint_public: bytes = bytes(range(32)),
    refusal_s: float = 0.0,
) -> PortalApp:
    """The console over this company."""
    desk = Desk(
        box=company.box,
        passwords=passwords,
        signer=LinkSigner([b"k" * 32]),
        opener=company.opener,
        blobs=company.blobs,
        public_url="http://portal.localhost:18701",
        checkpoint_public=checkpoint_public,
        refusal_s=refusal_s,
        tsa_root=None,
    )
    return build_console(database=database, desk=desk, session_key=b"s" * 32)


__all__ = ["NOW", "PASSWORD", "Company", "FakeOpener", "Message", "SlotState", "console_of", "found_company"]
