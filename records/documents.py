"""Documents: the only road from received to filed, and what the inspector must prove about every sealed part."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from records.errors import WrongState
from records.requests import Slot
from records.uploads import Upload
from storage.database import Base, NewId
from storage.due import Due

MIME = String(100).with_variant(String(60), "sqlite")
"""The longest type has 73 characters; SQLite minds no length, and would have to build the table anew to change it."""


class DocumentState(StrEnum):
    """RECEIVED waits for (or is under) inspection; FILED passed it; REFUSED did not; RECALLED passed and fell later.

    WITHDRAWN was taken back by its sender; nothing of its bytes is left.
    """

    RECEIVED = "received"
    FILED = "filed"
    REFUSED = "refused"
    RECALLED = "recalled"
    WITHDRAWN = "withdrawn"


MOVES = {
    DocumentState.RECEIVED: frozenset({DocumentState.FILED, DocumentState.REFUSED, DocumentState.WITHDRAWN}),
    DocumentState.FILED: frozenset({DocumentState.RECALLED, DocumentState.WITHDRAWN}),
    DocumentState.REFUSED: frozenset[DocumentState](),
    DocumentState.RECALLED: frozenset({DocumentState.WITHDRAWN}),
    DocumentState.WITHDRAWN: frozenset[DocumentState](),
}


class ReviewState(StrEnum):
    """What a person decided about a filed document."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    RETURNED = "returned"


class Tried:
    """A row whose work runs on untrusted bytes and may kill its worker."""

    unfinished: Mapped[int] = mapped_column(default=0)
    """Tries that began and came to no end, but for reasons outside the document: raised before, lowered after."""


class Document(Due, Tried, Base):
    """One file that a customer sent. While RECEIVED its bytes are the upload's slices; once FILED, its parts.

    `due_at`, lease and attempt drive the inspection; previews have a due row of their own (PreviewTask).
    """

    __tablename__ = "documents"

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"), index=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), index=True)
    request_id: Mapped[str] = mapped_column(ForeignKey("document_requests.id"), index=True)
    slot_id: Mapped[str] = mapped_column(ForeignKey("slots.id"), index=True)
    upload_id: Mapped[str] = mapped_column(ForeignKey("uploads.id"), unique=True)
    state: Mapped[DocumentState] = mapped_column(String(10), default=DocumentState.RECEIVED)
    size: Mapped[int] = mapped_column(BigInteger)
    """Plaintext bytes of the original; of photos sent together the sum, until the PDF made of them is filed."""
    covered: Mapped[bool] = mapped_column(default=False)
    """The customer says that zones were covered on the phone before sending."""
    finding: Mapped[str | None] = mapped_column(String(30))
    reason: Mapped[str | None] = mapped_column(String(60))
    reason_page: Mapped[int | None]
    """Photo that the reason is about, where several were sent together; numbered from 1."""
    threat: Mapped[str | None] = mapped_column(String(200))
    mime: Mapped[str | None] = mapped_column(MIME)
    """Type that the inspection proved (not the declared one)."""
    pages: Mapped[int | None]
    engine: Mapped[str | None] = mapped_column(String(60))
    signatures: Mapped[str | None] = mapped_column(String(60))
    received_at: Mapped[datetime]
    judged_at: Mapped[datetime | None]
    remarks: Mapped[list[str]] = mapped_column(default=list)
    """What a reviewer should know of a clean file: codes of `intake.inspection.verdicts.Remark`."""
    likeness: Mapped[bytes | None] = mapped_column(LargeBinary, index=True)
    """Keyed hash of the filed bytes, comparable inside the case only (intake.filing.Fingerprints); erased with them."""
    alike_id: Mapped[str | None] = mapped_column(String(32))
    """An earlier document of the case with the same bytes, which was alive when this one was filed."""
    rescanned_at: Mapped[datetime | None]
    rescanned_engine: Mapped[str | None] = mapped_column(String(60))
    rescanned_signatures: Mapped[str | None] = mapped_column(String(60))
    """Engine and signatures of the last re-scan that came to a result; those above let it pass."""
    rescan_failed_at: Mapped[datetime | None]
    """When the last re-scan was given up: the document could not be examined again."""
    review: Mapped[ReviewState] = mapped_column(String(10), default=ReviewState.PENDING)
    slot: Mapped[Slot] = relationship()
    upload: Mapped[Upload] = relationship()
    parts: Mapped[list["Part"]] = relationship(back_populates="document", order_by="Part.name")

    def move(self, state: DocumentState) -> None:
        """Change state along MOVES. Raises WrongState otherwise."""
        if state not in MOVES[DocumentState(self.state)]:
            raise WrongState(f"document {self.id} is {self.state}, cannot become {state}")
        self.state = state

    def scanned_again(self, *, engine: str | None, signatures: str | None, now: datetime) -> None:
        """Note a re-scan that came to a result."""
        self.rescanned_at, self.rescanned_engine, self.rescanned_signatures = now, engine, signatures
        self.rescan_failed_at = None

    def judged(self, review: ReviewState) -> None:
        """Take a person's decision on a filed, undecided document. Raises WrongState otherwise."""
        if self.state != DocumentState.FILED or self.review != ReviewState.PENDING:
            raise WrongState(f"document {self.id} is {self.state}/{self.review}")
        self.review = review


