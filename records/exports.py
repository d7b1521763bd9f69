"""Exports of a case: asked for, sealed into the audit tree, stamped, ready to be streamed."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.database import Base, NewId


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
