"""The page images of filed documents: drawn after the verdict, sealed and attested like the original.

Rules: only bytes with the inspector's fingerprint are drawn; previews never delay or change a verdict; every task ends,
drawn or given up, because the slices stay until it does.
"""

from datetime import timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from intake import intents
from intake.filing import CaseKeyPending, Fingerprints
from intake.inspection.verdicts import DRAWABLE, Mime, SandboxUnavailable
from portal.worker.engine import Postponed
from portal.worker.materials import (
    MAX_UNFINISHED,
    Suspected,
    Tools,
    Work,
    code_of,
    forget,
    load,
    require_still_ours,
    sealer,
    trying,
)
from portal.worker.matters import Matter, matter_of
from records.documents import DocumentState, Part, PreviewTask
from storage.blobs import BlobStoreFull, BlobStoreUnavailable
from storage.database import utcnow
from storage.due import Lease, LostLease, settle

log = structlog.get_logger(__name__)

AWAY_S = 10


def preview(tools: Tools, held: Lease) -> None:
    """Draw and seal the page images of a filed document, or give them up; the document stays filed.

    Raises Postponed while a part of the chain is away.
    """
    with trying(tools, PreviewTask, held) as tries:
        if tries > MAX_UNFINISHED:
            log.error("preview_given_up", task=held.id, error="worker_lost")
            return _end(tools, held, [], gave_up=True)
        parts: list[Part] = []
        try:
            drawn = _draw(tools, held, parts)
        except (SandboxUnavailable, CaseKeyPending, BlobStoreUnavailable, BlobStoreFull) as away:
            forget(tools.blobs, parts)
            if not isinstance(away, SandboxUnavailable) or not tools.inspector.sandbox_works():
                raise Postponed(away.code, timedelta(seconds=AWAY_S)) from away
            if tries < MAX_UNFINISHED:
                raise Suspected(away.code, timedelta(seconds=AWAY_S)) from away
            parts, drawn = [], False
        except (LostLease, SQLAlchemyError):
            forget(tools.blobs, parts)
            raise
        except Exception as failed:  # noqa: BLE001 (whatever it is, it costs the pages and never the document)
            forget(tools.blobs, parts)
            require_still_ours(tools, PreviewTask, held)
            log.error(  # noqa: TRY400 (a trace may quote values)
                "preview_given_up", task=held.id, error=type(failed).__name__, code=code_of(failed)
            )
            parts, drawn = [], False
        return _end(tools, held, parts, gave_up=not drawn)


def _draw(tools: Tools, held: Lease, parts: list[Part]) -> bool:
    """Put the drawn pages into `parts`; False when there is no filed document to draw."""
    with tools.database.reading() as session:
        task = session.get_one(PreviewTask, held.id)
        work = load(session, tools, task.document_id, DocumentState.FILED)
        known = _known_pages(session, task.document_id)
    if work is None or work.document.mime not in DRAWABLE:
        return False
    with matter_of(work, tools.inspector) as matter:
        matter.prepare()
        sha256 = Fingerprints(tools.signer).check(work.document.id, matter.content(), task.fingerprint)
        _seal_pages(tools, work, matter, sha256, known, parts)
    return True


def _seal_pages(
    tools: Tools, work: Work, matter: Matter, sha256: str, known: frozenset[str], parts: list[Part]
) -> None:
    document = work.document
    expected = min(max(document.pages or 1, 1), work.limits.preview_pages)
    seals = sealer(tools, work, parts=expected, engine=str(document.engine), signatures=str(document.signatures))
    drawn = tools.inspector.render_previews(
        matter.content, size=matter.size, mime=Mime(str(document.mime)), sha256=sha256
    )
    for page in drawn:
        name = f"page-{page.number:04d}"
        if name not in known:
            parts.append(seals.seal(name, [page.webp], mime="image/webp", width=page.width, height=page.height))


def _end(tools: Tools, held: Lease, parts: list[Part], *, gave_up: bool) -> None:
    try:
        with tools.database.transaction() as session:
            settle(session, PreviewTask, held)
            task = session.get_one(PreviewTask, held.id, populate_existing=True)
            task.done_at, task.gave_up = utcnow(), gave_up
            session.add_all(parts)
            intents.fulfilled(session, parts)
    except BaseException:
        forget(tools.blobs, parts)
        raise


def _known_pages(session: Session, document_id: str) -> frozenset[str]:
    return frozenset(session.scalars(select(Part.name).where(Part.document_id == document_id)))
