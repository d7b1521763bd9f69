"""The inspector's work: examine a received document, file or refuse it, draw its pages, sweep what is done.

Rules: only a clean verdict leads to `filed`; every effect commits behind the fence of its attempt; previews follow
the verdict and never delay it; slices go only when nothing needs them any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import Event, record
from intake import sweeping
from intake.filing import (
    META,
    ORIGINAL,
    CaseKeyPending,
    Commitment,
    Declared,
    FilingError,
    Fingerprints,
    PartSealer,
    Scanned,
    SealedSlices,
    SlicesInconsistent,
    case_public,
    meta_json,
)
from intake.inspection.chain import Inspector
from intake.inspection.limits import Limits
from intake.inspection.verdicts import (
    Finding,
    Mime,
    PreviewFailed,
    Reason,
    SandboxUnavailable,
    ScannerUnavailable,
    Verdict,
)
from intake.quarantine import QuarantineKeyGone, QuarantineKeys
from intake.sweeping import drop_slices
from portal.worker.engine import Postponed
from records.cases import CaseKey
from records.documents import Document, DocumentState, Part, PreviewTask
from records.requirements import Format, Requirement
from records.uploads import REFUSED_LIFE, Slice
from storage.blobs import BlobError, BlobStore
from storage.database import Database, utcnow
from storage.due import Lease, settle
from storage.sealing.signing import SigningKey, VerifyKey

log = structlog.get_logger(__name__)

ACTOR = "inspector"
MAX_TAKEOVERS = 3
"""A document whose inspection killed its worker this often is refused as not examinable."""
MAX_BROKEN_ATTEMPTS = 5
MAX_PREVIEW_ATTEMPTS = 4
NOT_EXAMINABLE = Verdict(finding=Finding.NOT_EXAMINABLE, reason=Reason.SCAN_LIMITS, sha256="0" * 64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What the inspector holds."""

    database: Database
    blobs: BlobStore
    inspector: Inspector
    quarantine: QuarantineKeys
    signer: SigningKey
    custodian: VerifyKey


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    document: Document
    slices: SealedSlices
    case_key: CaseKey
    limits: Limits
    accepts: frozenset[str]


def inspect(tools: Tools, held: Lease) -> None:
    """Examine one document and commit the outcome. Raises Postponed while a part of the chain is away.

    A document whose slices are not what its upload fixed is tried a few times and then refused: the customer is asked
    again instead of waiting for ever.
    """
    try:
        _examine(tools, held)
    except (SlicesInconsistent, QuarantineKeyGone):
        if held.attempt < MAX_BROKEN_ATTEMPTS:
            raise
        _refuse(tools, held, NOT_EXAMINABLE)


def _examine(tools: Tools, held: Lease) -> None:
    with tools.database.reading() as session:
        work = _load(session, tools, held.id)
    if work is None:
        return _nothing_to_do(tools, Document, held)
    declared = work.slices.declared()
    verdict = _verdict(tools, work, declared)
    if verdict.finding is not Finding.CLEAN:
        return _refuse(tools, held, verdict)
    parts, commitment = _seal(tools, work, declared, verdict)
    try:
        _file(tools, held, verdict, parts, commitment)
    except BaseException:
        _forget(tools.blobs, parts)
        raise
    return None


def preview(tools: Tools, held: Lease) -> None:
    """Draw and seal the page images of a filed document; after several failures give up, never the document."""
    with tools.database.reading() as session:
        task = session.get(PreviewTask, held.id)
        work = _load(session, tools, task.document_id, state=DocumentState.FILED) if task is not None else None
        pages = _known_pages(session, task.document_id) if task is not None else frozenset[str]()
    if task is None or work is None:
        return _nothing_to_do(tools, PreviewTask, held)
    parts: list[Part] = []
    try:
        sealer = _sealer(tools, work, str(work.document.engine), str(work.document.signatures))
        fingerprints = Fingerprints(tools.signer)
        sha256 = fingerprints.check(work.document.id, work.slices.content(), task.fingerprint)
        pages_drawn = tools.inspector.render_previews(
            work.slices.content, size=work.document.size, mime=Mime(str(work.document.mime)), sha256=sha256
        )
        for page in pages_drawn:
            name = f"page-{page.number:04d}"
            if name not in pages:
                parts.append(sealer.seal(name, [page.webp], mime="image/webp", width=page.width, height=page.height))
    except (ScannerUnavailable, SandboxUnavailable, CaseKeyPending, BlobError) as away:
        _forget(tools.blobs, parts)
        if held.attempt < MAX_PREVIEW_ATTEMPTS:
            raise Postponed(away.code, timedelta(seconds=10 * held.attempt)) from away
        return _end_preview(tools, held, [], gave_up=True)
    except (PreviewFailed, FilingError, QuarantineKeyGone) as failed:
        log.warning("preview_given_up", document=work.document.id, error=failed.code)
        _forget(tools.blobs, parts)
        return _end_preview(tools, held, [], gave_up=True)
    return _end_preview(tools, held, parts, gave_up=False)


