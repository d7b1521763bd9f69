"""Deriving: the courier reads each organization's trail in its sealed order and writes what CRMs are told.

Rules: a batch of leaves, the events and deliveries that they become, and the cursor commit together, behind the
cursor's row lock: exactly once and in order, whoever dies and however many couriers there are. What an event refers to
and is gone meanwhile is left out; it never stops the rest.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import exists, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from audit import AuditEvent
from audit.tree import AuditLeaf
from records.cases import Case
from records.crm.deliveries import CrmDelivery
from records.crm.events import CrmCursor, CrmEvent, Facts
from records.crm.mapping import About, Rule, rule_for
from records.crm.subscribers import CrmSubscriber, SubscriberState
from records.links import UploadLink
from records.messages import Message, Purpose
from records.organizations import Organization
from records.progress import progress
from records.requests import DocumentRequest, Slot
from storage.database import new_id

Row = TypeVar("Row", Case, DocumentRequest, Message, Slot, UploadLink)

ABOUT_REQUESTS = frozenset({Purpose.REQUEST, Purpose.RETURNED, Purpose.REMINDER})
"""Messages whose way is told as `request.*`: those that bring the link to whoever is asked for something."""
BATCH = 200
"""Leaves of one organization that are read in one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """What an event of the trail is about, as far as it is still there."""

    case: Case | None
    request: DocumentRequest | None
    slot: Slot | None
    message: Message | None
    document_id: str | None


def behind(session: Session) -> Sequence[str]:
    """Return the organizations whose trail has leaves that were not read yet: reads only."""
    unread = exists().where(AuditLeaf.org_id == CrmCursor.org_id, AuditLeaf.index == CrmCursor.next_leaf)
    known = session.scalars(select(CrmCursor.org_id).where(unread)).all()
    new = session.scalars(
        select(Organization.id).where(
            ~exists().where(CrmCursor.org_id == Organization.id),
            exists().where(AuditLeaf.org_id == Organization.id, AuditLeaf.index == 0),
        )
    ).all()
    return [*known, *new]


def derive(session: Session, org_id: str, *, now: datetime) -> bool:
    """Read the next leaves of one organization; whether there may be more. The caller commits."""
    cursor = _cursor(session, org_id)
    leaves = _leaves(session, cursor)
    if not leaves:
        return False
    subscribers = session.scalars(
        select(CrmSubscriber)
        .where(CrmSubscriber.org_id == org_id, CrmSubscriber.state != SubscriberState.REMOVED)
        .with_for_update(read=True)
    ).all()
    for leaf, traced in leaves:
        rule = rule_for(traced.event, traced.details)
        event = _event(session, rule, leaf, traced, now) if rule is not None else None
        if event is not None and rule is not None:
            session.add(event)
            session.flush()
            told = [each for each in subscribers if _is_told(rule, event, traced, each)]
            _hand_out(session, event, told, now + timedelta(microseconds=leaf - cursor.next_leaf))
    cursor.next_leaf += len(leaves)
    session.flush()
    return len(leaves) == BATCH


def _cursor(session: Session, org_id: str) -> CrmCursor:
    """Return the cursor behind its row lock; a new organization's begins at its first leaf."""
    if session.get(CrmCursor, org_id) is None:
        insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        session.execute(insert(CrmCursor).values(org_id=org_id, next_leaf=0).on_conflict_do_nothing())
    return session.get_one(CrmCursor, org_id, with_for_update=True, populate_existing=True)


def _leaves(session: Session, cursor: CrmCursor) -> list[tuple[int, AuditEvent]]:
    """Return the next leaves without a gap, each with its event."""
    rows = session.execute(
        select(AuditLeaf.index, AuditEvent)
        .join(AuditEvent, AuditEvent.id == AuditLeaf.event_id)
        .where(AuditLeaf.org_id == cursor.org_id, AuditLeaf.index >= cursor.next_leaf)
        .order_by(AuditLeaf.index)
        .limit(BATCH)
    ).all()
    return [(index, event) for number, (index, event) in enumerate(rows, cursor.next_leaf) if index == number]


