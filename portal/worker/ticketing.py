"""The custodian's tickets: one filed document at a time is let back to the inspector, so that new signatures see it.

Rules: the custodian keeps the budget, whatever is asked; it opens no payload and never learns where one lies; it opens
only the header of an attested original, and reseals it to today's quarantine key, which it certified itself; every
ticket and every refusal leaves an event.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import ColumnElement, delete, or_, select
from sqlalchemy.orm import Session, load_only

from audit import Event, record
from intake.daykey import key_of_the_day
from intake.filing import ORIGINAL, FilingError, case_public, verify_part
from portal.worker.engine import describe
from portal.worker.keeping import ACTOR, Tools
from records.cases import CaseKey
from records.documents import Document, DocumentState, Part
from records.rescans import KEPT, TICKET, TICKET_LIFE, Rescan, RescanOutcome
from records.withdrawing import is_withdrawn
from storage.keyring.casekeys import open_case_key
from storage.sealing.contexts import DocumentContext
from storage.sealing.errors import SealingError
from storage.sealing.unseal import reseal_header

log = structlog.get_logger(__name__)

ROUND = 25
"""Tickets of one round."""
_OF_A_DOCUMENT = load_only(Document.org_id, Document.case_id, Document.state, raiseload=True)
_OF_A_PART = load_only(
    Part.org_id,
    Part.case_id,
    Part.document_id,
    Part.name,
    Part.header,
    Part.header_sha256,
    Part.payload_sha256,
    Part.payload_size,
    Part.mime,
    Part.finding,
    Part.engine,
    Part.signatures,
    Part.attestation,
    raiseload=True,
)
"""All that the custodian may read of a part: what is attested, and not where its payload lies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What may be let back within one hour."""

    files: int
    size: int
    """Bytes."""

    def has_room(self, session: Session, size: int, *, now: datetime) -> bool:
        """Whether another document of `size` bytes fits into this hour; the first of an hour always does."""
        given = select(Rescan.payload_size).where(Rescan.granted_at > now - TICKET_LIFE)
        sizes = [used or 0 for used in session.scalars(given)]
        return len(sizes) < self.files and (not sizes or sum(sizes) + size <= self.size)


def grant(tools: Tools, budget: Budget, now: datetime) -> None:
    """Write the tickets that are asked for, newest documents first, as far as the budget goes."""
    with tools.database.reading() as session:
        if not budget.has_room(session, 0, now=now):
            return
        waiting = session.scalars(
            select(Rescan.id)
            .join(Document, Document.id == Rescan.document_id)
            .where(_waits(now))
            .order_by(Document.received_at.desc(), Rescan.id)
            .limit(ROUND)
        ).all()
    for rescan_id in waiting:
        try:
            if not _grant(tools, budget, rescan_id, now):
                return
        except Exception as error:  # noqa: BLE001 (no ticket; one row must not keep the others from theirs)
            log.warning("ticket_postponed", rescan=rescan_id, **describe(error))


def sweep(tools: Tools, now: datetime) -> None:
    """Take the headers out of tickets that died, and delete rows that ended long ago."""
    dead = Rescan.header.is_not(None) & (Rescan.expires_at <= now)
    old = Rescan.ended_at < now - KEPT
    with tools.database.reading() as session:
        if session.scalars(select(Rescan.id).where(or_(dead, old)).limit(1)).first() is None:
            return
    with tools.database.transaction() as session:
        for row in session.scalars(select(Rescan).where(dead).with_for_update(skip_locked=True)):
            row.header = None
        session.execute(delete(Rescan).where(old))


def _waits(now: datetime) -> ColumnElement[bool]:
    no_ticket = or_(Rescan.granted_at.is_(None), Rescan.expires_at <= now)
    nobody_works = or_(Rescan.lease_until.is_(None), Rescan.lease_until <= now)
    return Rescan.outcome.is_(None) & no_ticket & nobody_works


@dataclass(frozen=True, slots=True, kw_only=True)
class _Resealed:
    """The header of one attested original, for the quarantine key of the day."""

    header: bytes
    key_id: str
    payload_sha256: str
    payload_size: int


def _grant(tools: Tools, budget: Budget, rescan_id: str, now: datetime) -> bool:
    """Write one ticket, or end the row. False when the budget is used up.

    The keyring is asked before anything is locked: it may be slow, and on SQLite everybody writes in turn.
    """
    resealed: _Resealed | SealingError | FilingError | None
    with tools.database.reading() as session:
        try:
            resealed = _reseal(session, tools, rescan_id, now)
        except (SealingError, FilingError) as refused:
            resealed = refused
    with tools.database.transaction() as session:
        row = session.scalars(select(Rescan).where(Rescan.id == rescan_id, _waits(now)).with_for_update()).first()
        if row is None:
            return True
        document = _filed(session, row)
        if document is None or resealed is None:
            row.end(RescanOutcome.GONE, now)
            return True
        if isinstance(resealed, SealingError | FilingError):
            log.error("ticket_refused", rescan=row.id, error=resealed.code)
            row.end(RescanOutcome.REFUSED, now)
            _record(session, Event.CUSTODIAN_RESCAN_REFUSED, row, document, now, {"reason": resealed.code})
            return True
        if not budget.has_room(session, resealed.payload_size, now=now):
            return False
        _write(tools, row, resealed, now)
        _record(session, Event.CUSTODIAN_RESCAN_GRANTED, row, document, now, {"quarantine_key": resealed.key_id})
    return True


def _filed(session: Session, row: Rescan) -> Document | None:
    """Return the document of a row while it may be seen again."""
    document = session.get(Document, row.document_id, options=[_OF_A_DOCUMENT])
    if document is None or document.state != DocumentState.FILED or is_withdrawn(session, document.id):
        return None
    return document


def _check_place(row: Rescan, document: Document, part: Part) -> None:
    if (row.org_id, document.org_id, document.case_id) != (part.org_id, part.org_id, part.case_id):
        raise FilingError("the row names another place than its part")


def _reseal(session: Session, tools: Tools, rescan_id: str, now: datetime) -> _Resealed | None:
    """Return the header of an original for today's quarantine key, None where there is nothing to see again.

    Raises SealingError or FilingError when anything is odd.
    """
    row = session.get_one(Rescan, rescan_id)
    document = _filed(session, row)
    if document is None:
        return None
    wanted = select(Part).options(_OF_A_PART).where(Part.document_id == row.document_id, Part.name == ORIGINAL)
    part = session.scalars(wanted).one()
    _check_place(row, document, part)
    verify_part(part, tools.inspector)
    custodian = tools.signer.verify_key()
    key = session.scalars(select(CaseKey).where(CaseKey.case_id == part.case_id)).one()
    public = case_public(key, custodian)
    private = open_case_key(tools.keyring, part.org_id, part.case_id, key.sealed_private or b"", public)
    day = key_of_the_day(session, custodian, now=now)
    context = DocumentContext(org=part.org_id, doc=part.document_id, part=part.name)
    return _Resealed(
        header=reseal_header(part.header, private, context, [day.recipient]),
        key_id=day.id,
        payload_sha256=part.payload_sha256,
        payload_size=part.payload_size,
    )


def _write(tools: Tools, row: Rescan, resealed: _Resealed, now: datetime) -> None:
    row.header, row.header_sha256 = resealed.header, hashlib.sha256(resealed.header).hexdigest()
    row.payload_sha256, row.payload_size = resealed.payload_sha256, resealed.payload_size
    row.quarantine_key_id, row.granted_at, row.expires_at = resealed.key_id, now, now + TICKET_LIFE
    row.ticket = tools.signer.sign(TICKET, row.statement())
    row.due_at = now


def _record(
    session: Session, event: Event, row: Rescan, document: Document, now: datetime, details: dict[str, str]
) -> None:
    record(
        session,
        event,
        org_id=document.org_id,
        actor_id=ACTOR,
        subject_id=row.document_id,
        case_id=document.case_id,
        now=now,
        details={"rescan": row.id, "signatures": row.signatures, **details},
    )
