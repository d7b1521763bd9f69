"""Time stamps on checkpoints: which ones are wanted, due, and kept. The courier carries them to the authority (RFC
3161).

Rules: only requested checkpoints are stamped (an export asks for its own, a schedule for one now and then), because
the event that tells of a stamp makes the tree grow and would otherwise ask for the next one. The attempt number
fences: an answer of an earlier attempt changes nothing.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from audit.errors import StampRefused
from audit.events import Event
from audit.trail import record
from audit.tree import AuditCheckpoint

LEASE = timedelta(seconds=60)
MAX_BACKOFF = timedelta(hours=1)


def request_stamp(session: Session, checkpoint_id: str, now: datetime) -> None:
    """Ask for a time stamp on a checkpoint; asking twice, or for a stamped one, changes nothing."""
    session.execute(
        update(AuditCheckpoint)
        .where(AuditCheckpoint.id == checkpoint_id, AuditCheckpoint.stamp_requested.is_(False))
        .values(stamp_requested=True, stamp_due=now)
    )


def claim_stamps(session: Session, now: datetime, limit: int = 10) -> Sequence[AuditCheckpoint]:
    """Lease the due checkpoints for one attempt each (60 s, or longer after failures) and return them."""
    due = session.scalars(
        select(AuditCheckpoint)
        .where(AuditCheckpoint.stamp_due <= now, AuditCheckpoint.stamp.is_(None))
        .order_by(AuditCheckpoint.stamp_due)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for checkpoint in due:
        wait: timedelta = min(LEASE * 2 ** min(checkpoint.stamp_attempt, 10), MAX_BACKOFF)
        checkpoint.stamp_attempt += 1
        checkpoint.stamp_due = now + wait
    session.flush()
    return due


def keep_stamp(
    session: Session, checkpoint_id: str, *, attempt: int, stamp: bytes, actor_id: str, now: datetime
) -> None:
    """Keep the authority's answer (DER), already verified by the caller, and record it.

    Raises StampRefused when `attempt` is no longer the current one or the checkpoint is stamped already.
    """
    checkpoint = session.scalars(
        update(AuditCheckpoint)
        .where(
            AuditCheckpoint.id == checkpoint_id,
            AuditCheckpoint.stamp_attempt == attempt,
            AuditCheckpoint.stamp.is_(None),
        )
        .values(stamp=stamp, stamped_at=now, stamp_due=None)
        .returning(AuditCheckpoint)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if checkpoint is None:
        raise StampRefused("the attempt is no longer the current one")
    record(
        session,
        Event.COURIER_CHECKPOINT_STAMPED,
        org_id=checkpoint.org_id,
        actor_id=actor_id,
        subject_id=checkpoint_id,
        now=now,
        details={"size": checkpoint.size},
    )