def sweep(tools: Tools, now: datetime, limit: int = 100) -> None:
    """Delete the slices that nothing needs: filed with previews done, or refused 72 h ago; then unused old keys."""
    with tools.database.reading() as session:
        done = _uploads_to_clear(session, now, limit)
    for upload in done:
        drop_slices(tools.database, tools.blobs, upload)
    with tools.database.transaction() as session:
        tools.quarantine.retire(session, now=now)
    with tools.database.reading() as session:
        tools.quarantine.shred(session)


def sweep_leftovers(tools: Tools, now: datetime) -> None:
    """End expired uploads; delete what they, torn slices and torn filings left in the store."""
    swept = sweeping.sweep(tools.database, tools.blobs, now=now)
    if swept.expired or swept.slices or swept.orphans:
        log.info("swept", expired=swept.expired, slices=swept.slices, orphans=swept.orphans)


def prepare_keys(tools: Tools, now: datetime) -> None:
    """Make the quarantine keys of today and tomorrow."""
    with tools.database.transaction() as session:
        tools.quarantine.prepare(session, now=now)


def _load(
    session: Session, tools: Tools, document_id: str, state: DocumentState = DocumentState.RECEIVED
) -> _Work | None:
    document = session.get(Document, document_id)
    if document is None or document.state != state:
        return None
    requirement: Requirement = document.slot.requirement
    rows: Sequence[Slice] = session.scalars(select(Slice).where(Slice.upload_id == document.upload_id)).all()
    slices = SealedSlices(rows, size=document.size, blobs=tools.blobs, private=tools.quarantine.private)
    case_key = session.scalars(select(CaseKey).where(CaseKey.case_id == document.case_id)).one()
    limits = Limits(image_bytes=requirement.max_image_bytes, pdf_bytes=requirement.max_pdf_bytes)
    return _Work(
        document=document,
        slices=slices,
        case_key=case_key,
        limits=limits,
        accepts=frozenset(requirement.formats),
    )


def _verdict(tools: Tools, work: _Work, declared: Declared) -> Verdict:
    document = work.document
    if document.takeovers >= MAX_TAKEOVERS:
        return NOT_EXAMINABLE
    try:
        case_public(work.case_key, tools.custodian)
        verdict = tools.inspector.inspect(
            work.slices.content, size=document.size, declared_name=declared.untrusted_name, limits=work.limits
        )
    except CaseKeyPending as pending:
        raise Postponed(pending.code, timedelta(seconds=1)) from pending
    except (ScannerUnavailable, SandboxUnavailable) as away:
        raise Postponed(away.code, timedelta(seconds=min(30, 2 ** min(document.attempt, 5)))) from away
    if verdict.finding is Finding.CLEAN and _format_of(str(verdict.mime)) not in work.accepts:
        return Verdict(finding=Finding.WRONG_TYPE, reason=Reason.UNKNOWN_TYPE, sha256=verdict.sha256)
    return verdict


def _format_of(mime: str) -> Format:
    return Format.PDF if mime == "application/pdf" else Format.IMAGE


def _sealer(tools: Tools, work: _Work, engine: str, signatures: str) -> PartSealer:
    scanned = Scanned(finding=Finding.CLEAN.value, engine=engine, signatures=signatures)
    recipient = case_public(work.case_key, tools.custodian)
    return PartSealer(work.document, recipient, scanned, blobs=tools.blobs, signer=tools.signer, now=utcnow())


def _seal(tools: Tools, work: _Work, declared: Declared, verdict: Verdict) -> tuple[list[Part], Commitment]:
    sealer = _sealer(tools, work, verdict.engine or "", verdict.signatures or "")
    sha256 = bytes.fromhex(verdict.sha256)
    commitment = Commitment.to(sha256)
    mime = str(verdict.mime)
    original = sealer.seal(
        ORIGINAL, work.slices.content(), mime=mime, sha256=sha256, width=verdict.width, height=verdict.height
    )
    try:
        meta = meta_json(declared, commitment, size=work.document.size, mime=mime)
        return [original, sealer.seal(META, [meta], mime="application/json")], commitment
    except BaseException:
        _forget(tools.blobs, [original])
        raise


