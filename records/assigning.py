"""Whose case it is, and its end: a supervisor hands a case to somebody, or closes it. Each leaves a trace.

Rules: a case follows its owner into the owner's team, so that the team sees it; closing stops the customer at once.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import Event, record
from records import links
from records.cases import Case, CaseState, get_case
from records.errors import InvalidValue, WrongState
from records.links import UploadLink
from records.organizations import Team
from records.people import Member, Role
from records.policy import Action, require
from records.requests import DocumentRequest, RequestState, requests_of_case

OWNERS = frozenset({Role.EXECUTIVE, Role.SUPERVISOR})
"""Roles that work on cases, so that one may be theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Somebody who may own a case."""

    member_id: str
    name: str
    team: str | None


def candidates(session: Session, member: Member) -> list[Candidate]:
    """Return who may own a case, by name. Raises Forbidden."""
    require(member, Action.REASSIGN)
    found = (
        select(Member.id, Member.name, Team.name.label("team"))
        .outerjoin(Team, Team.id == Member.team_id)
        .where(Member.org_id == member.org_id, Member.active, Member.role.in_(OWNERS))
        .order_by(Member.name, Member.id)
    )
    return [Candidate(member_id=row.id, name=row.name, team=row.team) for row in session.execute(found)]


def reassign(session: Session, member: Member, case_id: str, *, untrusted_owner: str, now: datetime) -> None:
    """Give the case to another owner and to the owner's team.

    Raises NotFound, Forbidden; InvalidValue for nobody who may own it; WrongState when it is closed or theirs already.
    """
    case = _open_case(session, member, case_id, Action.REASSIGN)
    owner = session.get(Member, untrusted_owner) if untrusted_owner else None
    if owner is None or owner.org_id != member.org_id or not owner.active or owner.role not in OWNERS:
        raise InvalidValue("owner", "unknown")
    team_id = owner.team_id or case.team_id
    if (case.owner_id, case.team_id) == (owner.id, team_id):
        raise WrongState(f"case {case.id} is theirs already")
    case.owner_id, case.team_id, case.updated_at = owner.id, team_id, now
    team = {"team": case.team_id} if case.team_id else {}
    _note(session, Event.STAFF_CASE_REASSIGNED, member, case, case.id, now, {"owner": owner.id, **team})


def close_case(session: Session, member: Member, case_id: str, *, now: datetime) -> None:
    """End the case: what is still asked for is cancelled, every link is revoked, live visits stop at once.

    What was filed stays and can be seen. Raises NotFound, Forbidden; WrongState when it is closed already.
    """
    case = _open_case(session, member, case_id, Action.CLOSE_CASE)
    for request in requests_of_case(session, case.id):
        session.execute(select(DocumentRequest.id).where(DocumentRequest.id == request.id).with_for_update())
        session.refresh(request)
        if request.state in (RequestState.REQUESTED, RequestState.OPENED):
            request.cancel()
            _note(session, Event.STAFF_REQUEST_CANCELLED, member, case, request.id, now, {"request": request.id})
        open_links = select(UploadLink).where(UploadLink.request_id == request.id, UploadLink.revoked_at.is_(None))
        for link in session.scalars(open_links).all():
            links.revoke(session, link, now=now)
            _note(session, Event.STAFF_LINK_REVOKED, member, case, link.id, now, {"request": request.id})
    case.close(now)
    _note(session, Event.STAFF_CASE_CLOSED, member, case, case.id, now, {})


def _open_case(session: Session, member: Member, case_id: str, action: Action) -> Case:
    case = get_case(session, org_id=member.org_id, case_id=case_id)
    require(member, action, case)
    session.execute(select(Case.id).where(Case.id == case.id).with_for_update())
    session.refresh(case)
    if case.state != CaseState.OPEN:
        raise WrongState(f"case {case.id} is {case.state}")
    return case


def _note(
    session: Session, event: Event, member: Member, case: Case, subject_id: str, now: datetime, details: dict[str, str]
) -> None:
    record(
        session,
        event,
        org_id=case.org_id,
        actor_id=member.id,
        subject_id=subject_id,
        case_id=case.id,
        details=details,
        now=now,
    )