class Part(Base):
    """One sealed piece of a document: `original`, `meta` or `page-0001`... Header here, payload in the blob store.

    `attestation` is the inspector's Ed25519 (purpose `part`) over the fields of `attested`; opener and custodian verify
    it before they open. The state column alone opens nothing.
    """

    __tablename__ = "parts"
    __table_args__ = (UniqueConstraint("document_id", "name"),)

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"))
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"))
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id"), index=True)
    name: Mapped[str] = mapped_column(String(20))
    blob: Mapped[str] = mapped_column(String(80), unique=True)
    header: Mapped[bytes] = mapped_column(LargeBinary)
    header_sha256: Mapped[str] = mapped_column(String(64))
    payload_sha256: Mapped[str] = mapped_column(String(64))
    payload_size: Mapped[int] = mapped_column(BigInteger)
    mime: Mapped[str] = mapped_column(MIME)
    width: Mapped[int | None]
    height: Mapped[int | None]
    finding: Mapped[str] = mapped_column(String(30))
    engine: Mapped[str] = mapped_column(String(60))
    signatures: Mapped[str] = mapped_column(String(60))
    attestation: Mapped[bytes] = mapped_column(LargeBinary)
    document: Mapped[Document] = relationship(back_populates="parts")

    def attested(self) -> dict[str, str | int]:
        """Return the statement that the inspector signs."""
        return {
            "org": self.org_id,
            "case": self.case_id,
            "document": self.document_id,
            "part": self.name,
            "header_sha256": self.header_sha256,
            "payload_sha256": self.payload_sha256,
            "payload_size": self.payload_size,
            "mime": self.mime,
            "finding": self.finding,
            "engine": self.engine,
            "signatures": self.signatures,
        }


class PreviewTask(Due, Tried, Base):
    """Asks for a filed document's page images. Slices go only when it is done or given up."""

    __tablename__ = "preview_tasks"

    id: Mapped[NewId]
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id"), unique=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    """Keyed hash of the judged bytes (intake.filing.Fingerprint): only these are drawn."""
    done_at: Mapped[datetime | None]
    gave_up: Mapped[bool] = mapped_column(default=False)


class FilingIntent(Base):
    """The name of an object that is about to be written into the vault and is not a part yet."""

    __tablename__ = "filing_intents"

    id: Mapped[NewId]
    blob: Mapped[str] = mapped_column(String(80), unique=True)
    created_at: Mapped[datetime] = mapped_column(index=True)
