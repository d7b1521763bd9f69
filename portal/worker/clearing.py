"""The inspector's rounds: keys of the day, slices that nothing needs, what torn uploads and filings left.

Rules: slices go only when nothing needs them any more, their keys after them; nothing that was filed is ever swept.
"""

from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from intake import sweeping
from intake.sweeping import drop_slices
from portal.worker.materials import Tools
from records.documents import Document, DocumentState, PreviewTask
from records.trays import Page
from records.uploads import REFUSED_LIFE, Slice

log = structlog.get_logger(__name__)


FILED_ONCE = (DocumentState.FILED, DocumentState.RECALLED)


def sweep(tools: Tools, now: datetime, limit: int = 100) -> None:
    """Delete the slices that nothing needs: filed with previews done, or refused 72 h ago; then unused old keys."""
    with tools.database.reading() as session:
        done = _uploads_to_clear(session, now, limit)
    for upload in done:
        drop_slices(tools.database, tools.blobs, upload)
    with tools.database.transaction() as session:
        tools.quarantine.retire(session, now=now)
    with tools.database.reading() as session:
        tools.quarantine.shred(session, now=now)


def sweep_leftovers(tools: Tools, now: datetime) -> None:
    """End expired uploads; delete the slices of ended ones and what torn filings left. Finds everything by row."""
    swept = sweeping.sweep(tools.database, tools.blobs, now=now)
    if swept.expired or swept.slices or swept.torn:
        log.info("swept", expired=swept.expired, slices=swept.slices, torn=swept.torn)


def sweep_orphans(tools: Tools, now: datetime) -> None:
    """Delete old slices without a row. Lists the whole store: some times a day."""
    orphans = sweeping.sweep_orphans(tools.database, tools.blobs, now=now)
    if orphans:
        log.info("orphans_swept", orphans=orphans)


def prepare_keys(tools: Tools, now: datetime) -> None:
    """Make the quarantine keys of today and tomorrow."""
    with tools.database.transaction() as session:
        tools.quarantine.prepare(session, now=now)


def _uploads_to_clear(session: Session, now: datetime, limit: int) -> list[str]:
    previews_done = select(PreviewTask.id).where(
        PreviewTask.document_id == Document.id, PreviewTask.done_at.is_not(None)
    )
    filed = and_(Document.state.in_(FILED_ONCE), previews_done.exists())
    refused = and_(Document.state == DocumentState.REFUSED, Document.judged_at < now - REFUSED_LIFE)
    files = select(Document.upload_id).where(_has_slices(Document.upload_id))
    photos = select(Page.upload_id).join(Document, Page.document_id == Document.id).where(_has_slices(Page.upload_id))
    wanted = [part.where(why).limit(limit) for part in (files, photos) for why in (filed, refused)]
    return sorted({upload for query in wanted for upload in session.scalars(query)})


def _has_slices(upload_id: Any) -> ColumnElement[bool]:
    return select(Slice.id).where(Slice.upload_id == upload_id).exists()
