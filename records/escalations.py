"""Calls for a person: the system has done what it can, and somebody should phone the customer.

Rules: at most one open call a request; it is raised by the courier, and cleared by a member of staff with a note, or by
the customer, who does something. Each of the two leaves its trace; the note stays in the row.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from audit import Event, record
from records.errors import NotFound, WrongState
from records.links import UploadLink
from records.notes import checked_words
from records.people import Member
from records.policy import Action, require
from records.requests import DocumentRequest, get_request
from storage.database import Base, NewId, new_id

ACTOR = "courier"
NOTE_LENGTH = 300


class CallReason(StrEnum):
    """Why a person should call."""

    SILENT = "silent"  # no answer to the last reminder
    STALLED = "stalled"  # began to send and did not finish
    UNDELIVERABLE = "undeliverable"  # no message arrives on any channel
    OPTED_OUT = "opted_out"
    EXPIRED = "expired"  # the request's life ended


class Escalation(Base):
    """One call for a person, open until `cleared_at`."""

    __tablename__ = "escalations"
    __table_args__ = (
        Index(
            "uq_escalations_open_request",
            "request_id",
            unique=True,
            sqlite_where=text("cleared_at IS NULL"),
            postgresql_where=text("cleared_at IS NULL"),
        ),
    )

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"))
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), index=True)
    request_id: Mapped[str] = mapped_column(ForeignKey("document_requests.id"))
    reason: Mapped[CallReason] = mapped_column(String(20))
    raised_at: Mapped[datetime]
    cleared_at: Mapped[datetime | None]
    cleared_by: Mapped[str | None] = mapped_column(String(32))
    """A member, or the link through which the customer acted."""
    note: Mapped[str | None] = mapped_column(String(NOTE_LENGTH))
    """What the member wrote down of the call."""


def raise_call(session: Session, request: DocumentRequest, reason: CallReason, *, now: datetime) -> None:
    """Ask for a person, unless one is asked for already: of two reasons at once the first stands."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    row = {"id": new_id(), "org_id": request.org_id, "case_id": request.case_id, "request_id": request.id}
    made = session.scalar(
        insert(Escalation)
        .values(**row, reason=reason, raised_at=now)
        .on_conflict_do_nothing(index_elements=["request_id"], index_where=text("cleared_at IS NULL"))
        .returning(Escalation.id)
    )
    if made is None:
        return
    record(
        session,
        Event.COURIER_CALL_RAISED,
        org_id=request.org_id,
        actor_id=ACTOR,
        subject_id=made,
        case_id=request.case_id,
        details={"request": request.id, "reason": reason.value},
        now=now,
    )


def open_call(session: Session, request_id: str) -> Escalation | None:
    """Return the open call of a request."""
    wanted = select(Escalation).where(Escalation.request_id == request_id, Escalation.cleared_at.is_(None))
    return session.scalars(wanted).first()


def clear_call(session: Session, member: Member, request_id: str, *, untrusted_note: str, now: datetime) -> None:
    """Note that a person took care of it. Raises NotFound, Forbidden, InvalidValue; WrongState when none is open."""
    request = get_request(session, org_id=member.org_id, request_id=request_id)
    if request.case.org_id != member.org_id:
        raise NotFound(f"request {request_id}")
    require(member, Action.REQUEST_DOCUMENTS, request.case)
    note = checked_words(untrusted_note, NOTE_LENGTH)
    call_id = _clear(session, request_id, member.id, now, note=note)
    if call_id is None:
        raise WrongState(f"request {request_id} has no open call")
    record(
        session,
        Event.STAFF_CALL_CLEARED,
        org_id=request.org_id,
        actor_id=member.id,
        subject_id=call_id,
        case_id=request.case_id,
        details={"request": request_id, "note": note is not None},
        now=now,
    )


def customer_acted(session: Session, link: UploadLink, *, now: datetime) -> None:
    """Clear the open call of a request, if any: its customer is at it again."""
    waiting = select(Escalation.id).where(Escalation.request_id == link.request_id, Escalation.cleared_at.is_(None))
    if session.scalars(waiting).first() is None:
        return
    call_id = _clear(session, link.request_id, link.id, now)
    if call_id is not None:
        record(
            session,
            Event.CUSTOMER_CALL_CLEARED,
            org_id=link.org_id,
            actor_id=link.id,
            subject_id=call_id,
            case_id=link.case_id,
            details={"request": link.request_id},
            now=now,
        )


def _clear(session: Session, request_id: str, by: str, now: datetime, **values: Any) -> str | None:
    return session.scalar(
        update(Escalation)
        .where(Escalation.request_id == request_id, Escalation.cleared_at.is_(None))
        .values(cleared_at=now, cleared_by=by, **values)
        .returning(Escalation.id)
        .execution_options(synchronize_session=False)
    )
