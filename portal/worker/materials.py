"""What the inspector works with: its tools, one document with its slices, and the count of tries that came to no end.

Rules: a document is worked on only where its upload and link led to, whatever its row says; a try is counted before it
begins and forgiven only when something outside the document ended it; a document with a try that came to no end runs
alone, so that nobody else's document is blamed for it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from intake import intents
from intake.filing import (
    FilingError,
    HashChanged,
    PartSealer,
    Scanned,
    SealedSlices,
    SlicesInconsistent,
    case_public,
)
from intake.inspection.chain import Inspector
from intake.inspection.limits import Limits
from intake.inspection.verdicts import Finding, HashDisagreement
from intake.quarantine import QuarantineKeyGone, QuarantineKeys
from portal.worker.engine import Postponed
from portal.worker.turns import Turns
from records import trays
from records.cases import CaseKey
from records.documents import Document, DocumentState, Part, PreviewTask
from records.errors import WrongState
from records.organizations import Organization
from records.requirements import Format, Requirement
from records.rescans import Rescan
from records.trays import Page
from records.uploads import Slice, Upload, UploadState
from records.withdrawing import is_withdrawn
from storage.blobs import BlobDamaged, BlobError, BlobMissing, BlobStore
from storage.database import Database, utcnow
from storage.due import Lease, LostLease, renew, settle
from storage.sealing.box import Box
from storage.sealing.errors import SealingError
from storage.sealing.signing import SigningKey, VerifyKey

log = structlog.get_logger(__name__)

MAX_UNFINISHED = 3
"""After so many tries that came to no end the document is to blame."""
BROKEN = (
    SlicesInconsistent,
    HashChanged,
    HashDisagreement,
    SealingError,
    BlobMissing,
    BlobDamaged,
    QuarantineKeyGone,
    WrongState,
)
"""What no waiting heals: the bytes or the keys of this document are not what they must be."""


Tries: TypeAlias = type[Document] | type[PreviewTask] | type[Rescan]
"""The rows whose work is counted."""


class Suspected(Postponed):
    """A part of the chain broke on this document and works for others: again, but the try stays counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What the inspector holds."""

    database: Database
    blobs: BlobStore
    inspector: Inspector
    quarantine: QuarantineKeys
    signer: SigningKey
    custodian: VerifyKey
    hashes: Box
    """Seals the hashes of filed documents, for receipts."""
    turns: Turns = field(default_factory=Turns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One document as it was when its try began."""

    document: Document
    slices: SealedSlices
    """What was sent; of photos sent together the first."""
    pages: tuple[tuple[SealedSlices, int], ...]
    """Photos that become one PDF, each with its turn in degrees; none for a file sent by itself."""
    case_key: CaseKey
    limits: Limits
    accepts: frozenset[str]


def load(session: Session, tools: Tools, document_id: str, state: DocumentState) -> Work | None:
    """Return the work on a document in `state`, None when it is in another or withdrawn. Raises SlicesInconsistent."""
    document = session.get(Document, document_id)
    if document is None or document.state != state or is_withdrawn(session, document_id):
        return None
    case_key = session.scalars(select(CaseKey).where(CaseKey.case_id == document.case_id)).one_or_none()
    pages = trays.pages_of(session, document.id)
    if case_key is None or not _belongs(document, pages) or case_key.org_id != document.org_id:
        raise SlicesInconsistent("the row names another place than its upload")
    requirement: Requirement = document.slot.requirement
    return Work(
        document=document,
        slices=_slices(session, tools, document, document.upload),
        pages=tuple((_slices(session, tools, document, page.upload), page.turn) for page in pages),
        case_key=case_key,
        limits=limits_of(session, document.org_id, requirement),
        accepts=frozenset(requirement.formats),
    )


def limits_of(session: Session, org_id: str, requirement: Requirement) -> Limits:
    """What this requirement and the organization's policy let pass."""
    policy = session.execute(
        select(Organization.flag_active_pdfs, Organization.flag_pdf_attachments, Organization.accept_office).where(
            Organization.id == org_id
        )
    ).one()
    return Limits(
        image_bytes=requirement.max_image_bytes,
        pdf_bytes=requirement.max_pdf_bytes,
        accept_active_pdf=policy.flag_active_pdfs,
        accept_pdf_attachments=policy.flag_pdf_attachments,
        accept_office=policy.accept_office and Format.OFFICE in requirement.formats,
    )


