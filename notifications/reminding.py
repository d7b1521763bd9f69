"""Reminding: the courier takes the next step of a plan, behind its lease: remind, call for a person, or note the end.

Rules: what is due is reckoned anew each time, so that a pause, a return, other hours or another courier change what
happens and never how often; step, link, message and event commit together.
"""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from audit import Event, record
from records import channels
from records.escalations import CallReason, raise_call
from records.links import issue
from records.messages import Purpose, queue
from records.reminders import (
    ReminderPlan,
    StepKind,
    next_step,
    reason_to_skip,
    started_since,
    steps_behind,
    waits_for_customer,
)
from records.requests import DocumentRequest
from storage.database import Database, utcnow
from storage.due import Lease, renew, settle

ACTOR = "courier"


def remind(database: Database, held: Lease, *, now: datetime | None = None) -> None:
    """Take the step that is due, if one is, and leave the row due for the one after it."""
    now = now or utcnow()
    with database.transaction() as session:
        renew(session, ReminderPlan, held, now=now)
        plan = session.get_one(ReminderPlan, held.id, populate_existing=True)
        request = session.get_one(DocumentRequest, plan.request_id)
        step = next_step(session, plan, request)
        if step is not None and step.at <= now:
            match step.kind:
                case StepKind.REMIND:
                    _remind(session, plan, request, now)
                case StepKind.ESCALATE:
                    _escalate(session, plan, request, now)
                case StepKind.EXPIRE:
                    _expire(session, plan, request, now)
            session.flush()
            step = next_step(session, plan, request)
        settle(session, ReminderPlan, held, due_at=step.at if step is not None else None)


def _remind(session: Session, plan: ReminderPlan, request: DocumentRequest, now: datetime) -> None:
    last = len(request.template.reminder_days)
    if not channels.may_write_to(session, request.party):
        plan.step, plan.last_at, plan.skipped = last + 1, now, CallReason.OPTED_OUT.value
        if waits_for_customer(request):
            raise_call(session, request, CallReason.OPTED_OUT, now=now)
        return
    plan.step, plan.last_at = steps_behind(plan, request, now), now
    stop = reason_to_skip(session, request, now)
    plan.skipped = stop.value if stop is not None else None
    details: dict[str, Any] = {"number": plan.step}
    if stop is not None:
        _note(session, Event.COURIER_REMINDER_SKIPPED, request, now, {"reason": stop.value, **details})
        return
    link = issue(session, request, now=now)
    message = queue(session, request=request, link=link, purpose=Purpose.REMINDER, now=now)
    _note(session, Event.COURIER_REMINDER_QUEUED, request, now, {"message": message.id, "link": link.id, **details})


def _escalate(session: Session, plan: ReminderPlan, request: DocumentRequest, now: datetime) -> None:
    plan.step += 1
    if waits_for_customer(request):
        stalled = started_since(session, request, plan.since)
        raise_call(session, request, CallReason.STALLED if stalled else CallReason.SILENT, now=now)


def _expire(session: Session, plan: ReminderPlan, request: DocumentRequest, now: datetime) -> None:
    plan.expired_at = now
    if waits_for_customer(request):
        _note(session, Event.COURIER_REQUEST_EXPIRED, request, now, {})
        raise_call(session, request, CallReason.EXPIRED, now=now)


def _note(session: Session, event: Event, request: DocumentRequest, now: datetime, details: dict[str, Any]) -> None:
    record(
        session,
        event,
        org_id=request.org_id,
        actor_id=ACTOR,
        subject_id=request.id,
        case_id=request.case_id,
        details={"request": request.id, **details},
        now=now,
    )