def _is_told(rule: Rule, event: CrmEvent, traced: AuditEvent, subscriber: CrmSubscriber) -> bool:
    if rule.about is About.SUBSCRIBER:
        return subscriber.id == traced.subject_id
    return subscriber.wants(rule.type)


def _hand_out(session: Session, event: CrmEvent, told: Iterable[CrmSubscriber], due: datetime) -> None:
    session.add_all(
        CrmDelivery(
            org_id=event.org_id, subscriber_id=each.id, event_id=event.id, created_at=event.created_at, due_at=due
        )
        for each in told
    )


def _event(session: Session, rule: Rule, leaf: int, traced: AuditEvent, now: datetime) -> CrmEvent | None:
    subject = _subject(session, rule, traced)
    if subject.message is not None and subject.message.purpose not in ABOUT_REQUESTS:
        return None
    request_id = subject.request.id if subject.request is not None else None
    if rule.once and _was_told(session, rule, request_id):
        return None
    return CrmEvent(
        id=new_id(),
        org_id=traced.org_id,
        leaf=leaf,
        audit_event_id=traced.id,
        type=rule.type,
        at=traced.at,
        created_at=now,
        case_id=subject.case.id if subject.case is not None else None,
        request_id=request_id,
        document_id=subject.document_id,
        data=_facts(session, rule, subject, traced).as_json(),
    )


def _was_told(session: Session, rule: Rule, request_id: str | None) -> bool:
    told = select(CrmEvent.id).where(CrmEvent.request_id == request_id, CrmEvent.type == rule.type)
    return session.execute(told.limit(1)).first() is not None


def _subject(session: Session, rule: Rule, traced: AuditEvent) -> _Subject:
    """Find what an event is about by the ids that it holds. What belongs to another case is not believed."""
    details, subject_id = traced.details, traced.subject_id
    slot_id, request_id, document_id, message_id, link_id = (
        details.get("slot"),
        details.get("request"),
        None,
        None,
        None,
    )
    match rule.about:
        case About.REQUEST:
            request_id = subject_id
        case About.VISIT:
            link_id = traced.actor_id
        case About.MESSAGE:
            message_id = subject_id
        case About.UPLOAD:
            document_id = details.get("document")
        case About.DOCUMENT:
            document_id = subject_id
        case About.SLOT:
            slot_id = subject_id
        case About.CASE | About.SUBSCRIBER:
            pass
    message, link = _got(session, Message, message_id), _got(session, UploadLink, link_id)
    slot = _got(session, Slot, slot_id)
    for known in (message, link, slot):
        request_id = known.request_id if known is not None else request_id
    case, request = _got(session, Case, traced.case_id), _got(session, DocumentRequest, request_id)
    if case is None or case.org_id != traced.org_id or (request is not None and request.case_id != case.id):
        return _Subject(case=None, request=None, slot=None, message=None, document_id=None)
    return _Subject(case=case, request=request, slot=slot, message=message, document_id=document_id)


def _got(session: Session, model: type[Row], row_id: object) -> Row | None:
    return session.get(model, row_id) if isinstance(row_id, str) else None


def _facts(session: Session, rule: Rule, subject: _Subject, traced: AuditEvent) -> Facts:
    case, request, slot, message = subject.case, subject.request, subject.slot, subject.message
    reason = traced.details.get(rule.reason) if rule.reason is not None else None
    return Facts(
        organization=session.get_one(Organization, traced.org_id).slug,
        external_ref=case.external_ref if case is not None else None,
        requirement=slot.requirement.key if slot is not None else None,
        side=slot.side if slot is not None else None,
        reason=str(reason) if reason else None,
        message={"purpose": message.purpose, "channel": message.channel} if message is not None else None,
        progress=progress(request).as_json() if request is not None else None,
    )
