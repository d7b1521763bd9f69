"""What the checklist shows of one request: cards, slots, their states and uploads under way.

Nothing that was sent is ever shown back: no name, no thumbnail, no hash; only that something came, when, and how far
it is.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.customer.reasons import DECLINED, Advice, advice
from portal.customer.visits import Visitor
from records import trays
from records.documents import Document
from records.links import UploadLink
from records.organizations import Organization, in_language
from records.requests import OPEN_SLOTS, WAITING_SLOTS, DocumentRequest, RequestState, Slot, SlotState
from records.requirements import Format, Requirement
from records.trays import Page
from records.uploads import Upload, UploadState
from records.withdrawing import UNDOABLE, undo_until

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """An upload that still receives in a slot. `mine`: this link may resume it."""

    id: str
    offset: int
    length: int | None
    mine: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PageView:
    """A photo in a tray: that it came, and how it was turned, in degrees."""

    id: str
    turn: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrayView:
    """Photos that wait to be sent together. `full`: no other fits; `gap`: the place of a refused one is empty."""

    pages: tuple[PageView, ...]
    edition: str
    full: bool
    gap: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotView:
    """One place for one document."""

    id: str
    side: str
    state: SlotState
    open: bool
    """Whether it takes a file."""
    waits: bool
    """Whether the customer has still to answer."""
    declines: bool
    """Whether the customer may answer that there is none."""
    declined: str | None
    """In words, why the customer sends none."""
    mended: bool
    """Whether another photo came in the place of the refused one, so that the tray can be sent again."""
    advice: Advice | None
    page: int | None
    """Which of several photos the advice is about."""
    note: str | None
    changed_at: datetime
    undo_until: datetime | None
    """Until when the file may be taken back."""
    pending: Pending | None
    tray: TrayView | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One requirement and its slots. Limits in MiB."""

    title: str
    why: str
    legal_basis: str
    retention: str
    required: bool
    image: bool
    pdf: bool
    office: bool
    image_limit: int
    pdf_limit: int
    image_bytes: int
    pdf_bytes: int
    accept: str
    pages: int
    """Most photos that become one document here; 1: each is one."""
    cover: str
    """What may be covered on a photo before it is sent; empty: nothing."""
    slots: tuple[SlotView, ...]

    @property
    def many(self) -> bool:
        """Whether photos become the pages of one document here."""
        return self.pages > 1

    @property
    def waits(self) -> bool:
        """Whether something is still to be sent here."""
        return any(slot.waits for slot in self.slots)


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """Who asks, and how to reach them."""

    name: str
    phone: str | None
    email: str | None
    timezone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checklist:
    """The whole page."""

    company: Company
    cards: tuple[Card, ...]
    expires_at: datetime
    cancelled: bool

    def slots(self, *, waits: bool) -> list[tuple[Card, SlotView]]:
        """Return the slots that wait for the customer, or the others, each with its card."""
        return [(card, slot) for card in self.cards for slot in card.slots if slot.waits == waits]

    @property
    def missing(self) -> int:
        """Required documents that are still to be sent, or answered for."""
        return sum(1 for card in self.cards if card.required for slot in card.slots if slot.waits)

    @property
    def total(self) -> int:
        """Required documents."""
        return sum(len(card.slots) for card in self.cards if card.required)

    @property
    def sent(self) -> int:
        """Documents that came or were answered for, whatever their state."""
        return sum(1 for card in self.cards for slot in card.slots if not slot.waits)

    @property
    def in_review(self) -> bool:
        """Whether a state may change by itself soon."""
        return any(slot.state == SlotState.RECEIVED for card in self.cards for slot in card.slots)

    @property
    def takes_photos(self) -> bool:
        """Whether photos are asked for."""
        return any(card.image for card in self.cards)

    @property
    def may_cover(self) -> bool:
        """Whether zones of a photo may be covered somewhere."""
        return any(card.cover for card in self.cards)

    def version(self) -> str:
        """Return a short digest that changes when anything on the page does."""
        shown = json.dumps([asdict(card) for card in self.cards], default=str, sort_keys=True)
        return hashlib.sha256(shown.encode()).hexdigest()[:16]


def company_of(org: Organization) -> Company:
    """Return what every page shows of the company."""
    return Company(name=org.name, phone=org.contact_phone, email=org.contact_email, timezone=org.timezone)