def _file(tools: Tools, held: Lease, verdict: Verdict, parts: list[Part], commitment: Commitment) -> None:
    now = utcnow()
    with tools.database.transaction() as session:
        settle(session, Document, held)
        document = session.get_one(Document, held.id, populate_existing=True)
        document.move(DocumentState.FILED)
        _judge(document, verdict, now)
        document.slot.filed(now)
        document.slot.request.case.updated_at = now
        session.add_all(parts)
        fingerprint = Fingerprints(tools.signer).of(document.id, commitment.sha256)
        session.add(PreviewTask(document_id=document.id, fingerprint=fingerprint, due_at=now))
        original = parts[0]
        record(
            session,
            Event.INSPECTOR_DOCUMENT_FILED,
            org_id=document.org_id,
            actor_id=ACTOR,
            subject_id=document.id,
            case_id=document.case_id,
            now=now,
            details={
                "commitment": commitment.hexdigest(),
                "payload_sha256": original.payload_sha256,
                "header_sha256": original.header_sha256,
                "mime": original.mime,
                "size": document.size,
                "engine": original.engine,
                "signatures": original.signatures,
            },
        )


def _refuse(tools: Tools, held: Lease, verdict: Verdict) -> None:
    now = utcnow()
    with tools.database.transaction() as session:
        settle(session, Document, held)
        document = session.get_one(Document, held.id, populate_existing=True)
        document.move(DocumentState.REFUSED)
        _judge(document, verdict, now)
        document.slot.refused(verdict.reason.value, now)
        document.slot.request.case.updated_at = now
        record(
            session,
            Event.INSPECTOR_DOCUMENT_REFUSED,
            org_id=document.org_id,
            actor_id=ACTOR,
            subject_id=document.id,
            case_id=document.case_id,
            now=now,
            details={"finding": verdict.finding.value, "reason": verdict.reason.value},
        )


def _judge(document: Document, verdict: Verdict, now: datetime) -> None:
    document.finding = verdict.finding.value
    document.reason = None if verdict.finding is Finding.CLEAN else verdict.reason.value
    document.threat = verdict.threat
    document.mime = str(verdict.mime) if verdict.mime is not None else None
    document.pages = verdict.pages
    document.engine = verdict.engine
    document.signatures = verdict.signatures
    document.judged_at = now


def _end_preview(tools: Tools, held: Lease, parts: list[Part], *, gave_up: bool) -> None:
    now = utcnow()
    try:
        with tools.database.transaction() as session:
            settle(session, PreviewTask, held)
            task = session.get_one(PreviewTask, held.id, populate_existing=True)
            task.done_at, task.gave_up = now, gave_up
            session.add_all(parts)
    except BaseException:
        _forget(tools.blobs, parts)
        raise


def _nothing_to_do(tools: Tools, model: type[Document] | type[PreviewTask], held: Lease) -> None:
    with tools.database.transaction() as session:
        settle(session, model, held)


def _known_pages(session: Session, document_id: str) -> frozenset[str]:
    return frozenset(session.scalars(select(Part.name).where(Part.document_id == document_id)))


def _uploads_to_clear(session: Session, now: datetime, limit: int) -> list[str]:
    previews_done = select(PreviewTask.id).where(
        PreviewTask.document_id == Document.id, PreviewTask.done_at.is_not(None)
    )
    has_slices = select(Slice.id).where(Slice.upload_id == Document.upload_id).exists()
    filed = select(Document.upload_id).where(Document.state == DocumentState.FILED, previews_done.exists(), has_slices)
    refused = select(Document.upload_id).where(
        Document.state == DocumentState.REFUSED, Document.judged_at < now - REFUSED_LIFE, has_slices
    )
    return [*session.scalars(filed.limit(limit)), *session.scalars(refused.limit(limit))]


def _forget(blobs: BlobStore, parts: Sequence[Part]) -> None:
    """Delete the objects of parts that no row will name. What cannot be deleted now is an orphan for the sweep."""
    for part in parts:
        try:
            blobs.delete(part.blob)
        except BlobError as error:
            log.warning("orphan_left", blob=part.blob, error=error.code)
