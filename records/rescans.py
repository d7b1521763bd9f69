"""Re-scans: a filed document that signatures newer than those that judged it are to see, and the ticket for it.

The inspector asks (a row for each document and version of the signatures); the custodian answers with a ticket in the
same row: the header of the document's original, resealed to the quarantine key of the day, signed, good for an hour.
`due_at` is set with the ticket, for the inspector; without one the row waits for the custodian.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from records.documents import Tried
from storage.database import Base, NewId
from storage.due import Due

TICKET = "rescan-ticket"
"""Purpose of the custodian's signature."""
TICKET_LIFE = timedelta(hours=1)
"""How long a ticket is good for; the custodian's budget counts over the same time."""
KEPT = timedelta(days=7)
"""How long a row is kept after its end; a document that could not be examined is tried again then."""


class RescanOutcome(StrEnum):
    """How a re-scan ended."""

    CLEAN = "clean"
    RECALLED = "recalled"
    UNEXAMINED = "unexamined"  # never clean, never a find: shown to staff
    GONE = "gone"  # the document was no longer filed
    REFUSED = "refused"  # no ticket, or one that does not hold
    SUPERSEDED = "superseded"  # newer signatures came before its ticket


class Rescan(Due, Tried, Base):
    """One document to be seen by one version of the signatures."""

    __tablename__ = "rescans"
    __table_args__ = (
        UniqueConstraint("document_id", "signatures"),
        Index(None, "due_at", "lease_until"),
        Index(None, "outcome", "expires_at"),
        Index(None, "granted_at"),
    )

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"))
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id"))
    signatures: Mapped[str] = mapped_column(String(60))
    """The version that asks."""
    asked_at: Mapped[datetime]
    granted_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    quarantine_key_id: Mapped[str | None] = mapped_column(ForeignKey("quarantine_keys.id"))
    header: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Of the part `original`, sealed to that key; gone with the end."""
    header_sha256: Mapped[str | None] = mapped_column(String(64))
    payload_sha256: Mapped[str | None] = mapped_column(String(64))
    payload_size: Mapped[int | None] = mapped_column(BigInteger)
    ticket: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The custodian's Ed25519 over `statement()`, purpose `rescan-ticket`."""
    unexamined: Mapped[int] = mapped_column(default=0)
    """Tries that came to an end without a result."""
    outcome: Mapped[RescanOutcome | None] = mapped_column(String(12))
    ended_at: Mapped[datetime | None]

    def statement(self) -> dict[str, str | int]:
        """Return what the custodian signs: this payload of this document, for this key, until then."""
        return {
            "id": self.id,
            "org": self.org_id,
            "document": self.document_id,
            "part": "original",
            "header_sha256": self.header_sha256 or "",
            "payload_sha256": self.payload_sha256 or "",
            "payload_size": self.payload_size or 0,
            "quarantine_key": self.quarantine_key_id or "",
            "expires_at": self.expires_at.isoformat() if self.expires_at is not None else "",
        }

    def end(self, outcome: RescanOutcome, now: datetime) -> None:
        """End it. The ticket dies with it."""
        self.outcome, self.ended_at, self.due_at, self.header = outcome, now, None, None
