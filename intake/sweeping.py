"""What ended uploads leave behind, removed: expired uploads end, sealed slices of ended ones go, and so do orphans.

Rules: only a worker sweeps; slices of finished uploads are the inspection's, never touched here; a blob goes before
its row, so that what was interrupted is found again.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

import audit
from audit import Event
from intake import intents
from intake.receiving import BLOBS as SLICES
from records import quotas
from records.uploads import Slice, Upload, UploadState
from storage.blobs import BlobStore, LocalBlobStore
from storage.database import Database

ORPHAN_AGE = timedelta(hours=26)
"""A slice without a row is garbage after this: no visit, and so no upload request, lives that long."""
TORN_AGE = timedelta(hours=1)
"""A file that was being written this long ago, and that no process holds, was cut off."""
BATCH = 200
ACTOR = "inspector"


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What one sweep did: uploads ended, slices of ended uploads deleted, torn filings cleared."""

    expired: int
    slices: int
    torn: int


def expire(session: Session, *, now: datetime) -> bool:
    """End one upload whose time is over; tell whether there was one.

    One a transaction: its link and its case are locked in the order in which an upload locks them.
    """
    upload = session.scalars(
        select(Upload)
        .where(Upload.state.in_((UploadState.RECEIVING, UploadState.GATHERED)), Upload.expires_at <= now)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).first()
    if upload is None:
        return False
    upload.state = UploadState.ENDED
    quotas.give_back_to_case(
        session, upload.link, files=int(upload.offset == 0), size=upload.reserved() - upload.offset
    )
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
    return True


def sweep(database: Database, blobs: BlobStore, *, now: datetime) -> Swept:
    """Expire uploads, delete the slices of ended ones, clear torn filings: all by row. Raises BlobError."""
    return Swept(
        expired=_expire_due(database, now),
        slices=_drop_ended(database, blobs),
        torn=intents.drop_torn(database, blobs, now=now),
    )


def drop_slices(database: Database, blobs: BlobStore, upload_id: str) -> int:
    """Delete the slices of one upload, blobs first, and return how many. The caller knows that nobody needs them."""
    with database.reading() as session:
        pieces = session.execute(select(Slice.id, Slice.blob).where(Slice.upload_id == upload_id)).all()
    for piece in pieces:
        if piece.blob is not None:
            blobs.delete(piece.blob)
    with database.transaction() as session:
        session.execute(delete(Slice).where(Slice.id.in_([piece.id for piece in pieces])))
    return len(pieces)


def _expire_due(database: Database, now: datetime) -> int:
    for done in range(BATCH):
        with database.transaction() as session:
            if not expire(session, now=now):
                return done
    return BATCH


def _drop_ended(database: Database, blobs: BlobStore) -> int:
    has_slices = exists().where(Slice.upload_id == Upload.id)
    with database.reading() as session:
        ended = session.scalars(
            select(Upload.id).where(Upload.state == UploadState.ENDED, has_slices).limit(BATCH)
        ).all()
    return sum(drop_slices(database, blobs, upload_id) for upload_id in ended)


def sweep_orphans(database: Database, blobs: BlobStore, *, now: datetime) -> int:
    """Delete the slices in the store that are older than 26 hours and that no row names; return how many.

    It lists the whole store: a few times a day is enough. What a folder holds of writings that a crash cut off goes
    too. The vault is never listed: see `intake.intents`. With a database that has seen no upload nothing is deleted:
    it is not the one that these slices belong to. Raises BlobError.
    """
    if isinstance(blobs, LocalBlobStore):
        blobs.sweep(now - TORN_AGE)
    with database.reading() as session:
        if session.scalars(select(Upload.id).limit(1)).first() is None:
            return 0
    newest = f"{SLICES}/{(now - ORPHAN_AGE).astimezone(UTC):%Y%m%d%H}"
    prefix = f"{SLICES}/"
    old = [name for name in blobs.names(prefix) if prefix < name.rpartition("/")[0] < newest]
    return sum(_drop_unnamed(database, blobs, old[start : start + BATCH]) for start in range(0, len(old), BATCH))


def _drop_unnamed(database: Database, blobs: BlobStore, names: list[str]) -> int:
    with database.reading() as session:
        kept = set(session.scalars(select(Slice.blob).where(Slice.blob.in_(names))))
    for name in names:
        if name not in kept:
            blobs.delete(name)
    return len(set(names) - kept)
