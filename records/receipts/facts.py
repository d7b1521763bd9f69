"""What a receipt says, as data: gathered from rows and opened entries, committed to by an event, then proven.

Rules: no person and no file name; times in UTC with seconds; `receipt` is committed to as a whole by one event of the
trail, so that nothing in it can be changed, added or left out later; everything else is proof. The form is one JSON
object, format "resguardo/receipt/v1", described in docs/receipts.md.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import AuditEvent
from audit.checkpoints import origin_of, verifier_key
from audit.proving import proofs_for
from audit.trail import leaf_bytes
from audit.tree import AuditCheckpoint, AuditLeaf
from records.organizations import Organization
from records.receipts.entries import ReceiptEntry, open_entry
from records.receipts.rows import Receipt
from records.receipts.secret import ReceiptSecret
from records.requests import Slot
from storage.sealing.box import Box

FORMAT = "resguardo/receipt/v1"


def moment(value: datetime) -> str:
    """Write a time as RFC 3339 in UTC, to the second."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def digest_of(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 (hexadecimal) of the content in its one form: ASCII JSON, keys sorted, no spaces."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def entries_of(session: Session, receipt: Receipt) -> list[ReceiptEntry]:
    """Return the entries of the receipt's request, in the order of the checklist, then of filing."""
    found = session.scalars(
        select(ReceiptEntry)
        .join(Slot, Slot.id == ReceiptEntry.slot_id)
        .where(
            ReceiptEntry.request_id == receipt.request_id,
            ReceiptEntry.case_id == receipt.case_id,
            ReceiptEntry.org_id == receipt.org_id,
            Slot.request_id == receipt.request_id,
        )
        .order_by(Slot.position, ReceiptEntry.received_at, ReceiptEntry.document_id)
    )
    return list(found)


def are_sealed(session: Session, entries: Sequence[ReceiptEntry]) -> bool:
    """Whether every event that filed them has its leaf, so that any later checkpoint covers it."""
    wanted = {entry.event_id for entry in entries}
    found = session.scalars(select(AuditLeaf.event_id).where(AuditLeaf.event_id.in_(wanted)))
    return set(found) == wanted


def gather(
    session: Session,
    receipt: Receipt,
    entries: Sequence[ReceiptEntry],
    *,
    hashes: Box,
    secret: ReceiptSecret,
    address: str,
    now: datetime,
) -> dict[str, Any]:
    """Return the receipt's content. `address`: where it can be verified. Raises BoxRefused."""
    organization = session.get_one(Organization, receipt.org_id)
    return {
        "number": secret.text,
        "address": address,
        "organization": {"id": organization.id, "name": organization.name},
        "case": receipt.case_id,
        "request": receipt.request_id,
        "made_at": moment(now),
        "documents": [_document(session.get_one(Slot, entry.slot_id), entry, hashes) for entry in entries],
    }


def _document(slot: Slot, entry: ReceiptEntry, hashes: Box) -> dict[str, Any]:
    opened = open_entry(entry, hashes)
    return {
        "id": entry.document_id,
        "title": dict(slot.requirement.title),
        "side": slot.side,
        "received_at": moment(entry.received_at),
        "size": entry.size,
        "sha256": opened.sha256.hex(),
        "salt": opened.salt.hex(),
        "photos": [{"sha256": photo.sha256.hex(), "size": photo.size} for photo in opened.photos],
    }


def prove(
    session: Session,
    receipt: Receipt,
    content: Mapping[str, Any],
    events: Sequence[str],
    *,
    key: bytes,
    tsa_root: bytes,
) -> bytes:
    """Return the finished facts: content, proofs of `events` and of the receipt's own, checkpoint, stamp.

    `key`: the Ed25519 key (32 bytes) that signs checkpoints; `tsa_root`: PEM. Raises NotSealed, TrailDamaged.
    """
    checkpoint = session.get_one(AuditCheckpoint, receipt.checkpoint_id)
    wanted = [*events, str(receipt.event_id)]
    proofs = proofs_for(session, receipt.org_id, wanted, checkpoint.size)
    leaves = {event.id: event for event in session.scalars(select(AuditEvent).where(AuditEvent.id.in_(wanted)))}
    facts = {
        "format": FORMAT,
        "receipt": dict(content),
        "proofs": [
            {
                "leaf": leaf_bytes(leaves[proof.event_id]).decode("ascii"),
                "index": proof.index,
                "path": [node.hex() for node in proof.path],
            }
            for proof in proofs
        ],
        "checkpoint": checkpoint.note,
        "checkpoint_key": verifier_key(origin_of(receipt.org_id), key),
        "stamp": base64.b64encode(checkpoint.stamp or b"").decode("ascii"),
        "stamp_root": tsa_root.decode("ascii"),
    }
    return json.dumps(facts, ensure_ascii=False, indent=1).encode()
