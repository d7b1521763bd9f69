"""Trays: the photos of a slot that wait to be sent together, as the pages of one document.

Rules: a photo is an upload of its own, and its page shows once the upload is complete (GATHERED); nothing of a tray is
a document until it is sent; order and turn may change until then and never after; whoever changes a tray holds the
lock of its slot's row. What was sent comes back into the tray only when one of its pages was refused, without that one.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from records.documents import Document
from records.requests import Slot
from records.uploads import UPLOAD_LIFE, Upload, UploadState
from storage.database import Base

QUARTER = 90
FULL_TURN = 360


class Page(Base):
    """One photo of a tray, known by its upload. `turn` is clockwise, in degrees: 0, 90, 180 or 270."""

    __tablename__ = "tray_pages"

    upload_id: Mapped[str] = mapped_column(ForeignKey("uploads.id"), primary_key=True)
    slot_id: Mapped[str] = mapped_column(ForeignKey("slots.id"), index=True)
    position: Mapped[int] = mapped_column(default=0)
    """Rank among the pages of the tray; gaps mean nothing."""
    turn: Mapped[int] = mapped_column(default=0)
    retakes: Mapped[str | None] = mapped_column(String(32))
    """Upload of the page whose place this photo takes once it is complete."""
    document_id: Mapped[str | None] = mapped_column(ForeignKey("documents.id"), index=True)
    """The document that it became a page of."""
    upload: Mapped[Upload] = relationship(lazy="joined", innerjoin=True)


def pages_in(session: Session, slot_id: str, now: datetime, *, lock: bool = False) -> list[Page]:
    """Return the pages that lie in the tray of a slot, in their order.

    With `lock` they stay there until the commit: the sweep, which ends what expired, holds no lock of the slot.
    """
    wanted = (
        select(Page)
        .join(Upload)
        .where(Page.slot_id == slot_id, Upload.state == UploadState.GATHERED, Upload.expires_at > now)
        .order_by(Page.position)
    )
    return list(session.scalars(wanted.with_for_update(of=Upload) if lock else wanted))


def pages_of(session: Session, document_id: str) -> list[Page]:
    """Return the pages that were sent together as a document, in their order; none for a file sent by itself."""
    return list(session.scalars(select(Page).where(Page.document_id == document_id).order_by(Page.position)))


def reopen(session: Session, document: Document, refused: int, now: datetime) -> int:
    """Lay the pages of a refused document back into the tray of its slot, but for page `refused`, numbered from 1.

    Returns how many. The refused page is all that the document keeps; the others are judged anew when they are sent
    again. The caller holds the lock of the slot's row.
    """
    pages = pages_of(session, document.id)
    if not 1 <= refused <= len(pages):
        return 0
    document.upload = pages.pop(refused - 1).upload  # an upload leads one document, and the first may be sent again
    for page in pages:
        page.document_id = None
        page.upload.state, page.upload.expires_at = UploadState.GATHERED, now + UPLOAD_LIFE
    return len(pages)


def gap_in(session: Session, slot: Slot, pages: Sequence[Page]) -> int | None:
    """Return the rank of the page that was refused while no other photo stands there, None when nothing is missing."""
    if slot.reason_page is None or slot.document_id is None:
        return None
    refused = pages_of(session, slot.document_id)
    taken = {page.position for page in pages}
    return next((page.position for page in refused if page.position not in taken), None)


def edition(pages: Sequence[Page]) -> str:
    """Return what changes with every change of a tray: the sender sends what they saw, or nothing."""
    told = json.dumps([[page.upload_id, page.turn] for page in pages])
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def put_in(page: Page, others: Sequence[Page], gap: int | None, now: datetime) -> Page | None:
    """Lay a photo that is complete into the tray of `others`: in the place of the one it retakes, in the gap, or last.

    Returns the retaken page, whose upload the caller ends. All pages live on together from now.
    """
    retaken = next((other for other in others if other.upload_id == page.retakes), None)
    if retaken is not None:
        page.position = retaken.position
    else:
        page.position = gap if gap is not None else max((other.position for other in others), default=0) + 1
    page.upload.state, page.upload.length = UploadState.GATHERED, page.upload.offset
    for one in (page, *others):
        one.upload.expires_at = now + UPLOAD_LIFE
    return retaken


def turn(page: Page) -> None:
    """Turn a page by a quarter, clockwise."""
    page.turn = (page.turn + QUARTER) % FULL_TURN


def move(pages: Sequence[Page], page: Page, by: int) -> None:
    """Exchange a page with the one before (`by` -1) or behind it (+1); at the edge nothing happens."""
    there = pages.index(page) + by
    if 0 <= there < len(pages):
        other = pages[there]
        page.position, other.position = other.position, page.position