def _slices(session: Session, tools: Tools, document: Document, upload: Upload) -> SealedSlices:
    rows: Sequence[Slice] = session.scalars(select(Slice).where(Slice.upload_id == upload.id)).all()
    return SealedSlices(rows, document, upload, blobs=tools.blobs, private=tools.quarantine.private)


def holds_its_slot(document: Document) -> bool:
    """Whether the document is the one that its slot waits for."""
    return bool(document.slot.document_id == document.id)


def require_still_ours(tools: Tools, model: type[Document] | type[PreviewTask], held: Lease) -> None:
    """Raise LostLease when the work ended under us: bytes that were erased meanwhile are no damage."""
    with tools.database.transaction() as session:
        renew(session, model, held, now=utcnow())


def to_judge(session: Session, held: Lease) -> Document:
    """Settle the lease and return its document, behind the lock of its slot. Raises LostLease: also when withdrawn."""
    settle(session, Document, held)
    document = session.get_one(Document, held.id, populate_existing=True)
    session.refresh(document.slot, with_for_update=True)
    if is_withdrawn(session, document.id):
        raise LostLease(f"document {document.id} was withdrawn")
    return document


def _belongs(document: Document, pages: Sequence[Page]) -> bool:
    """Whether organization, case, request and slot are those of the links and of the uploads that brought the bytes."""
    slot, uploads = document.slot, [page.upload for page in pages] or [document.upload]
    place = (document.org_id, document.case_id, document.request_id)
    waits = document.state == DocumentState.RECEIVED
    size = sum(upload.offset for upload in uploads)
    return (
        all(_brought(upload, document, place) for upload in uploads)
        and (size == document.size or (bool(pages) and not waits))
        and (slot.org_id, slot.request.case_id, slot.request_id) == place
        and (not waits or holds_its_slot(document))
    )


def _brought(upload: Upload, document: Document, place: tuple[str, str, str]) -> bool:
    link = upload.link
    return (
        upload.state == UploadState.FINISHED
        and (upload.org_id, upload.slot_id) == (document.org_id, document.slot_id)
        and (link.org_id, link.case_id, link.request_id) == place
    )


@contextmanager
def trying(tools: Tools, model: Tries, held: Lease) -> Iterator[int]:
    """Count a try and yield which one it is since the last that came to an end. Raises LostLease.

    The count stays when the body raises Suspected or BROKEN, and when the process dies in it.
    """
    with tools.database.reading() as session:
        alone = bool(session.scalar(select(model.unfinished).where(model.id == held.id)))
    with tools.turns.taken(alone=alone):
        try:
            yield _counted(tools, model, held, 1)
        except (Suspected, LostLease, *BROKEN):
            raise
        except BaseException:
            _forgive(tools, model, held)
            raise


def _counted(tools: Tools, model: Tries, held: Lease, change: int) -> int:
    with tools.database.transaction() as session:
        renew(session, model, held, now=utcnow())
        session.execute(
            update(model)
            .where(model.id == held.id)
            .values(unfinished=model.unfinished + change)
            .execution_options(synchronize_session=False)
        )
        return session.scalars(select(model.unfinished).where(model.id == held.id)).one()


def _forgive(tools: Tools, model: Tries, held: Lease) -> None:
    try:
        _counted(tools, model, held, -1)
    except Exception as error:  # noqa: BLE001 (the first error matters more; a count too many only makes it run alone)
        log.warning("try_not_forgiven", row=held.id, error=type(error).__name__)


def sealer(tools: Tools, work: Work, *, parts: int, engine: str, signatures: str) -> PartSealer:
    """Return the sealer of a document's parts, about `parts` of them. Raises CaseKeyPending, SignatureRefused."""
    return PartSealer(
        work.document,
        case_public(work.case_key, tools.custodian),
        Scanned(finding=Finding.CLEAN.value, engine=engine, signatures=signatures),
        blobs=tools.blobs,
        signer=tools.signer,
        names=intents.names(tools.database, batch=parts),
    )


def forget(blobs: BlobStore, parts: Sequence[Part]) -> None:
    """Delete the objects of parts that no row will name. What cannot be deleted now, the sweep finds by its intent."""
    for part in parts:
        try:
            blobs.delete(part.blob)
        except BlobError as error:
            log.warning("orphan_left", blob=part.blob, error=error.code)


def code_of(error: BaseException) -> str:
    """Return the stable code of an error."""
    return str(getattr(error, "code", FilingError.code))
