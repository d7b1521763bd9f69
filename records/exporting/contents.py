"""What goes into the bag of one export, read from rows in one short transaction; the bytes come later, without one.

Rules: only documents that are FILED now, and whose filing stands in the sealed trail below the stamped checkpoint,
bring their bytes; every other filing of the case is named as omitted, with the reason. Every line of the trail is held
against its leaf, the checkpoint against the pinned key and the stamp against the authority's root before anything
leaves. Memory grows with the number of documents and events of the case, never with their bytes.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import AuditEvent, Event
from audit.checkpoints import origin_of, verifier_key, verify_checkpoint
from audit.errors import AuditError, CheckpointRefused
from audit.merkle import leaf_hash
from audit.proving import proofs_for, sealed_events
from audit.timestamps import verify_stamp
from audit.trail import leaf_bytes
from audit.tree import AuditCheckpoint
from records.cases import Case
from records.consents import consents_of
from records.documents import Document, DocumentState, Part
from records.errors import WrongState
from records.exporting import tables
from records.exporting.errors import ExportDamaged
from records.exporting.names import bag_name, folder_name
from records.exports import Export, ExportState
from records.organizations import Organization
from records.requests import requests_of_case
from records.withdrawing import is_withdrawn

ORIGINAL = "original"
META = "meta"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedPart:
    """Where the sealed bytes of one part lie."""

    name: str
    blob: str
    payload_size: int
    mime: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FiledDocument:
    """One document of the bag: how to open it, and what it must turn out to be."""

    id: str
    folder: str
    size: int
    original: SealedPart
    meta: SealedPart
    commitments: frozenset[str]
    """What the sealed events say of it: hex of SHA-256(salt || sha256)."""
    entry: dict[str, Any]
    """What the index tells besides path, name, hash and salt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRecord:
    """Everything about one export that comes from rows."""

    name: str
    """Of the bag's folder."""
    organization: str
    export_id: str
    external_ref: str | None
    exported_on: str
    index: dict[str, Any]
    """The index without its documents."""
    documents: tuple[FiledDocument, ...]
    audit: dict[str, bytes]
    """The files of data/audit/, by name."""


def gather(session: Session, export_id: str, *, checkpoint_keys: Sequence[bytes], tsa_root: bytes | None) -> CaseRecord:
    """Read what a ready export holds.

    `checkpoint_keys`: the Ed25519 keys (32 bytes) that may have signed its checkpoint; `tsa_root`: PEM of the
    authority's root, left out of the bag when there is none. Raises WrongState when the export is not ready,
    ExportDamaged when trail, checkpoint, stamp or rows contradict each other.
    """
    export = session.get_one(Export, export_id)
    checkpoint = session.get(AuditCheckpoint, export.checkpoint_id) if export.checkpoint_id else None
    if export.state != ExportState.READY or checkpoint is None:
        raise WrongState(f"export {export.id} is {export.state}")
    try:
        audit, events = _trail(session, export, checkpoint, checkpoint_keys, tsa_root)
    except AuditError as error:
        raise ExportDamaged(f"export {export.id}: {error.code}") from error
    case = session.get_one(Case, export.case_id)
    organization = session.get_one(Organization, export.org_id)
    documents, omitted = _documents(session, case.id, events)
    consents = consents_of(session, case.id)
    exported_on = export.created_at.date().isoformat()
    return CaseRecord(
        name=bag_name(case.external_ref or case.id[:8], exported_on),
        organization=organization.name,
        export_id=export.id,
        external_ref=case.external_ref,
        exported_on=exported_on,
        index={
            "format": tables.FORMAT,
            "case": case.id,
            "external_ref": case.external_ref,
            "title": case.title,
            "state": str(case.state),
            "organization": {"id": organization.id, "name": organization.name},
            "export": {"id": export.id, "at": tables.moment(export.created_at), "checkpoint": checkpoint.size},
            "requests": [tables.request_entry(request) for request in requests_of_case(session, case.id)],
            "consents": [tables.consent_entry(consent) for consent in consents],
            "notices": tables.notice_entries(consents),
            "refused": [tables.refused_entry(document) for document in _refused(session, case.id)],
            "omitted": omitted,
        },
        documents=documents,
        audit=audit,
    )


