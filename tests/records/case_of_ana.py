"""Builders for tests of the case file's rules: one organization with two teams, and Ana's case with its documents."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from records.cases import Case, Party, open_case
from records.documents import Document, DocumentState
from records.links import Visit, issue
from records.organizations import Organization, PrivacyNotice, Team
from records.people import Member, Role
from records.requests import DocumentRequest, SendMode, Slot, create_request
from records.requirements import publish_template
from records.uploads import Upload, UploadState
from storage.database import Database, new_id

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)


@dataclass
class World:
    """What the tests act on."""

    org: Organization
    teams: dict[str, Team]
    case: Case
    request: DocumentRequest
    members: dict[str, Member]


def a_member(session: Session, org: Organization, name: str, role: Role, team: Team | None) -> Member:
    """A member of staff."""
    member = Member(
        org_id=org.id,
        team_id=team.id if team else None,
        email=f"{name}-{new_id()[:6]}@credito.example",
        name=name.title(),
        role=role,
        password_hash="hash",
        totp_boxed=b"boxed",
        created_at=NOW,
    )
    session.add(member)
    session.flush()
    return member


def a_filed_document(session: Session, slot: Slot, now: datetime = NOW) -> Document:
    """A document that passed inspection and waits for a person."""
    document = a_received_document(session, slot, now)
    document.move(DocumentState.FILED)
    slot.filed(now)
    session.flush()
    return document


def a_received_document(session: Session, slot: Slot, now: datetime = NOW) -> Document:
    """A document under inspection."""
    request = slot.request
    link = issue(session, request, now=now)
    visit = Visit(link=link, cookie_sha256=new_id() * 2, locale="es", started_at=now, last_seen_at=now, ends_at=now)
    upload = Upload(
        org_id=slot.org_id,
        link=link,
        slot=slot,
        state=UploadState.FINISHED,
        max_bytes=1,
        created_at=now,
        expires_at=now + timedelta(days=1),
    )
    session.add(visit)
    session.flush()
    upload.visit_id = visit.id
    session.add(upload)
    session.flush()
    document = Document(
        org_id=slot.org_id,
        case_id=request.case_id,
        request_id=request.id,
        slot=slot,
        upload=upload,
        size=1,
        received_at=now,
    )
    session.add(document)
    session.flush()
    slot.take(document.id, now)
    session.flush()
    return document


def a_world(session: Session, *, send_mode: SendMode = SendMode.AUTO, slots: int = 2, slug: str = "credito") -> World:
    """The organization, its people, and Ana's case with one request."""
    org = Organization(slug=slug, name="Crédito Claro", created_at=NOW)
    session.add(org)
    session.flush()
    teams = {name: Team(org_id=org.id, name=name) for name in ("norte", "sur")}
    notice = PrivacyNotice(org_id=org.id, version=1, short={"es": "a"}, full={"es": "a"}, published_at=NOW)
    session.add_all([*teams.values(), notice])
    session.flush()
    members = {
        "eva": a_member(session, org, "eva", Role.EXECUTIVE, teams["norte"]),
        "omar": a_member(session, org, "omar", Role.EXECUTIVE, teams["sur"]),
        "sofia": a_member(session, org, "sofia", Role.SUPERVISOR, teams["norte"]),
        "carla": a_member(session, org, "carla", Role.COMPLIANCE, None),
        "saul": a_member(session, org, "saul", Role.ADMINISTRATOR, None),
        "aurora": a_member(session, org, "aurora", Role.AUDITOR, None),
    }
    text = {"es": "Documento"}
    template = publish_template(
        session,
        org_id=org.id,
        key="basico",
        name=text,
        requirements=[
            {"key": f"doc-{i}", "title": text, "why": text, "retention": text, "sides": ["whole"], "formats": ["pdf"]}
            for i in range(slots)
        ],
        now=NOW,
    )
    case, _ = open_case(session, org_id=org.id, title="Ana", external_ref="C-1", team_id=teams["norte"].id, now=NOW)
    party = Party(org_id=org.id, case_id=case.id, name="Ana", phone="+525512345678", created_at=NOW)
    session.add(party)
    session.flush()
    request = create_request(
        session,
        case=case,
        party=party,
        template=template,
        created_by=members["eva"].id,
        send_mode=send_mode,
        now=NOW,
    )
    issue(session, request, now=NOW)
    return World(org=org, teams=teams, case=case, request=request, members=members)


def world_in(database: Database, **options: object) -> World:
    """A committed world."""
    with database.transaction() as session:
        return a_world(session, **options)  # type: ignore[arg-type]
