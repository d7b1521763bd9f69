"""What staff sees of a request's reminders, and what it may do: pause them, let them go on."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from audit import Event, record
from records import channels
from records.calendars import place_of
from records.cases import CaseState
from records.errors import NotFound, WrongState
from records.organizations import Organization
from records.people import Member
from records.policy import Action, require
from records.reminders import StepKind, Stop, hold, next_step, plan_of, reason_to_skip
from records.requests import DocumentRequest, RequestState, get_request

LASTING = (Stop.STARTED, Stop.NOT_WAITING)
"""Reasons that will very likely still hold when the next reminder is due."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What comes next. At most one of `at`, `paused` and `held` says it; nothing comes when none does."""

    at: datetime | None
    zone: ZoneInfo
    """The customer's clock, in which `at` is told."""
    paused: bool
    held: str | None
    """Why no reminder is going to leave although days are left."""


def outlook(session: Session, request: DocumentRequest, *, now: datetime) -> Outlook | None:
    """Return what comes next of a request's reminders; None for one without any, or one that is over."""
    plan = plan_of(session, request.id)
    if plan is None or not request.template.reminder_days or _is_over(request):
        return None
    zone = place_of(request.party, session.get_one(Organization, request.org_id)).zone
    if plan.paused_at is not None:
        return Outlook(at=None, zone=zone, paused=True, held=None)
    step = next_step(session, plan, request)
    if step is None or step.kind is not StepKind.REMIND:
        return Outlook(at=None, zone=zone, paused=False, held=None)
    stop = reason_to_skip(session, request, now)
    held = "opted_out" if not channels.may_write_to(session, request.party) else stop.value if stop in LASTING else None
    return Outlook(at=None if held else max(step.at, now), zone=zone, paused=False, held=held)


def pause(session: Session, member: Member, request_id: str, *, now: datetime) -> None:
    """Send no reminders until somebody lets them go on. Raises NotFound, Forbidden, WrongState."""
    _change(session, member, request_id, Event.STAFF_REMINDERS_PAUSED, now)


def resume(session: Session, member: Member, request_id: str, *, now: datetime) -> None:
    """Let paused reminders go on. Raises NotFound, Forbidden, WrongState."""
    _change(session, member, request_id, Event.STAFF_REMINDERS_RESUMED, now)


def _change(session: Session, member: Member, request_id: str, event: Event, now: datetime) -> None:
    pausing = event is Event.STAFF_REMINDERS_PAUSED
    request = get_request(session, org_id=member.org_id, request_id=request_id)
    if request.case.org_id != member.org_id:
        raise NotFound(f"request {request_id}")
    require(member, Action.REQUEST_DOCUMENTS, request.case)
    plan = plan_of(session, request_id)
    if plan is None or _is_over(request) or (plan.paused_at is None) != pausing:
        raise WrongState(f"reminders of request {request_id}")
    hold(session, request_id, paused_at=now if pausing else None, now=now)
    record(
        session,
        event,
        org_id=request.org_id,
        actor_id=member.id,
        subject_id=request.id,
        case_id=request.case_id,
        now=now,
    )


def _is_over(request: DocumentRequest) -> bool:
    ended = request.state in (RequestState.COMPLETE, RequestState.CANCELLED)
    return ended or request.case.state != CaseState.OPEN
