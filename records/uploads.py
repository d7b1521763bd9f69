"""Uploads in progress, their sealed slices, and the quarantine keys of the day to which slices are sealed."""

from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Date, ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from records.links import UploadLink
from records.requests import Slot
from storage.database import Base, NewId
from storage.due import Due

UPLOAD_LIFE = timedelta(hours=24)
"""An unfinished upload ends after this."""
REFUSED_LIFE = timedelta(hours=72)
"""Slices of a refused document stay sealed this long."""


class UploadState(StrEnum):
    """RECEIVING takes slices; GATHERED is a whole photo in a tray; FINISHED fixed count and length and is (a page of)
    a document; ENDED was terminated or expired."""

    RECEIVING = "receiving"
    GATHERED = "gathered"
    FINISHED = "finished"
    ENDED = "ended"


class Upload(Base):
    """One resumable upload into one slot. At most one RECEIVING upload a slot (partial unique index)."""

    __tablename__ = "uploads"
    __table_args__ = (
        Index(
            "uq_uploads_receiving_slot",
            "slot_id",
            unique=True,
            sqlite_where=text("state = 'receiving'"),
            postgresql_where=text("state = 'receiving'"),
        ),
    )

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"))
    link_id: Mapped[str] = mapped_column(ForeignKey("upload_links.id"), index=True)
    visit_id: Mapped[str] = mapped_column(ForeignKey("visits.id"))
    slot_id: Mapped[str] = mapped_column(ForeignKey("slots.id"), index=True)
    state: Mapped[UploadState] = mapped_column(String(10), default=UploadState.RECEIVING)
    length: Mapped[int | None] = mapped_column(BigInteger)
    """Bytes announced; None while deferred."""
    offset: Mapped[int] = mapped_column(BigInteger, default=0)
    """Bytes acknowledged."""
    slices: Mapped[int] = mapped_column(default=0)
    """Slices acknowledged. Slice 0 holds the sealed name and type that the browser declared; content begins at 1."""
    max_bytes: Mapped[int] = mapped_column(BigInteger)
    mark: Mapped[str | None] = mapped_column(String(32))
    """Keyed digest by which the sender's next browser recognises the same file, to go on with it."""
    covered: Mapped[bool] = mapped_column(default=False)
    """The sender says that zones were covered on the phone."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    link: Mapped[UploadLink] = relationship()
    slot: Mapped[Slot] = relationship()

    def reserved(self) -> int:
        """Return the bytes of case and organization that it holds while it is unfinished."""
        return self.max_bytes if self.length is None else self.length


class Slice(Base):
    """One acknowledged piece of an upload: an age payload in the blob store or in the row, its header here.

    Sealed to the quarantine key of the day with context {org, case, slot, upload, seq, offset}. `blob` is a fresh
    random name at each attempt, so that a torn attempt is an orphan, never a slice. Slice 0 is small and lies in the
    row itself (`payload`), so that it is durable with the upload.
    """

    __tablename__ = "slices"
    __table_args__ = (
        UniqueConstraint("upload_id", "seq"),
        CheckConstraint("(blob IS NULL) <> (payload IS NULL)", name="one_place"),
    )

    id: Mapped[NewId]
    upload_id: Mapped[str] = mapped_column(ForeignKey("uploads.id"), index=True)
    seq: Mapped[int]
    offset: Mapped[int] = mapped_column(BigInteger)
    length: Mapped[int] = mapped_column(BigInteger)
    blob: Mapped[str | None] = mapped_column(String(80), unique=True)
    payload: Mapped[bytes | None] = mapped_column(LargeBinary)
    header: Mapped[bytes] = mapped_column(LargeBinary)
    quarantine_key_id: Mapped[str] = mapped_column(ForeignKey("quarantine_keys.id"), index=True)
    created_at: Mapped[datetime]


class QuarantineKey(Due, Base):
    """The inspector's X25519 key of one day: private half only in the inspector's folder, destroyed when unused.

    `inspector_signature`: the inspector's Ed25519 over `statement()`, purpose `quarantine-key`. `custodian_signature`:
    the custodian's, purpose `certified-quarantine-key`, made after verifying the inspector's; only a certified key is
    sealed to. `due_at` asks the custodian to certify.
    """

    __tablename__ = "quarantine_keys"

    id: Mapped[NewId]
    day: Mapped[date] = mapped_column(Date, unique=True)
    public: Mapped[bytes] = mapped_column(LargeBinary)
    inspector_signature: Mapped[bytes] = mapped_column(LargeBinary)
    custodian_signature: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    destroyed_at: Mapped[datetime | None]

    def statement(self) -> dict[str, str | int]:
        """Return what inspector and custodian sign."""
        return statement(self.id, self.day, self.public)


def statement(key_id: str, day: date, public: bytes) -> dict[str, str | int]:
    """Return what inspector and custodian sign of a quarantine key."""
    return {"id": key_id, "day": day.isoformat(), "public": public.hex()}
