"""Verification of a receipt, from its facts and pinned keys alone: no row, no network.

Rules: nothing is believed but what hashes, signatures and the stamp prove; whatever does not parse or does not fit is
refused, with one error. What verifies says: this company's trail, sealed by its key and stamped by the authority, held
at that time the filing of exactly these bytes, and a receipt with exactly this content.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from audit import Event
from audit.checkpoints import Checkpoint, origin_of, verify_checkpoint
from audit.errors import AuditError
from audit.merkle import leaf_hash, verify_inclusion
from audit.timestamps import verify_stamp
from records.errors import NotFound, RecordsError
from records.receipts.entries import SentPhoto, photos_commitment
from records.receipts.facts import FORMAT, digest_of
from records.receipts.secret import ReceiptSecret

MAX_FACTS = 4 * 1024 * 1024
SALT = 32


class ReceiptRefused(RecordsError):
    """The receipt is not what it claims to be: changed, of another company, or not sealed and stamped as it must be."""

    code = "receipt_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenDocument:
    """One document of a verified receipt. Title by language; sizes in bytes."""

    id: str
    title: dict[str, str]
    side: str
    received_at: datetime
    filed_at: datetime
    size: int
    sha256: str
    photos: tuple[SentPhoto, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenReceipt:
    """What a verified receipt says."""

    number: str
    address: str
    organization: str
    case_id: str
    made_at: datetime
    documents: tuple[ProvenDocument, ...]
    checkpoint: Checkpoint
    note: str
    """The signed checkpoint as it stands in the receipt."""
    stamp: bytes
    """The authority's answer (RFC 3161, DER)."""
    stamped_at: datetime

    def find(self, sha256: str) -> ProvenDocument | None:
        """Return the document that is this file, or has it as one of its photos."""
        for document in self.documents:
            if sha256 == document.sha256 or any(sha256 == photo.sha256.hex() for photo in document.photos):
                return document
        return None


def verify(untrusted: bytes, *, checkpoint_keys: Sequence[bytes], tsa_root: bytes) -> ProvenReceipt:
    """Return what the facts of a receipt say once all of it is proven. Raises ReceiptRefused.

    `checkpoint_keys`: the Ed25519 keys (32 bytes) that may have signed; `tsa_root`: PEM of the authority's root.
    """
    if len(untrusted) > MAX_FACTS:
        raise ReceiptRefused("too large")
    try:
        return _verified(json.loads(untrusted, object_pairs_hook=_unique), checkpoint_keys, tsa_root)
    except (AuditError, NotFound, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ReceiptRefused(getattr(error, "code", "malformed")) from error


def _verified(facts: Mapping[str, Any], keys: Sequence[bytes], tsa_root: bytes) -> ProvenReceipt:
    content, note = facts["receipt"], str(facts["checkpoint"])
    stamp = base64.b64decode(facts["stamp"], validate=True)
    if facts["format"] != FORMAT:
        raise ReceiptRefused("format")
    organization = str(content["organization"]["id"])
    checkpoint = verify_checkpoint(note, origin_of(organization), *keys)
    stamped_at = verify_stamp(stamp, note.encode(), tsa_root)
    events = [_proven(proof, checkpoint) for proof in facts["proofs"]]
    if any((event["org"], event["case"]) != (organization, content["case"]) for event in events):
        raise ReceiptRefused("an event of another organization or case")
    number = str(content["number"])
    _committed(content, ReceiptSecret.read(number).receipt_id(), events)
    filed = {str(event["subject"]): event for event in events if event["event"] == Event.INSPECTOR_DOCUMENT_FILED}
    return ProvenReceipt(
        number=number,
        address=str(content["address"]),
        organization=str(content["organization"]["name"]),
        case_id=str(content["case"]),
        made_at=_moment(content["made_at"]),
        documents=tuple(_document(one, filed[one["id"]]) for one in content["documents"]),
        checkpoint=checkpoint,
        note=note,
        stamp=stamp,
        stamped_at=stamped_at,
    )


def _proven(proof: Mapping[str, Any], checkpoint: Checkpoint) -> dict[str, Any]:
    """Return the event of a proof whose leaf leads to the signed root."""
    leaf = str(proof["leaf"]).encode("ascii")
    path = [bytes.fromhex(node) for node in proof["path"]]
    verify_inclusion(leaf_hash(leaf), int(proof["index"]), checkpoint.size, path, checkpoint.root)
    event: dict[str, Any] = json.loads(leaf, object_pairs_hook=_unique)
    return event


def _committed(content: Mapping[str, Any], receipt_id: str, events: Sequence[Mapping[str, Any]]) -> None:
    """Raise ReceiptRefused unless an event commits to exactly this content under this receipt's id."""
    for event in events:
        if event["event"] == Event.COURIER_RECEIPT_GATHERED and event["subject"] == receipt_id:
            if event["details"]["content"] == digest_of(content):
                return
            raise ReceiptRefused("the content was changed")
    raise ReceiptRefused("no event commits to this receipt")


def _document(content: Mapping[str, Any], event: Mapping[str, Any]) -> ProvenDocument:
    """Return one document, held against the event that filed it."""
    salt, sha256 = bytes.fromhex(content["salt"]), bytes.fromhex(content["sha256"])
    photos = tuple(SentPhoto(sha256=bytes.fromhex(one["sha256"]), size=int(one["size"])) for one in content["photos"])
    told = event["details"]
    if len(salt) != SALT or told["commitment"] != hashlib.sha256(salt + sha256).hexdigest():
        raise ReceiptRefused("not the file that was filed")
    if photos and told["photos"] != photos_commitment(salt, photos):
        raise ReceiptRefused("not the photos that were filed")
    return ProvenDocument(
        id=str(content["id"]),
        title={str(language): str(text) for language, text in content["title"].items()},
        side=str(content["side"]),
        received_at=_moment(content["received_at"]),
        filed_at=datetime.fromisoformat(event["at"]),
        size=int(content["size"]),
        sha256=sha256.hex(),
        photos=photos,
    )


def _moment(untrusted: str) -> datetime:
    return datetime.strptime(untrusted, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a repeated key")
    return dict(pairs)
