"""The case board: who waits for whom, counted and paged, for the cases that a member may see and no others."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select, true
from sqlalchemy.orm import Session, aliased

from records.cases import Case, CaseState, Party
from records.errors import InvalidValue
from records.escalations import Escalation
from records.messages import Message, MessageState
from records.people import Member
from records.policy import Action, require, visible_cases
from records.recalling import REASON as RECALLED
from records.requests import SETTLED_SLOTS, WAITING_SLOTS, DocumentRequest, RequestState, Slot, SlotState
from records.requirements import Requirement

ID = re.compile(r"[0-9a-f]{32}")
PAGE = 25
"""Lines of one page of the board."""
SEARCH_LENGTH = 120


class Group(StrEnum):
    """What the board can be narrowed to. A case may stand in several: half of it filed, half of it missing."""

    OURS = "ours"  # a filed document, or a required one that was declined, waits for a person
    CUSTOMER = "customer"  # something is missing, was refused or returned
    CALL = "call"  # reminders are at their end: somebody should phone the customer
    FAILED = "failed"  # the last message did not reach the customer
    COMPLETE = "complete"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One case on the board."""

    case_id: str
    title: str
    external_ref: str | None
    closed: bool
    parties: tuple[str, ...]
    owner: str | None
    total: int
    """Documents that are required."""
    accepted: int
    """Required documents that were accepted or waived."""
    to_review: int
    declined: int
    """Required documents that the customer does not have."""
    in_inspection: int
    with_customer: int
    recalled: int
    """Documents that were taken back after they were filed, and that the customer has not sent again."""
    failed: bool
    call: str | None
    """Why somebody should phone the customer, if so."""
    ours_since: datetime | None
    customer_since: datetime | None
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One page of lines, the counts of every group, and the cursor of the next page."""

    group: Group
    lines: tuple[Line, ...]
    counts: dict[Group, int]
    following: str | None


def board(
    session: Session, member: Member, *, group: Group, untrusted_search: str = "", untrusted_after: str = ""
) -> Board:
    """Return a page of the board. Raises Forbidden; InvalidValue for a cursor that is none."""
    require(member, Action.LIST_CASES)
    work, failed, calls = _work(member.org_id), _failed(member.org_id), _calls(member.org_id)
    open_case = Case.state == CaseState.OPEN
    conditions: dict[Group, ColumnElement[bool]] = {
        Group.OURS: and_(open_case, work.c.to_review + work.c.declined > 0),
        Group.CUSTOMER: and_(open_case, work.c.with_customer > 0),
        Group.CALL: and_(open_case, calls.c.reason.is_not(None)),
        Group.FAILED: and_(open_case, failed.c.case_id.is_not(None)),
        Group.COMPLETE: and_(work.c.total > 0, work.c.accepted == work.c.total),
        Group.ALL: true(),
    }
    wanted = and_(visible_cases(member), _matches(untrusted_search))
    counted = [func.sum(case((condition, 1), else_=0)).label(one.value) for one, condition in conditions.items()]
    row = session.execute(_joined(select(*counted), work, failed, calls).where(wanted)).one()
    order: Any = {Group.OURS: work.c.ours_since, Group.CUSTOMER: work.c.customer_since}.get(group, Case.updated_at)
    rising = group in (Group.OURS, Group.CUSTOMER)
    query = (
        _joined(
            select(Case, work, failed.c.case_id.label("failed_case"), calls.c.reason, order.label("place")),
            work,
            failed,
            calls,
        )
        .where(wanted, conditions[group], _behind(order, untrusted_after, rising=rising))
        .order_by(order if rising else order.desc(), Case.id if rising else Case.id.desc())
        .limit(PAGE + 1)
    )
    found = session.execute(query).all()
    more = f"{found[PAGE - 1].place.isoformat()}~{found[PAGE - 1].Case.id}" if len(found) > PAGE else None
    lines = tuple(_lines(session, found[:PAGE]))
    return Board(
        group=group,
        lines=lines,
        counts={one: int(getattr(row, one.value) or 0) for one in Group},
        following=more,
    )


def _work(org_id: str) -> Any:
    def number(condition: ColumnElement[bool]) -> Any:
        return func.sum(case((condition, 1), else_=0))

    def oldest(condition: ColumnElement[bool]) -> Any:
        return func.min(case((condition, Slot.changed_at)))

    filed = Slot.state == SlotState.FILED
    declined = and_(Requirement.required, Slot.state == SlotState.DECLINED)
    missing = and_(Slot.state.in_(WAITING_SLOTS), or_(Requirement.required, Slot.state != SlotState.MISSING))
    return (
        select(
            DocumentRequest.case_id.label("work_case"),
            number(Requirement.required.is_(True)).label("total"),
            number(and_(Requirement.required, Slot.state.in_(SETTLED_SLOTS))).label("accepted"),
            number(filed).label("to_review"),
            number(declined).label("declined"),
            number(Slot.state == SlotState.RECEIVED).label("in_inspection"),
            number(missing).label("with_customer"),
            number(and_(Slot.state == SlotState.REFUSED, Slot.reason == RECALLED)).label("recalled"),
            oldest(or_(filed, declined)).label("ours_since"),
            oldest(missing).label("customer_since"),
        )
        .join(Slot, Slot.request_id == DocumentRequest.id)
        .join(Requirement, Requirement.id == Slot.requirement_id)
        .where(DocumentRequest.org_id == org_id, DocumentRequest.state != RequestState.CANCELLED)
        .group_by(DocumentRequest.case_id)
        .subquery()
    )


def _failed(org_id: str) -> Any:
    newer = aliased(Message)
    return (
        select(Message.case_id)
        .join(DocumentRequest, DocumentRequest.id == Message.request_id)
        .where(
            Message.org_id == org_id,
            Message.state.in_((MessageState.FAILED, MessageState.UNKNOWN)),
            DocumentRequest.state.in_((RequestState.REQUESTED, RequestState.OPENED)),
            ~exists().where(newer.request_id == Message.request_id, newer.created_at > Message.created_at),
        )
        .distinct()
        .subquery()
    )


def _calls(org_id: str) -> Any:
    return (
        select(Escalation.case_id.label("called_case"), func.min(Escalation.reason).label("reason"))
        .join(DocumentRequest, DocumentRequest.id == Escalation.request_id)
        .where(
            Escalation.org_id == org_id,
            Escalation.cleared_at.is_(None),
            DocumentRequest.state.in_((RequestState.REQUESTED, RequestState.OPENED)),
        )
        .group_by(Escalation.case_id)
        .subquery()
    )


def _joined(query: Select[Any], work: Any, failed: Any, calls: Any) -> Select[Any]:
    return (
        query.select_from(Case)
        .outerjoin(work, work.c.work_case == Case.id)
        .outerjoin(failed, failed.c.case_id == Case.id)
        .outerjoin(calls, calls.c.called_case == Case.id)
    )


def _matches(untrusted: str) -> ColumnElement[bool]:
    wanted = " ".join("".join(sign for sign in untrusted if sign.isprintable()).split())[:SEARCH_LENGTH]
    if not wanted:
        return true()
    pattern = "%" + wanted.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    party = exists().where(Party.case_id == Case.id, Party.name.ilike(pattern, escape="\\"))
    return or_(Case.external_ref.ilike(pattern, escape="\\"), Case.title.ilike(pattern, escape="\\"), party)


def _behind(order: Any, untrusted_after: str, *, rising: bool) -> ColumnElement[bool]:
    if not untrusted_after:
        return true()
    written, _, case_id = untrusted_after.partition("~")
    try:
        place = datetime.fromisoformat(written).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidValue("after", "malformed") from None
    if not ID.fullmatch(case_id):
        raise InvalidValue("after", "malformed")
    if rising:
        return or_(order > place, and_(order == place, Case.id > case_id))
    return or_(order < place, and_(order == place, Case.id < case_id))


def _lines(session: Session, found: Sequence[Any]) -> list[Line]:
    ids = [row.Case.id for row in found]
    names: dict[str, list[str]] = {}
    for case_id, name in session.execute(
        select(Party.case_id, Party.name).where(Party.case_id.in_(ids)).order_by(Party.created_at, Party.id)
    ):
        names.setdefault(case_id, []).append(name)
    owner_ids = {row.Case.owner_id for row in found if row.Case.owner_id}
    owners = {
        row.id: row.name for row in session.execute(select(Member.id, Member.name).where(Member.id.in_(owner_ids)))
    }
    return [
        Line(
            case_id=row.Case.id,
            title=row.Case.title,
            external_ref=row.Case.external_ref,
            closed=row.Case.state == CaseState.CLOSED,
            parties=tuple(dict.fromkeys(names.get(row.Case.id, ()))),
            owner=owners.get(row.Case.owner_id or ""),
            total=row.total or 0,
            accepted=row.accepted or 0,
            to_review=row.to_review or 0,
            declined=row.declined or 0,
            in_inspection=row.in_inspection or 0,
            with_customer=row.with_customer or 0,
            recalled=row.recalled or 0,
            failed=row.failed_case is not None,
            call=row.reason,
            ours_since=row.ours_since,
            customer_since=row.customer_since,
            updated_at=row.Case.updated_at,
        )
        for row in found
    ]
