"""Exports of a case: asked for, sealed into the audit tree, stamped, ready to be streamed."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, Session, mapped_column

from audit import Event, record
from audit.proving import extract_of
from records.cases import get_case
from records.errors import Forbidden, NotFound, WrongState
from records.people import Member
from records.policy import Action, require
from storage.database import Base, NewId, new_id


class ExportState(StrEnum):
    """REQUESTED waits for a stamped checkpoint that covers its event; READY may be downloaded."""

    REQUESTED = "requested"
    READY = "ready"


class Export(Base):
    """One export of one case. The ZIP is made while it is downloaded and stored nowhere."""

    __tablename__ = "exports"

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"), index=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), index=True)
    member_id: Mapped[str] = mapped_column(ForeignKey("members.id"))
    event_id: Mapped[str] = mapped_column(String(32))
    """The audit event `staff:case:exported`: the checkpoint must cover it."""
    checkpoint_id: Mapped[str | None] = mapped_column(String(32))
    state: Mapped[ExportState] = mapped_column(String(10), default=ExportState.REQUESTED)
    created_at: Mapped[datetime]
    ready_at: Mapped[datetime | None]


def request_export(session: Session, member: Member, case_id: str, *, now: datetime) -> Export:
    """Ask for the export of a case: the event comes first, the checkpoint that covers it makes the export ready.

    Raises NotFound or Forbidden.
    """
    case = get_case(session, org_id=member.org_id, case_id=case_id)
    require(member, Action.EXPORT, case)
    export_id = new_id()
    event = record(
        session,
        Event.STAFF_CASE_EXPORTED,
        org_id=case.org_id,
        actor_id=member.id,
        subject_id=export_id,
        case_id=case.id,
        details=extract_of(session, case.org_id, case.id),
        now=now,
    )
    export = Export(
        id=export_id, org_id=case.org_id, case_id=case.id, member_id=member.id, event_id=event.id, created_at=now
    )
    session.add(export)
    session.flush()
    return export


def download_export(session: Session, member: Member, export_id: str, *, now: datetime) -> tuple[Export, str]:
    """Decide on the download of a ready export and record it. Returns it with the id of the event, which lets the
    opener hand out the keys of the case's parts. Raises NotFound, Forbidden or WrongState.

    Whoever asked for an export downloads it; another officer asks for one of their own.
    """
    export = session.get(Export, export_id)
    if export is None or export.org_id != member.org_id:
        raise NotFound(f"export {export_id}")
    require(member, Action.EXPORT, get_case(session, org_id=member.org_id, case_id=export.case_id))
    if export.member_id != member.id:
        raise Forbidden(f"{member.id} download export {export.id}: asked for by another")
    if export.state != ExportState.READY:
        raise WrongState(f"export {export.id} is {export.state}")
    event = record(
        session,
        Event.STAFF_EXPORT_DOWNLOADED,
        org_id=export.org_id,
        actor_id=member.id,
        subject_id=export.id,
        case_id=export.case_id,
        now=now,
    )
    return export, event.id