def checklist(session: Session, visitor: Visitor, language: str, *, now: datetime) -> Checklist:
    """Return the visitor's checklist in a language."""
    request = session.get_one(DocumentRequest, visitor.request_id)
    receiving = {
        upload.slot_id: upload
        for upload in session.scalars(
            select(Upload).join(Slot).where(Slot.request_id == request.id, Upload.state == UploadState.RECEIVING)
        )
    }
    standing = {slot.document_id for slot in request.slots if slot.state in UNDOABLE}
    sent = {
        document.slot_id: undo_until(document.slot, document, now)
        for document in session.scalars(select(Document).where(Document.id.in_(standing)))
    }
    cards: dict[str, list[Slot]] = {}
    for slot in request.slots:
        cards.setdefault(slot.requirement_id, []).append(slot)
    laid = {
        slot.id: _tray(session, slot, trays.pages_in(session, slot.id, now))
        for slot in request.slots
        if slot.state in OPEN_SLOTS and slot.requirement.takes_pages()
    }
    return Checklist(
        company=company_of(session.get_one(Organization, visitor.org_id)),
        cards=tuple(
            _card(
                slots[0].requirement,
                tuple(
                    _slot(slot, receiving.get(slot.id), laid.get(slot.id), sent.get(slot.id), visitor) for slot in slots
                ),
                language,
            )
            for slots in cards.values()
        ),
        expires_at=session.get_one(UploadLink, visitor.link_id).expires_at,
        cancelled=request.state == RequestState.CANCELLED,
    )


def _card(requirement: Requirement, slots: tuple[SlotView, ...], language: str) -> Card:
    image, pdf, office = (kind in requirement.formats for kind in (Format.IMAGE, Format.PDF, Format.OFFICE))
    return Card(
        title=in_language(requirement.title, language),
        why=in_language(requirement.why, language),
        legal_basis=in_language(requirement.legal_basis, language) if requirement.legal_basis else "",
        retention=in_language(requirement.retention, language),
        required=requirement.required,
        image=image,
        pdf=pdf,
        office=office,
        image_limit=requirement.max_image_bytes // MIB,
        pdf_limit=requirement.max_pdf_bytes // MIB,
        image_bytes=requirement.max_image_bytes,
        pdf_bytes=requirement.max_pdf_bytes,
        accept=",".join(["image/*"] * image + ["application/pdf"] * pdf + [".docx", ".xlsx"] * office),
        pages=requirement.max_pages if requirement.takes_pages() else 1,
        cover=in_language(requirement.may_cover, language) if requirement.may_cover and image else "",
        slots=slots,
    )


def _tray(session: Session, slot: Slot, pages: Sequence[Page]) -> TrayView:
    return TrayView(
        pages=tuple(PageView(id=page.upload_id, turn=page.turn) for page in pages),
        edition=trays.edition(pages),
        full=len(pages) >= slot.requirement.max_pages,
        gap=trays.gap_in(session, slot, pages) is not None,
    )


def _slot(
    slot: Slot, upload: Upload | None, tray: TrayView | None, undoable: datetime | None, visitor: Visitor
) -> SlotView:
    mended = slot.reason_page is not None and tray is not None and bool(tray.pages) and not tray.gap
    explained = slot.state in (SlotState.REFUSED, SlotState.RETURNED) and not mended
    return SlotView(
        id=slot.id,
        side=slot.side,
        state=SlotState(slot.state),
        open=slot.state in OPEN_SLOTS,
        waits=slot.state in WAITING_SLOTS,
        declines=slot.state in WAITING_SLOTS and slot.requirement.may_decline,
        declined=DECLINED.get(slot.reason or "") if slot.state in (SlotState.DECLINED, SlotState.WAIVED) else None,
        mended=mended,
        advice=advice(slot.reason, page=slot.reason_page is not None) if explained else None,
        page=slot.reason_page if explained else None,
        note=slot.note if slot.state == SlotState.RETURNED else None,
        changed_at=slot.changed_at,
        undo_until=undoable,
        pending=None
        if upload is None
        else Pending(id=upload.id, offset=upload.offset, length=upload.length, mine=upload.link_id == visitor.link_id),
        tray=tray,
    )
