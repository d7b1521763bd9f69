"""The case file as its page shows it: people, requests, slots, documents, messages, links and exports together."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from audit import AuditEvent, Event, record
from records.cases import Case, Party, get_case
from records.consents import Consent, consents_of
from records.documents import Document, DocumentState
from records.escalations import Escalation, open_call
from records.exports import Export
from records.interceptions import InterceptedFile, files_of_case
from records.links import UploadLink
from records.messages import Message, Purpose, has_left
from records.optins import OptIn, opt_ins_of
from records.optouts import opted_out
from records.organizations import Team
from records.outbox import Stuck, explained
from records.people import Member
from records.policy import Action, decide, require
from records.reminding import Outlook, outlook
from records.requests import SETTLED_SLOTS, DocumentRequest, RequestState, Slot, SlotState, requests_of_case

SAME_LOOK = timedelta(minutes=5)
"""Looking again within this time is one look in the trail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotView:
    """A slot, the document that stands in it, and how many were refused or returned before."""

    slot: Slot
    document: Document | None
    earlier: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestView:
    """A request with its slots, its newest message and its open link, if any."""

    request: DocumentRequest
    slots: tuple[SlotView, ...]
    message: Stuck | None
    link: UploadLink | None
    reached: bool
    """Whether a message left for the customer before: the next one reminds."""
    reminders: Outlook | None
    call: Escalation | None
    """The open call for a person, if there is one."""
    required: int
    accepted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactView:
    """A person, whether they said "no more messages", and the evidence that they agreed, with who noted it."""

    party: Party
    opted_out: bool
    opt_ins: tuple[tuple[OptIn, str | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFile:
    """Everything about one case."""

    case: Case
    team: str | None
    owner: str | None
    parties: tuple[Party, ...]
    requests: tuple[RequestView, ...]
    exports: tuple[Export, ...]
    contacts: tuple[ContactView, ...]
    chat_files: tuple[InterceptedFile, ...]
    """Files that the customer sent into the chat, newest first."""
    consents: tuple[Consent, ...]
    """Accepted privacy notices, for who may read the trail."""
    noted: bool
    """Whether the trail already says that the reader looked, a moment ago."""
    slots: dict[str, Slot]
    """Every slot by its id, and by the id of every document that was ever sent for it."""
    to_review: int
    required: int
    accepted: int


def case_file(session: Session, member: Member, case_id: str, *, now: datetime) -> CaseFile:
    """Return the file of a case; `note_view` goes with it, before anybody sees it. Raises NotFound or Forbidden."""
    case = get_case(session, org_id=member.org_id, case_id=case_id)
    require(member, Action.SEE_CASE, case)
    documents: dict[str, list[Document]] = {}
    wanted = select(Document).options(joinedload(Document.slot)).where(Document.case_id == case.id)
    for document in session.scalars(wanted.order_by(Document.received_at)):
        documents.setdefault(document.slot_id, []).append(document)
    newest_first = sorted(
        requests_of_case(session, case.id),
        key=lambda one: (one.state != RequestState.CANCELLED, one.created_at),
        reverse=True,
    )
    requests = tuple(_request_view(session, request, documents, now) for request in newest_first)
    live = [view for view in requests if view.request.state != RequestState.CANCELLED]
    parties = tuple(session.scalars(select(Party).where(Party.case_id == case.id).order_by(Party.created_at)))
    return CaseFile(
        case=case,
        team=session.scalar(select(Team.name).where(Team.id == case.team_id)),
        owner=session.scalar(select(Member.name).where(Member.id == case.owner_id)),
        parties=parties,
        contacts=_contacts(session, parties),
        chat_files=tuple(files_of_case(session, case.id)),
        requests=requests,
        exports=_exports(session, member, case),
        consents=tuple(consents_of(session, case.id)) if decide(member, Action.SEE_AUDIT).allowed else (),
        noted=_seen_lately(session, member, case.id, now),
        slots={document.id: document.slot for sent in documents.values() for document in sent}
        | {slot.id: slot for request in requests for slot in request.request.slots},
        to_review=sum(slot.slot.state == SlotState.FILED for view in live for slot in view.slots),
        required=sum(view.required for view in live),
        accepted=sum(view.accepted for view in live),
    )


def _request_view(
    session: Session, request: DocumentRequest, documents: dict[str, list[Document]], now: datetime
) -> RequestView:
    slots = []
    for slot in request.slots:
        sent = documents.get(slot.id, [])
        current = next((document for document in sent if document.id == slot.document_id), None)
        earlier = sum(one.id != slot.document_id and one.state != DocumentState.WITHDRAWN for one in sent)
        slots.append(SlotView(slot=slot, document=current, earlier=earlier))
    newest = session.scalars(
        select(Message)
        .where(Message.request_id == request.id, Message.purpose != Purpose.CODE)
        .order_by(Message.created_at.desc())
        .limit(1)
    ).first()
    links = session.scalars(
        select(UploadLink).where(UploadLink.request_id == request.id).order_by(UploadLink.created_at.desc())
    )
    required = [slot for slot in request.slots if slot.requirement.required]
    return RequestView(
        request=request,
        slots=tuple(slots),
        message=explained(session, newest, now=now) if newest is not None else None,
        link=next((link for link in links if link.accepts_activation(now)), None),
        reached=has_left(session, request.id),
        reminders=outlook(session, request, now=now),
        call=open_call(session, request.id) if request.state in (RequestState.REQUESTED, RequestState.OPENED) else None,
        required=len(required),
        accepted=sum(slot.state in SETTLED_SLOTS for slot in required),
    )


def _contacts(session: Session, parties: tuple[Party, ...]) -> tuple[ContactView, ...]:
    rows = opt_ins_of(session, [party.id for party in parties])
    noted = select(Member.id, Member.name).where(Member.id.in_({row.recorded_by for row in rows}))
    names = {found.id: found.name for found in session.execute(noted)}
    return tuple(
        ContactView(
            party=party,
            opted_out=opted_out(session, party),
            opt_ins=tuple((row, names.get(row.recorded_by)) for row in rows if row.party_id == party.id),
        )
        for party in parties
    )


def _exports(session: Session, member: Member, case: Case) -> tuple[Export, ...]:
    if not decide(member, Action.EXPORT, case).allowed:
        return ()
    wanted = select(Export).where(Export.case_id == case.id).order_by(Export.created_at.desc()).limit(5)
    return tuple(session.scalars(wanted))


def note_view(session: Session, member: Member, case_id: str, *, now: datetime) -> None:
    """Record that the case file was seen. Raises NotFound or Forbidden."""
    case = get_case(session, org_id=member.org_id, case_id=case_id)
    require(member, Action.SEE_CASE, case)
    record(
        session,
        Event.STAFF_CASE_VIEWED,
        org_id=case.org_id,
        actor_id=member.id,
        subject_id=case.id,
        case_id=case.id,
        now=now,
    )


def _seen_lately(session: Session, member: Member, case_id: str, now: datetime) -> bool:
    lately = session.scalar(
        select(AuditEvent.id)
        .where(
            AuditEvent.case_id == case_id,
            AuditEvent.actor_id == member.id,
            AuditEvent.event == Event.STAFF_CASE_VIEWED.value,
            AuditEvent.at > now - SAME_LOOK,
        )
        .limit(1)
    )
    return lately is not None
