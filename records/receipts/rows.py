"""Receipts as rows: asked for by the customer, gathered and made by the courier, opened by whoever holds the number.

Steps: REQUESTED. The courier gathers what was filed, and records an event that commits to all of it: GATHERED. The
custodian chooses a checkpoint that covers the event and asks for its time stamp. The courier joins proof and stamp,
draws the PDF and forgets the secret: READY. Both texts lie sealed under the receipt's own secret.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, LargeBinary, String, exists, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from audit import Event, record
from records.errors import NotFound, RecordsError, WrongState
from records.links import UploadLink
from records.receipts.secret import ReceiptSecret
from records.requests import Slot, SlotState
from storage.database import Base
from storage.due import Due
from storage.sealing.box import Box

TABLE = "receipts"
AN_HOUR = 10
"""Receipts that one request may ask for in an hour: more than anybody needs, fewer than would keep the courier busy."""
PDF_LIFE = timedelta(hours=24)
"""The PDF stays as long as the link lives, and at least this long. The facts stay; they are small and sealed."""
FILED = (SlotState.FILED, SlotState.ACCEPTED, SlotState.RETURNED)
"""States of a slot whose document was filed."""


class ReceiptState(StrEnum):
    """How far a receipt is."""

    REQUESTED = "requested"
    GATHERED = "gathered"
    READY = "ready"


class TooManyReceipts(RecordsError):
    """So many receipts were asked for in the last hour that no further one is made now."""

    code = "too_many_requests"


class Receipt(Due, Base):
    """One receipt. `id` is derived from its secret; `facts` and `pdf` are sealed under it."""

    __tablename__ = TABLE
    __table_args__ = (Index(None, "request_id", "created_at"), Index(None, "due_at", "lease_until"))

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"))
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), index=True)
    request_id: Mapped[str] = mapped_column(ForeignKey("document_requests.id"))
    link_id: Mapped[str] = mapped_column(ForeignKey("upload_links.id"))
    language: Mapped[str] = mapped_column(String(2))
    state: Mapped[ReceiptState] = mapped_column(String(10), default=ReceiptState.REQUESTED)
    created_at: Mapped[datetime]
    ready_at: Mapped[datetime | None]
    sealed_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The secret on its way from portal to courier; gone once the receipt is ready."""
    event_id: Mapped[str | None] = mapped_column(String(32))
    """The audit event that commits to the content: the checkpoint must cover it."""
    checkpoint_id: Mapped[str | None] = mapped_column(String(32))
    facts: Mapped[bytes | None] = mapped_column(LargeBinary)
    pdf: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    pdf_until: Mapped[datetime | None]

    def secret(self, handover: Box) -> ReceiptSecret:
        """Return the secret that the portal handed over. Raises WrongState when it is gone, BoxRefused when foreign."""
        if self.sealed_secret is None:
            raise WrongState(f"receipt {self.id} is {self.state}")
        text = handover.open(self.sealed_secret, table=TABLE, row=self.id, column="sealed_secret").decode()
        secret = ReceiptSecret.read(text)
        if secret.receipt_id() != self.id:
            raise WrongState(f"receipt {self.id} has another secret")
        return secret

    def seal(self, column: str, content: bytes, secret: ReceiptSecret) -> bytes:
        """Return content of a column (`facts`, `pdf`), sealed under the receipt's secret."""
        return secret.box().seal(content, table=TABLE, row=self.id, column=column)

    def open(self, column: str, sealed: bytes | None, secret: ReceiptSecret) -> bytes:
        """Return what `seal` sealed. Raises NotFound when there is nothing, BoxRefused when it was not sealed so."""
        if sealed is None:
            raise NotFound(f"receipt {self.id} {column}")
        return secret.box().open(sealed, table=TABLE, row=self.id, column=column)


def request_receipt(
    session: Session, link: UploadLink, *, secret: ReceiptSecret, handover: Box, language: str, now: datetime
) -> Receipt:
    """Ask for a receipt of all that was filed for the link's request, and record it.

    Raises WrongState when nothing was filed yet or something is still being examined, TooManyReceipts.
    """
    if not may_be_asked(session, link.request_id):
        raise WrongState(f"request {link.request_id} has nothing to acknowledge yet")
    _claim(session, link, now)
    receipt_id = secret.receipt_id()
    sealed = handover.seal(secret.text.encode(), table=TABLE, row=receipt_id, column="sealed_secret")
    receipt = Receipt(
        id=receipt_id,
        org_id=link.org_id,
        case_id=link.case_id,
        request_id=link.request_id,
        link_id=link.id,
        language=language,
        created_at=now,
        sealed_secret=sealed,
        due_at=now,
    )
    session.add(receipt)
    record(
        session,
        Event.CUSTOMER_RECEIPT_REQUESTED,
        org_id=link.org_id,
        actor_id=link.id,
        subject_id=receipt_id,
        case_id=link.case_id,
        now=now,
    )
    return receipt


def may_be_asked(session: Session, request_id: str) -> bool:
    """Whether something was filed for the request and nothing is under inspection."""
    states = set(session.scalars(select(Slot.state).where(Slot.request_id == request_id)))
    return SlotState.RECEIVED not in states and not states.isdisjoint(FILED)


def find_receipt(session: Session, secret: ReceiptSecret) -> Receipt:
    """Return the receipt of a number. Raises NotFound."""
    receipt = session.get(Receipt, secret.receipt_id())
    if receipt is None:
        raise NotFound("receipt")
    return receipt


def is_superseded(session: Session, receipt: Receipt) -> bool:
    """Whether a later receipt of the same request is ready."""
    later = exists().where(
        Receipt.request_id == receipt.request_id,
        Receipt.created_at > receipt.created_at,
        Receipt.state == ReceiptState.READY,
    )
    return bool(session.scalar(select(later)))


def expired_pdfs(session: Session, now: datetime) -> bool:
    """Whether there is a PDF whose time is over."""
    over = exists().where(Receipt.pdf_until <= now, Receipt.pdf.is_not(None))
    return bool(session.scalar(select(over)))


def drop_expired_pdfs(session: Session, now: datetime) -> None:
    """Forget the PDFs whose time is over; the facts stay for the verification page."""
    session.execute(update(Receipt).where(Receipt.pdf_until <= now, Receipt.pdf.is_not(None)).values(pdf=None))


def _claim(session: Session, link: UploadLink, now: datetime) -> None:
    """Let one request after the other ask for receipts of a link, and few in an hour."""
    session.scalars(select(UploadLink.id).where(UploadLink.id == link.id).with_for_update()).one()
    recent = select(func.count()).where(
        Receipt.request_id == link.request_id, Receipt.created_at > now - timedelta(hours=1)
    )
    if (session.scalar(recent) or 0) >= AN_HOUR:
        raise TooManyReceipts(f"request {link.request_id}")
