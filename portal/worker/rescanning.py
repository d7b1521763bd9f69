"""The inspector's second look: filed documents are scanned again when signatures change, by ticket of the custodian.

Rules: fresh documents go first; only what the ticket names is read, once; a virus recalls at once, in the transaction
of the result; whatever is neither clean nor a virus is neither: it is tried again, and in the end shown as such.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, exists, func, insert, select
from sqlalchemy.orm import Session

from audit import Event, record
from intake.filing import ORIGINAL
from intake.inspection.verdicts import Finding, SandboxUnavailable, ScannerUnavailable, Verdict
from intake.quarantine import QuarantineKeyGone
from portal.worker.engine import Postponed
from portal.worker.materials import BROKEN, MAX_UNFINISHED, Suspected, Tools, code_of, limits_of, trying
from records.documents import Document, DocumentState, Part
from records.recalling import recall
from records.rescans import TICKET, Rescan, RescanOutcome
from records.withdrawing import is_withdrawn
from storage.blobs import BlobStoreUnavailable
from storage.database import utcnow
from storage.due import Lease, settle
from storage.sealing.contexts import DocumentContext
from storage.sealing.errors import SignatureRefused
from storage.sealing.stream import decrypt
from storage.sealing.unseal import open_header

log = structlog.get_logger(__name__)

OPEN = 50
"""Re-scans that may be asked for and not ended: the newest documents of the moment stand first."""
QUIET = timedelta(minutes=10)
"""After a look that found nothing to ask for, the next one under the same signatures."""
AGAIN = timedelta(minutes=10)
"""Between two tries at what could not be examined."""
MAX_UNEXAMINED = 3
AWAY = timedelta(seconds=15)


class Asking:
    """Asks for re-scans of what other signatures judged, newest first, and takes back what newer ones make idle."""

    def __init__(self, tools: Tools) -> None:
        """Remember the tools; nothing was looked at yet."""
        self._tools = tools
        self._quiet: tuple[str, datetime] | None = None

    def __call__(self, now: datetime) -> None:
        """One round. Without a scanner that may judge there is nothing to ask."""
        try:
            signatures = self._tools.inspector.version().signatures
        except ScannerUnavailable:
            return
        if self._quiet is not None and self._quiet[0] == signatures and now < self._quiet[1]:
            return
        with self._tools.database.reading() as session:
            idle, room = _idle(session, signatures, now), OPEN - _open(session, signatures)
            wanted = _wanted(session, signatures, limit=max(0, room))
        if not idle and not wanted:
            if room == OPEN:
                self._quiet = (signatures, now + QUIET)
            return
        self._quiet = None
        with self._tools.database.transaction() as session:
            for row in session.scalars(select(Rescan).where(Rescan.id.in_(idle)).with_for_update()):
                if row.outcome is None:
                    row.end(RescanOutcome.SUPERSEDED, now)
            for document_id, org_id in wanted:
                asked = {"org_id": org_id, "document_id": document_id, "signatures": signatures, "asked_at": now}
                session.execute(insert(Rescan).values(**asked))  # no other column is the inspector's


def _idle(session: Session, signatures: str, now: datetime) -> list[str]:
    """Return the open re-scans for other signatures that have no ticket: asking goes on with the newest."""
    no_ticket = Rescan.granted_at.is_(None) | (Rescan.expires_at <= now)
    others = select(Rescan.id).where(Rescan.outcome.is_(None), Rescan.signatures != signatures, no_ticket)
    return list(session.scalars(others))


def _open(session: Session, signatures: str) -> int:
    return session.scalar(select(func.count()).where(Rescan.outcome.is_(None), Rescan.signatures == signatures)) or 0


def _wanted(session: Session, signatures: str, *, limit: int) -> list[tuple[str, str]]:
    asked = exists().where(Rescan.document_id == Document.id, Rescan.signatures == signatures)
    seen_by = func.coalesce(Document.rescanned_signatures, Document.signatures, "")
    found = session.execute(
        select(Document.id, Document.org_id)
        .where(Document.state == DocumentState.FILED, seen_by != signatures, ~asked)
        .order_by(Document.received_at.desc(), Document.id)
        .limit(limit)
    )
    return [(row.id, row.org_id) for row in found]


def when_idle() -> ColumnElement[bool]:
    """Return the condition for re-scans: no fresh document waits or is under inspection."""
    return ~exists().where(Document.due_at <= utcnow())


def rescan(tools: Tools, held: Lease) -> None:
    """Scan one filed document again by its ticket. Raises Postponed while a part of the chain is away."""
    with trying(tools, Rescan, held) as tries:
        if tries > MAX_UNFINISHED:
            return _not_examined(tools, held, "worker_lost", last=True)
        try:
            verdict = _look(tools, held)
        except (ScannerUnavailable, BlobStoreUnavailable) as away:
            raise Postponed(away.code, AWAY) from away
        except SandboxUnavailable as away:
            if not tools.inspector.sandbox_works():
                raise Postponed(away.code, AWAY) from away
            raise Suspected(away.code, AWAY) from away
        except QuarantineKeyGone:
            return _end(tools, held, None)  # the ticket died with the key of its day: the custodian writes another
        except SignatureRefused as forged:
            log.error("ticket_forged", rescan=held.id, error=forged.code)  # noqa: TRY400 (a trace may quote values)
            return _end(tools, held, RescanOutcome.REFUSED)
        except BROKEN as broken:
            return _not_examined(tools, held, code_of(broken))
        match verdict:
            case None:
                return _end(tools, held, None)
            case Verdict(finding=Finding.CLEAN):
                return _end(tools, held, RescanOutcome.CLEAN, verdict)
            case Verdict(finding=Finding.INFECTED):
                return _end(tools, held, RescanOutcome.RECALLED, verdict)
            case _:
                return _not_examined(tools, held, verdict.reason.value)


def _look(tools: Tools, held: Lease) -> Verdict | None:
    """Return what the scanner says of the payload that the ticket names; None when there is no living ticket.

    Raises SignatureRefused for a ticket that the custodian did not write for this row.
    """
    with tools.database.reading() as session:
        row = session.get_one(Rescan, held.id)
        document = session.get_one(Document, row.document_id)
        limits = limits_of(session, document.org_id, document.slot.requirement)
        blob = session.scalars(
            select(Part.blob).where(Part.document_id == row.document_id, Part.name == ORIGINAL)
        ).one_or_none()
    if row.header is None or row.expires_at is None or row.expires_at <= utcnow():
        return None
    if document.state != DocumentState.FILED or blob is None:
        return None
    tools.custodian.verify(TICKET, row.statement(), row.ticket or b"")
    if hashlib.sha256(row.header).hexdigest() != row.header_sha256:
        raise SignatureRefused("another header than the ticket's")
    context = DocumentContext(org=row.org_id, doc=row.document_id, part=ORIGINAL)
    file_key = open_header(row.header, tools.quarantine.private(row.quarantine_key_id or ""), context)

    def payload() -> Iterator[bytes]:
        return decrypt(tools.blobs.read(blob), file_key)

    # structure was judged at filing, by what the organization let pass then
    limits = replace(limits, accept_active_pdf=True, accept_pdf_attachments=True, accept_office=True)
    return tools.inspector.inspect(payload, size=document.size, declared_name="", limits=limits)


def _end(tools: Tools, held: Lease, outcome: RescanOutcome | None, verdict: Verdict | None = None) -> None:
    """Commit a result behind the fence of the attempt; without an outcome the row waits for another ticket."""
    now = utcnow()
    with tools.database.transaction() as session:
        settle(session, Rescan, held)
        row = session.get_one(Rescan, held.id, populate_existing=True)
        row.unfinished = 0
        document = session.get_one(Document, row.document_id, populate_existing=True)
        if document.state != DocumentState.FILED or is_withdrawn(session, document.id):
            return row.end(RescanOutcome.GONE, now)
        if outcome is None:
            return None
        row.end(outcome, now)
        if verdict is None:
            return None
        if outcome is RescanOutcome.RECALLED:
            threat, engine = verdict.threat or "", verdict.engine
            return recall(session, document, threat=threat, engine=engine, signatures=verdict.signatures, now=now)
        return document.scanned_again(engine=verdict.engine, signatures=verdict.signatures, now=now)


def _not_examined(tools: Tools, held: Lease, why: str, *, last: bool = False) -> None:
    """Count a try without a result; after some the row ends, and staff is shown that it could not be examined."""
    log.error("rescan_without_result", rescan=held.id, error=why)
    now = utcnow()
    with tools.database.transaction() as session:
        settle(session, Rescan, held, due_at=now + AGAIN)
        row: Any = session.get_one(Rescan, held.id, populate_existing=True)
        row.unexamined, row.unfinished = row.unexamined + 1, 0
        if not last and row.unexamined < MAX_UNEXAMINED:
            return
        row.end(RescanOutcome.UNEXAMINED, now)
        document = session.get_one(Document, row.document_id)
        document.rescan_failed_at = now
        record(
            session,
            Event.INSPECTOR_RESCAN_FAILED,
            org_id=document.org_id,
            actor_id="inspector",
            subject_id=document.id,
            case_id=document.case_id,
            now=now,
            details={"reason": why, "signatures": row.signatures},
        )
