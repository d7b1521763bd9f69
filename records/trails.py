"""Reading the trail: the story of one case, and the whole organization's events page by page."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, true
from sqlalchemy.orm import Session

from audit import AuditEvent, Event, record
from audit.events import ActorKind
from records.apikeys import ApiKey
from records.cases import Case, Party, get_case
from records.documents import Document
from records.errors import InvalidValue
from records.links import UploadLink
from records.people import Member
from records.policy import Action, require

ID = re.compile(r"[0-9a-f]{32}")
PAGE = 50
"""Events of one page."""
STORY = 200
"""Events of a case that its page tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One event as a person reads it."""

    id: str
    at: datetime
    event: str
    kind: ActorKind
    who: str | None
    """Name of the member, the party or the API key; None for a process."""
    subject_id: str
    case_id: str | None
    details: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What the trail is narrowed to; empty means everything."""

    event: Event | None = None
    member_id: str | None = None
    case_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """One page of events, newest first, and the cursor of the next page."""

    entries: tuple[Entry, ...]
    following: str | None


def case_story(session: Session, member: Member, case_id: str) -> tuple[Entry, ...]:
    """Return the newest events of a case, without what would drown them: the opener's answers (each follows an event
    that is told) and the leave for each second look.

    What one person did several times in a row to one thing is told once. Raises NotFound or Forbidden.
    """
    require(member, Action.SEE_CASE, get_case(session, org_id=member.org_id, case_id=case_id))
    found = session.scalars(
        select(AuditEvent)
        .where(
            AuditEvent.org_id == member.org_id,
            AuditEvent.case_id == case_id,
            AuditEvent.event.not_in((Event.OPENER_PART_OPENED.value, Event.CUSTODIAN_RESCAN_GRANTED.value)),
        )
        .order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
        .limit(STORY)
    ).all()
    return _told_once(_entries(session, found))


def opened_before(session: Session, document: Document) -> tuple[Entry, ...]:
    """Return who saw or downloaded a document, or an export of its case, until it was recalled; newest first.

    What one person did several times in a row is told once, with its last time. Whoever asks may see the trail.
    """
    own = and_(
        AuditEvent.subject_id == document.id,
        AuditEvent.event.in_((Event.STAFF_DOCUMENT_VIEWED.value, Event.STAFF_DOCUMENT_DOWNLOADED.value)),
    )
    until = AuditEvent.at <= document.rescanned_at if document.rescanned_at is not None else true()
    since = AuditEvent.at >= document.received_at
    found = session.scalars(
        select(AuditEvent)
        .where(AuditEvent.org_id == document.org_id, AuditEvent.case_id == document.case_id, since, until)
        .where(or_(own, AuditEvent.event == Event.STAFF_EXPORT_DOWNLOADED.value))
        .order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
        .limit(STORY)
    ).all()
    return _told_once(_entries(session, found))


def trail(session: Session, member: Member, *, filters: Filters, untrusted_after: str = "", now: datetime) -> Trail:
    """Return a page of the organization's events and record that it was read. Raises Forbidden or InvalidValue."""
    require(member, Action.SEE_AUDIT)
    wanted = [AuditEvent.org_id == member.org_id, _before(untrusted_after)]
    if filters.event is not None:
        wanted.append(AuditEvent.event == filters.event.value)
    if filters.member_id is not None:
        wanted.append(AuditEvent.actor_id == filters.member_id)
    if filters.case_id is not None:
        wanted.append(AuditEvent.case_id == filters.case_id)
    found = session.scalars(
        select(AuditEvent).where(*wanted).order_by(AuditEvent.at.desc(), AuditEvent.id.desc()).limit(PAGE + 1)
    ).all()
    more = f"{found[PAGE - 1].at.isoformat()}~{found[PAGE - 1].id}" if len(found) > PAGE else None
    entries = tuple(_entries(session, found[:PAGE]))
    chosen = {"event": filters.event.value} if filters.event is not None else {}
    record(
        session,
        Event.STAFF_AUDIT_VIEWED,
        org_id=member.org_id,
        actor_id=member.id,
        subject_id=member.org_id,
        details={"events": len(entries), **chosen},
        now=now,
    )
    return Trail(entries=entries, following=more)


def note_verification(session: Session, member: Member, *, events: int, problems: int, now: datetime) -> None:
    """Record that the trail was verified, and with which result. Raises Forbidden."""
    require(member, Action.SEE_AUDIT)
    record(
        session,
        Event.STAFF_AUDIT_VERIFIED,
        org_id=member.org_id,
        actor_id=member.id,
        subject_id=member.org_id,
        details={"events": events, "problems": problems},
        now=now,
    )


def actors(session: Session, member: Member) -> list[tuple[str, str]]:
    """Return id and name of everybody of the organization, by name. Raises Forbidden."""
    require(member, Action.SEE_AUDIT)
    found = select(Member.id, Member.name).where(Member.org_id == member.org_id).order_by(Member.name)
    return [(row.id, row.name) for row in session.execute(found)]


def case_labels(session: Session, member: Member, entries: Iterable[Entry]) -> dict[str, str]:
    """Return the reference (or title) of every case that the entries name, by id."""
    ids = {entry.case_id for entry in entries if entry.case_id}
    found = session.execute(
        select(Case.id, Case.external_ref, Case.title).where(Case.id.in_(ids), Case.org_id == member.org_id)
    )
    return {row.id: row.external_ref or row.title for row in found}


def _told_once(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    story: list[Entry] = []
    for entry in entries:
        if not story or _alike(story[-1]) != _alike(entry):
            story.append(entry)
    return tuple(story)


def _alike(entry: Entry) -> tuple[str, str | None, str]:
    return entry.event, entry.who, entry.subject_id


def _before(untrusted_after: str) -> ColumnElement[bool]:
    if not untrusted_after:
        return true()
    written, _, event_id = untrusted_after.partition("~")
    try:
        place = datetime.fromisoformat(written).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidValue("after", "malformed") from None
    if not ID.fullmatch(event_id):
        raise InvalidValue("after", "malformed")
    return or_(AuditEvent.at < place, and_(AuditEvent.at == place, AuditEvent.id < event_id))


def _entries(session: Session, found: Iterable[AuditEvent]) -> list[Entry]:
    events = list(found)
    names = _names(session, {event.actor_id for event in events})
    return [
        Entry(
            id=event.id,
            at=event.at,
            event=event.event,
            kind=ActorKind(event.event.partition(":")[0]),
            who=names.get(event.actor_id),
            subject_id=event.subject_id,
            case_id=event.case_id,
            details=event.details,
        )
        for event in events
    ]


def _names(session: Session, actor_ids: set[str]) -> dict[str, str]:
    members = session.execute(select(Member.id, Member.name).where(Member.id.in_(actor_ids)))
    keys = session.execute(select(ApiKey.id, ApiKey.name).where(ApiKey.id.in_(actor_ids)))
    links = session.execute(
        select(UploadLink.id, Party.name)
        .join(Party, Party.id == UploadLink.party_id)
        .where(UploadLink.id.in_(actor_ids))
    )
    return {identifier: name for rows in (members, keys, links) for identifier, name in rows}
