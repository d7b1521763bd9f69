"""The inspector's first work: examine a received document, and file or refuse it.

Rules: only a clean verdict leads to `filed`; every effect commits behind the fence of its attempt; what waits for a
part of the chain waits, and what no waiting heals is refused with words that say so.
"""

import dataclasses
from datetime import datetime, timedelta

import structlog

from audit import Event, record
from intake import intents
from intake.filing import (
    META,
    ORIGINAL,
    CaseKeyPending,
    Commitment,
    Fingerprints,
    SlicesInconsistent,
    case_public,
    meta_json,
)
from intake.inspection.verdicts import FINDINGS, Finding, Mime, Reason, SandboxUnavailable, ScannerUnavailable, Verdict
from portal.worker.comparing import compare, was_returned
from portal.worker.engine import Postponed
from portal.worker.materials import (
    BROKEN,
    MAX_UNFINISHED,
    Suspected,
    Tools,
    Work,
    code_of,
    forget,
    holds_its_slot,
    load,
    require_still_ours,
    sealer,
    to_judge,
    trying,
)
from portal.worker.matters import Matter, matter_of
from records import trays
from records.documents import Document, DocumentState, Part, PreviewTask
from records.receipts.entries import Hashes, SentPhoto, entry_of, photos_commitment
from records.requests import SlotState
from records.requirements import Format
from storage.blobs import BlobStoreFull, BlobStoreUnavailable
from storage.database import utcnow
from storage.due import Lease, settle

log = structlog.get_logger(__name__)

ACTOR = "inspector"
NO_HASH = "0" * 64
NOT_EXAMINABLE = Verdict(finding=Finding.NOT_EXAMINABLE, reason=Reason.SCAN_LIMITS, sha256=NO_HASH)
SEND_AGAIN = Verdict(finding=Finding.DAMAGED, reason=Reason.SEND_AGAIN, sha256=NO_HASH)


def inspect(tools: Tools, held: Lease) -> None:
    """Examine one document and commit the outcome. Raises Postponed while a part of the chain is away.

    A document that ended several tries (its worker died, the sandbox was lost on it alone) is refused as not
    examinable; one whose bytes or keys are not what they must be is refused so that the customer sends it again.
    """
    with trying(tools, Document, held) as tries:
        if tries > MAX_UNFINISHED:
            _alarm("document_ends_its_worker", held, tries, NOT_EXAMINABLE.reason)
            return _refuse(tools, held, NOT_EXAMINABLE)
        try:
            return _examine(tools, held, tries)
        except BROKEN as broken:
            require_still_ours(tools, Document, held)
            _alarm("document_broken", held, tries, code_of(broken))
            if tries < MAX_UNFINISHED:
                raise
            return _refuse(tools, held, SEND_AGAIN)


def _examine(tools: Tools, held: Lease, tries: int) -> None:
    with tools.database.reading() as session:
        work = load(session, tools, held.id, DocumentState.RECEIVED)
    if work is None:
        with tools.database.transaction() as session:
            return settle(session, Document, held)
    try:
        with matter_of(work, tools.inspector) as matter:
            verdict = _verdict(tools, work, matter, held, tries)
            if verdict.finding is Finding.CLEAN and was_returned(tools, work.document, verdict):
                verdict = _instead(verdict, Reason.RETURNED_BEFORE)
            if verdict.finding is not Finding.CLEAN:
                return _refuse(tools, held, verdict)
            parts, commitment = _seal(tools, work, matter, verdict)
    except (BlobStoreUnavailable, BlobStoreFull, ScannerUnavailable, CaseKeyPending) as away:
        raise _postponed(away.code, held) from away
    try:
        return _file(tools, held, matter, verdict, parts, commitment)
    except BaseException:
        forget(tools.blobs, parts)
        raise


def _alarm(what: str, held: Lease, tries: int, code: str) -> None:
    """Tell whoever runs the system: codes and ids only, no trace, which may quote values."""
    log.error(what, document=held.id, tries=tries, error=code)


def _postponed(code: str, held: Lease) -> Postponed:
    """Wait 1 s for a key that is being minted, up to 30 s for what is away."""
    wait = 1 if code == CaseKeyPending.code else min(30, 2 ** min(held.attempt, 5))
    return Postponed(code, timedelta(seconds=wait))


def _verdict(tools: Tools, work: Work, matter: Matter, held: Lease, tries: int) -> Verdict:
    case_public(work.case_key, tools.custodian)
    try:
        verdict = matter.judge()
    except SandboxUnavailable as away:
        if not tools.inspector.sandbox_works():
            _alarm("sandbox_away", held, tries, away.code)
            raise Postponed(away.code, timedelta(seconds=15)) from away
        _alarm("sandbox_lost_on_document", held, tries, away.code)
        if tries < MAX_UNFINISHED:
            raise Suspected(away.code, timedelta(seconds=2)) from away
        return NOT_EXAMINABLE
    if verdict.finding is Finding.CLEAN and _format_of(verdict.mime) not in work.accepts:
        return _instead(verdict, Reason.OTHER_FORMAT)
    return verdict