def _trail(
    session: Session, export: Export, checkpoint: AuditCheckpoint, keys: Sequence[bytes], tsa_root: bytes | None
) -> tuple[dict[str, bytes], list[AuditEvent]]:
    """Return the files of data/audit/ and the events in them. Raises AuditError, ExportDamaged."""
    origin = origin_of(export.org_id)
    key = _signer_of(checkpoint, origin, keys)
    events = [event for _, event in sealed_events(session, export.org_id, export.case_id, checkpoint.size)]
    if export.event_id not in {event.id for event in events}:
        raise ExportDamaged(f"export {export.id}: its event is not below the checkpoint")
    proofs = proofs_for(session, export.org_id, [event.id for event in events], checkpoint.size)
    lines = [leaf_bytes(event) for event in events]
    for line, proof in zip(lines, proofs, strict=True):
        if leaf_hash(line) != proof.leaf_hash:
            raise ExportDamaged(f"export {export.id}: event {proof.event_id} is not as it was sealed")
    listed = [{"event": one.event_id, "index": one.index, "path": [node.hex() for node in one.path]} for one in proofs]
    told = {"format": "resguardo/proofs/v1", "origin": origin, "size": checkpoint.size, "proofs": listed}
    note = checkpoint.note.encode()
    files = {
        "events.jsonl": b"".join(line + b"\n" for line in lines),
        "proofs.json": json.dumps(told).encode() + b"\n",
        "checkpoint.txt": note,
        "checkpoint.pub": verifier_key(origin, key).encode() + b"\n",
    }
    if checkpoint.stamp is None:
        raise ExportDamaged(f"export {export.id}: its checkpoint has no stamp")
    files["checkpoint.tsr"] = checkpoint.stamp
    if tsa_root is not None:
        verify_stamp(checkpoint.stamp, note, tsa_root)
        files["tsa-ca.pem"] = tsa_root
    return files, events


def _signer_of(checkpoint: AuditCheckpoint, origin: str, keys: Sequence[bytes]) -> bytes:
    """Return the key that signed exactly this checkpoint. Raises CheckpointRefused."""
    for key in keys:
        try:
            signed = verify_checkpoint(checkpoint.note, origin, key)
        except CheckpointRefused:
            continue
        if (signed.size, signed.root) == (checkpoint.size, checkpoint.root):
            return key
    raise CheckpointRefused("no key we trust signed this checkpoint")


def _documents(
    session: Session, case_id: str, events: Sequence[AuditEvent]
) -> tuple[tuple[FiledDocument, ...], list[dict[str, str]]]:
    """Return the documents whose bytes are in the bag, and the filings that are not, with the reason."""
    commitments: dict[str, set[str]] = {}
    for event in events:
        if event.event == Event.INSPECTOR_DOCUMENT_FILED.value:
            commitments.setdefault(event.subject_id, set()).add(str(event.details.get("commitment")))
    wanted = select(Document).where(Document.case_id == case_id).order_by(Document.received_at, Document.id)
    rows = {document.id: document for document in session.scalars(wanted)}
    filed: list[FiledDocument] = []
    omitted = [{"id": document_id, "reason": "erased"} for document_id in commitments if document_id not in rows]
    for document in rows.values():
        if is_withdrawn(session, document.id):
            if document.id in commitments:
                omitted.append({"id": document.id, "reason": str(DocumentState.WITHDRAWN)})
        elif document.state == DocumentState.FILED and document.id in commitments:
            filed.append(_filed(session, document, len(filed) + 1, frozenset(commitments[document.id])))
        elif document.state == DocumentState.FILED:
            omitted.append({"id": document.id, "reason": "not_in_this_trail"})
        elif document.id in commitments:
            omitted.append({"id": document.id, "reason": str(document.state)})
    return tuple(filed), omitted


def _filed(session: Session, document: Document, number: int, commitments: frozenset[str]) -> FiledDocument:
    parts = {part.name: part for part in session.scalars(select(Part).where(Part.document_id == document.id))}
    if not {ORIGINAL, META} <= parts.keys():
        raise ExportDamaged(f"document {document.id} has lost a part")
    slot = document.slot
    return FiledDocument(
        id=document.id,
        folder=folder_name(number, slot.requirement.key, slot.side),
        size=document.size,
        original=_sealed(parts[ORIGINAL]),
        meta=_sealed(parts[META]),
        commitments=commitments,
        entry=tables.document_entry(document),
    )


def _sealed(part: Part) -> SealedPart:
    return SealedPart(name=part.name, blob=part.blob, payload_size=part.payload_size, mime=part.mime)


def _refused(session: Session, case_id: str) -> Sequence[Document]:
    return session.scalars(
        select(Document)
        .where(Document.case_id == case_id, Document.state == DocumentState.REFUSED)
        .order_by(Document.received_at, Document.id)
    ).all()


def commitment_of(salt: bytes, sha256: bytes) -> str:
    """Return hex of SHA-256(salt || sha256), as the event of the filing holds it."""
    return hashlib.sha256(salt + sha256).hexdigest()
