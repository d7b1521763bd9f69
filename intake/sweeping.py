"""What ended uploads leave behind, removed: expired uploads end, sealed slices of ended ones go, and so do orphans.

Rules: only a worker sweeps; slices of finished uploads are the inspection's, never touched here; a blob goes before
its row, so that what was interrupted is found again.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import InstrumentedAttribute, Session

import audit
from audit import Event
from intake.filing import BLOBS as PARTS
from intake.receiving import BLOBS as SLICES
from records.documents import Part
from records.uploads import Slice, Upload, UploadState
from storage.blobs import BlobStore
from storage.database import Database

ORPHAN_AGE = timedelta(hours=26)
"""A blob without a row is garbage after this: no visit, and so no upload request, lives that long."""
BATCH = 200
ACTOR = "inspector"


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What one sweep did."""

    expired: int
    slices: int
    orphans: int


def expire(session: Session, *, now: datetime) -> int:
    """End the uploads whose time is over and return how many."""
    over = session.scalars(
        select(Upload)
        .where(Upload.state == UploadState.RECEIVING, Upload.expires_at <= now)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    ).all()
    for upload in over:
        upload.state = UploadState.ENDED
        audit.record(
            session,
            Event.INSPECTOR_UPLOAD_SWEPT,
            org_id=upload.org_id,
            actor_id=ACTOR,
            subject_id=upload.id,
            case_id=upload.link.case_id,
            details={"reason": "expired", "bytes": upload.offset},
            now=now,
        )
    session.flush()
    return len(over)


def sweep(database: Database, blobs: BlobStore, *, now: datetime) -> Swept:
    """Expire uploads, then delete the slices of ended ones and the orphans older than 26 hours. Raises BlobError."""
    with database.transaction() as session:
        expired = expire(session, now=now)
    return Swept(expired=expired, slices=_drop_ended(database, blobs), orphans=_drop_orphans(database, blobs, now=now))


def drop_slices(database: Database, blobs: BlobStore, upload_id: str) -> int:
    """Delete the slices of one upload, blobs first, and return how many. The caller knows that nobody needs them."""
    with database.reading() as session:
        pieces = session.execute(select(Slice.id, Slice.blob).where(Slice.upload_id == upload_id)).all()
    for piece in pieces:
        blobs.delete(piece.blob)
    with database.transaction() as session:
        session.execute(delete(Slice).where(Slice.id.in_([piece.id for piece in pieces])))
    return len(pieces)


def _drop_ended(database: Database, blobs: BlobStore) -> int:
    has_slices = exists().where(Slice.upload_id == Upload.id)
    with database.reading() as session:
        ended = session.scalars(
            select(Upload.id).where(Upload.state == UploadState.ENDED, has_slices).limit(BATCH)
        ).all()
    return sum(drop_slices(database, blobs, upload_id) for upload_id in ended)


def _drop_orphans(database: Database, blobs: BlobStore, *, now: datetime) -> int:
    old = (now - ORPHAN_AGE).astimezone(UTC)
    slices = _without_row(database, blobs, Slice.blob, f"{SLICES}/", f"{SLICES}/{old:%Y%m%d%H}")
    parts = _without_row(database, blobs, Part.blob, f"{PARTS}/", f"{PARTS}/{old:%Y%m%d}")
    return slices + parts


def _without_row(
    database: Database, blobs: BlobStore, column: InstrumentedAttribute[str], prefix: str, newest: str
) -> int:
    """Delete the blobs below `prefix` whose folder is older than `newest` and that no row names."""
    old = [name for name in blobs.names(prefix) if prefix < name.rpartition("/")[0] < newest]
    dropped = 0
    for start in range(0, len(old), BATCH):
        names = old[start : start + BATCH]
        with database.reading() as session:
            kept = set(session.scalars(select(column).where(column.in_(names))))
        for name in names:
            if name not in kept:
                blobs.delete(name)
                dropped += 1
    return dropped