def _instead(verdict: Verdict, reason: Reason) -> Verdict:
    """Refuse a clean file for what the case knows about it."""
    return dataclasses.replace(verdict, finding=FINDINGS[reason], reason=reason, remarks=())


def _format_of(mime: Mime | None) -> Format | None:
    match mime:
        case Mime.PDF:
            return Format.PDF
        case Mime.DOCX | Mime.XLSX:
            return Format.OFFICE
        case Mime.JPEG | Mime.PNG | Mime.WEBP | Mime.HEIC:
            return Format.IMAGE
        case None:
            return None


def _seal(tools: Tools, work: Work, matter: Matter, verdict: Verdict) -> tuple[list[Part], Commitment]:
    seals = sealer(tools, work, parts=2, engine=verdict.engine or "", signatures=verdict.signatures or "")
    sha256 = bytes.fromhex(verdict.sha256)
    commitment = Commitment.to(sha256)
    mime = str(verdict.mime)
    original = seals.seal(
        ORIGINAL, matter.content(), mime=mime, sha256=sha256, width=verdict.width, height=verdict.height
    )
    try:
        meta = meta_json(matter.declared, commitment, size=matter.size, mime=mime, photos=matter.sent)
        return [original, seals.seal(META, [meta], mime="application/json")], commitment
    except BaseException:
        forget(tools.blobs, [original])
        raise


def _file(
    tools: Tools, held: Lease, matter: Matter, verdict: Verdict, parts: list[Part], commitment: Commitment
) -> None:
    now = utcnow()
    with tools.database.transaction() as session:
        document = to_judge(session, held)
        if not holds_its_slot(document):
            raise SlicesInconsistent("slot")
        document.move(DocumentState.FILED)
        document.size = matter.size
        _judge(document, verdict, now)
        document.slot.filed(now)
        document.slot.request.case.updated_at = now
        session.flush()  # the case's row is ours now: of two equal files at once, the second one sees the first
        compare(session, tools, document, verdict)
        document.remarks = [remark.value for remark in verdict.remarks]
        session.add_all(parts)
        intents.fulfilled(session, parts)
        fingerprint = Fingerprints(tools.signer).of(document.id, commitment.sha256)
        session.add(PreviewTask(document_id=document.id, fingerprint=fingerprint, due_at=now))
        photos = tuple(SentPhoto(sha256=bytes.fromhex(one.sha256), size=one.size) for one in matter.sent)
        original = parts[0]
        event = record(
            session,
            Event.INSPECTOR_DOCUMENT_FILED,
            org_id=document.org_id,
            actor_id=ACTOR,
            subject_id=document.id,
            case_id=document.case_id,
            now=now,
            details={
                "request": document.request_id,
                "slot": document.slot_id,
                "commitment": commitment.hexdigest(),
                "payload_sha256": original.payload_sha256,
                "header_sha256": original.header_sha256,
                "mime": original.mime,
                "size": document.size,
                "engine": original.engine,
                "signatures": original.signatures,
                **({"photos": photos_commitment(commitment.salt, photos)} if photos else {}),
                **({"remarks": ",".join(document.remarks)} if document.remarks else {}),
                **({"alike": document.alike_id} if document.alike_id else {}),
            },
        )
        hashes = Hashes(sha256=commitment.sha256, salt=commitment.salt, photos=photos)
        session.add(entry_of(document, hashes, event_id=event.id, box=tools.hashes))


def _refuse(tools: Tools, held: Lease, verdict: Verdict) -> None:
    now = utcnow()
    with tools.database.transaction() as session:
        document = to_judge(session, held)
        document.move(DocumentState.REFUSED)
        _judge(document, verdict, now)
        kept = 0
        if holds_its_slot(document) and document.slot.state == SlotState.RECEIVED:
            document.slot.refused(verdict.reason.value, now, verdict.page)
            if verdict.page is not None:
                kept = trays.reopen(session, document, verdict.page, now)
        document.slot.request.case.updated_at = now
        record(
            session,
            Event.INSPECTOR_DOCUMENT_REFUSED,
            org_id=document.org_id,
            actor_id=ACTOR,
            subject_id=document.id,
            case_id=document.case_id,
            now=now,
            details={
                "request": document.request_id,
                "slot": document.slot_id,
                "finding": verdict.finding.value,
                "reason": verdict.reason.value,
                **({"kept": kept} if kept else {}),
            },
        )


def _judge(document: Document, verdict: Verdict, now: datetime) -> None:
    document.finding = verdict.finding.value
    document.reason = None if verdict.finding is Finding.CLEAN else verdict.reason.value
    document.reason_page = verdict.page
    document.threat = verdict.threat
    document.mime = str(verdict.mime) if verdict.mime is not None else None
    document.pages = verdict.pages
    document.engine = verdict.engine
    document.signatures = verdict.signatures
    document.judged_at = now
