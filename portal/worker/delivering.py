"""The courier's rounds beside delivery: stamps for checkpoints, and exports that become ready with them."""

from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Select, select

from audit.errors import StampRefused
from audit.stamping import claim_stamps, keep_stamp
from audit.tree import AuditCheckpoint
from notifications.timestamps import StampAuthority, StampUnavailable
from records.exports import Export, ExportState
from storage.database import Database, utcnow

log = structlog.get_logger(__name__)

ACTOR = "courier"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What the stamping round needs."""

    database: Database
    authority: StampAuthority


def stamp_checkpoints(tools: Tools, now: datetime) -> None:
    """Carry the due checkpoints to the authority, and mark the exports ready whose checkpoint is stamped."""
    with tools.database.reading() as session:
        due = session.scalars(
            select(AuditCheckpoint.id).where(AuditCheckpoint.stamp_due <= now, AuditCheckpoint.stamp.is_(None))
        ).first()
        stamped = session.scalars(_ready_exports()).first()
    if due is not None:
        _stamp(tools, now)
    if due is not None or stamped is not None:
        _ready(tools)


def _stamp(tools: Tools, now: datetime) -> None:
    with tools.database.transaction() as session:
        claimed = [(each.id, each.note, each.stamp_attempt) for each in claim_stamps(session, now)]
    for checkpoint_id, note, attempt in claimed:
        try:
            answer = tools.authority.stamp(note.encode())
            with tools.database.transaction() as session:
                keep_stamp(session, checkpoint_id, attempt=attempt, stamp=answer, actor_id=ACTOR, now=utcnow())
        except (StampUnavailable, StampRefused) as error:
            log.warning("not_stamped", checkpoint=checkpoint_id, attempt=attempt, error=error.code)


def _ready(tools: Tools) -> None:
    with tools.database.transaction() as session:
        for export in session.scalars(_ready_exports()):
            export.state, export.ready_at = ExportState.READY, utcnow()


def _ready_exports() -> Select[Export]:
    return (
        select(Export)
        .join(AuditCheckpoint, AuditCheckpoint.id == Export.checkpoint_id)
        .where(Export.state == ExportState.REQUESTED, AuditCheckpoint.stamp.is_not(None))
    )
