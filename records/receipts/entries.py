"""The hashes of filed documents, for receipts: one erasable row a document, sealed by the inspector as it files.

Rules: never a plain hash in a row, in a log or in the trail. The trail holds `SHA-256(salt || SHA-256)`; hash and salt
lie here, bound to their row, under a key that only inspector (writes) and courier (makes receipts) hold. Erasing a
document deletes its row; what receipts already said stays in the hands of whoever holds them.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, String, delete
from sqlalchemy.orm import Mapped, Session, mapped_column

from records.documents import Document
from storage.database import Base
from storage.sealing.box import Box

TABLE = "receipt_entries"
COLUMN = "sealed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SentPhoto:
    """One photo as the device sent it, of which a PDF was made. `sha256`: 32 bytes; `size`: bytes."""

    sha256: bytes
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hashes:
    """What was filed, and the files it was assembled from when it was: the photos of a PDF, in the order of pages.

    `salt` (32 bytes) opens the commitments of the event that filed it.
    """

    sha256: bytes
    salt: bytes
    photos: tuple[SentPhoto, ...] = ()


class ReceiptEntry(Base):
    """The sealed hashes of one filed document, and where they belong."""

    __tablename__ = TABLE

    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id"), primary_key=True)
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"))
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), index=True)
    request_id: Mapped[str] = mapped_column(ForeignKey("document_requests.id"), index=True)
    slot_id: Mapped[str] = mapped_column(ForeignKey("slots.id"))
    event_id: Mapped[str] = mapped_column(String(32))
    """The audit event that filed the document."""
    size: Mapped[int] = mapped_column(BigInteger)
    received_at: Mapped[datetime]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


def photos_commitment(salt: bytes, photos: Sequence[SentPhoto]) -> str:
    """Return what the event says of the photos: SHA-256(salt || their hashes in order), hexadecimal."""
    return hashlib.sha256(salt + b"".join(photo.sha256 for photo in photos)).hexdigest()


def entry_of(document: Document, hashes: Hashes, *, event_id: str, box: Box) -> ReceiptEntry:
    """Return the entry of a document that is being filed, not yet in a session."""
    content = {
        "sha256": hashes.sha256.hex(),
        "salt": hashes.salt.hex(),
        "photos": [{"sha256": photo.sha256.hex(), "size": photo.size} for photo in hashes.photos],
    }
    return ReceiptEntry(
        document_id=document.id,
        org_id=document.org_id,
        case_id=document.case_id,
        request_id=document.request_id,
        slot_id=document.slot_id,
        event_id=event_id,
        size=document.size,
        received_at=document.received_at,
        sealed=box.seal(json.dumps(content).encode(), table=TABLE, row=document.id, column=COLUMN),
    )


def open_entry(entry: ReceiptEntry, box: Box) -> Hashes:
    """Return the hashes of an entry. Raises BoxRefused when it was not sealed for this row."""
    found: dict[str, Any] = json.loads(box.open(entry.sealed, table=TABLE, row=entry.document_id, column=COLUMN))
    return Hashes(
        sha256=bytes.fromhex(found["sha256"]),
        salt=bytes.fromhex(found["salt"]),
        photos=tuple(SentPhoto(sha256=bytes.fromhex(one["sha256"]), size=one["size"]) for one in found["photos"]),
    )


def erase_entry(session: Session, document_id: str) -> None:
    """Forget the hashes of a document; none may be there."""
    session.execute(delete(ReceiptEntry).where(ReceiptEntry.document_id == document_id))
