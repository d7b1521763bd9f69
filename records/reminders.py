"""The reminders of one request: when the next one is due, what keeps it from leaving, when a person is told.

Rules: days count from the request, or from the last time that a document was asked for again; what is overdue is sent
once, not once a day missed; nothing is reminded of while the customer is at it. The row is due whenever something may
have to happen; whoever changes it asks the courier to look (`due_at` = now) and decides nothing itself.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, String, func, insert, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from records.calendars import next_allowed, place_of
from records.cases import CaseState
from records.contacting import rules_of
from records.links import UploadLink, newest_link
from records.messages import Message, MessageState, Purpose
from records.organizations import Organization
from records.requests import WAITING_SLOTS, DocumentRequest, RequestState, SendMode, SlotState
from records.uploads import Upload
from storage.database import Base, NewId
from storage.due import Due

SPACING = timedelta(hours=20)
"""No reminder sooner than this after another message that asks."""
ESCALATE_AFTER = timedelta(days=1)
"""How long the last reminder is given before a person is told."""
ASKING = (Purpose.REQUEST, Purpose.RETURNED, Purpose.REMINDER)
ON_THE_WAY = (MessageState.QUEUED, MessageState.SENDING, MessageState.UNKNOWN)


class StepKind(StrEnum):
    """What the plan does next."""

    REMIND = "remind"
    ESCALATE = "escalate"
    EXPIRE = "expire"


class Stop(StrEnum):
    """Why a reminder is not sent."""

    STARTED = "started"  # an upload was opened since the customer was asked last
    NOT_WAITING = "not_waiting"  # nothing is missing from the customer
    ON_THE_WAY = "on_the_way"  # the last message has not left yet, or nobody knows
    JUST_ASKED = "just_asked"


class ReminderPlan(Due, Base):
    """How far the reminders of one request are."""

    __tablename__ = "reminder_plans"

    id: Mapped[NewId]
    request_id: Mapped[str] = mapped_column(ForeignKey("document_requests.id"), unique=True)
    since: Mapped[datetime]
    """What the days of the template count from."""
    step: Mapped[int] = mapped_column(default=0)
    """Reminders that are behind; one more when the telling of a person is, too."""
    last_at: Mapped[datetime | None]
    """When the last reminder was queued or let go."""
    skipped: Mapped[str | None] = mapped_column(String(20))
    """Why the last one was let go, if it was."""
    paused_at: Mapped[datetime | None]
    expired_at: Mapped[datetime | None]
    """When the trail said that the request's life ended unfinished: it says so once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What comes next, and when (UTC)."""

    kind: StepKind
    at: datetime


def start(session: Session, request: DocumentRequest, *, now: datetime) -> None:
    """Give a new request its plan, which the courier takes up at once. Names only what a web process may write."""
    session.execute(insert(ReminderPlan).values(request_id=request.id, since=now, due_at=now))


def start_again(session: Session, request_id: str, *, now: datetime) -> None:
    """Count the days anew: something was asked for again."""
    _change(session, request_id, since=now, step=0, due_at=now)


def look_again(session: Session, request_id: str, *, now: datetime) -> None:
    """Let the courier reckon anew: the life of the request or the rules have changed."""
    _change(session, request_id, due_at=now)


def hold(session: Session, request_id: str, *, paused_at: datetime | None, now: datetime) -> None:
    """Pause the reminders, or (None) let them go on."""
    _change(session, request_id, paused_at=paused_at, due_at=now)


def plan_of(session: Session, request_id: str) -> ReminderPlan | None:
    """Return the plan of a request; those from before there were plans have none."""
    return session.scalars(select(ReminderPlan).where(ReminderPlan.request_id == request_id)).first()


def next_step(session: Session, plan: ReminderPlan, request: DocumentRequest) -> Step | None:
    """Return what the plan does next; None when it is at its end."""
    if request.state in (RequestState.COMPLETE, RequestState.CANCELLED) or request.case.state != CaseState.OPEN:
        return None
    days = request.template.reminder_days
    if request.send_mode != SendMode.NONE and plan.paused_at is None and days:
        if plan.step < len(days):
            at = plan.since + timedelta(days=days[plan.step])
            return Step(kind=StepKind.REMIND, at=when_allowed(session, request, at))
        if plan.step == len(days):
            at = (plan.last_at or plan.since) + ESCALATE_AFTER
            return Step(kind=StepKind.ESCALATE, at=at)
    return Step(kind=StepKind.EXPIRE, at=end_of_life(session, request)) if plan.expired_at is None else None


def steps_behind(plan: ReminderPlan, request: DocumentRequest, now: datetime) -> int:
    """Return how many reminders are behind at `now`, so that those missed meanwhile do not all come at once."""
    return max(plan.step + 1, sum(plan.since + timedelta(days=day) <= now for day in request.template.reminder_days))


def when_allowed(session: Session, request: DocumentRequest, at: datetime) -> datetime:
    """Return `at`, or the next moment at which the company may write to this customer by itself."""
    organization = session.get_one(Organization, request.org_id)
    return next_allowed(at, rules_of(session, request.org_id).hours(), place_of(request.party, organization))


def end_of_life(session: Session, request: DocumentRequest) -> datetime:
    """Return when the request ends by itself: with its last link, and not before its own term."""
    newest = newest_link(session, request.id)
    if newest is None or newest.revoked_at is not None:
        return request.expires_at
    return max(newest.expires_at, request.expires_at)


def waits_for_customer(request: DocumentRequest) -> bool:
    """Whether something is missing that only the customer can send."""
    return any(
        slot.state in WAITING_SLOTS and (slot.requirement.required or slot.state != SlotState.MISSING)
        for slot in request.slots
    )


def reason_to_skip(session: Session, request: DocumentRequest, now: datetime) -> Stop | None:
    """Return why no reminder should leave now."""
    if not waits_for_customer(request):
        return Stop.NOT_WAITING
    asked = session.scalars(
        select(Message)
        .where(Message.request_id == request.id, Message.purpose.in_(ASKING))
        .order_by(Message.created_at.desc(), Message.id)
    ).first()
    if asked is not None and asked.state in ON_THE_WAY:
        return Stop.ON_THE_WAY
    if started_since(session, request, asked.created_at if asked is not None else request.created_at):
        return Stop.STARTED
    if asked is not None and now - asked.created_at < SPACING:
        return Stop.JUST_ASKED
    return None


def started_since(session: Session, request: DocumentRequest, moment: datetime) -> bool:
    """Whether the customer opened an upload after `moment`."""
    opened = session.scalar(
        select(func.max(Upload.created_at))
        .join(UploadLink, UploadLink.id == Upload.link_id)
        .where(UploadLink.request_id == request.id)
    )
    return opened is not None and opened > moment


def _change(session: Session, request_id: str, **values: Any) -> None:
    session.execute(
        update(ReminderPlan)
        .where(ReminderPlan.request_id == request_id)
        .values(**values)
        .execution_options(synchronize_session="fetch")
    )
