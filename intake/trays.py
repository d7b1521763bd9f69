"""What the customer does with a tray of photos before sending it, and the sending. Nothing here sees a byte of content.

Rules: every change stands behind the lock of the slot's row, so that of many requests one wins; a tray is sent as its
sender saw it or not at all, and sending it twice makes one document.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from intake import finishing
from intake.errors import TrayChanged
from records import trays
from records.documents import Document
from records.errors import NotFound, SlotTaken
from records.links import Visit, living_visit
from records.requests import OPEN_SLOTS, Slot
from records.trays import Page


class Change(StrEnum):
    """What may be done with one page."""

    EARLIER = "earlier"
    LATER = "later"
    TURN = "turn"
    REMOVE = "remove"


def arrange(session: Session, *, visit_id: str, slot_id: str, page_id: str, change: Change, now: datetime) -> None:
    """Move, turn or remove one page. Raises LinkClosed, NotFound, SlotTaken, TrayChanged (the page is not there)."""
    slot = _open_slot(session, living_visit(session, visit_id, now), slot_id)
    pages = trays.pages_in(session, slot.id, now)
    page = next((page for page in pages if page.upload_id == page_id), None)
    if page is None:
        raise TrayChanged(f"slot {slot_id}")
    match change:
        case Change.EARLIER:
            trays.move(pages, page, -1)
        case Change.LATER:
            trays.move(pages, page, +1)
        case Change.TURN:
            trays.turn(page)
        case Change.REMOVE:
            finishing.end_upload(session, page.upload, "removed", now)
    session.flush()


def send(session: Session, *, visit_id: str, slot_id: str, edition: str, now: datetime) -> Document:
    """Make one document of the pages in the tray, if they are still what `edition` names; the slot is taken by it.

    Sending the same edition again returns the same document. Raises LinkClosed, NotFound, SlotTaken, TrayChanged.
    """
    visit = living_visit(session, visit_id, now)
    slot = _locked(session, visit, slot_id)
    if slot.state not in OPEN_SLOTS:
        return _sent_before(session, slot, edition)
    pages = trays.pages_in(session, slot.id, now, lock=True)
    if not pages or trays.edition(pages) != edition:
        raise TrayChanged(f"slot {slot_id}")
    document = finishing.receive(session, visit, slot, [page.upload for page in pages], now)
    for page in pages:
        page.document_id = document.id
    session.flush()
    return document


def _sent_before(session: Session, slot: Slot, edition: str) -> Document:
    pages: list[Page] = trays.pages_of(session, slot.document_id) if slot.document_id else []
    if not pages or trays.edition(pages) != edition:
        raise SlotTaken(f"slot {slot.id}")
    return session.get_one(Document, slot.document_id)


def _open_slot(session: Session, visit: Visit, slot_id: str) -> Slot:
    slot = _locked(session, visit, slot_id)
    if slot.state not in OPEN_SLOTS:
        raise SlotTaken(f"slot {slot_id}")
    return slot


def _locked(session: Session, visit: Visit, slot_id: str) -> Slot:
    slot = session.get(Slot, slot_id, with_for_update=True, populate_existing=True)
    if slot is None or slot.request_id != visit.link.request_id:
        raise NotFound(f"slot {slot_id}")
    return slot
