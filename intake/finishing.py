"""How an upload ends: as a document, as a page in a tray, or without either. Nothing here sees a byte of content.

Rules: the caller has locked the slot and then the upload; a document fills its slot and leaves its trace in one
transaction; a file that is sent by itself ends the tray of its slot.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

import audit
from audit import Event
from intake.errors import MalformedUpload, TrayFull
from records import quotas, trays
from records.cases import Case
from records.documents import Document
from records.errors import SlotTaken
from records.links import Visit
from records.notices import document_arrived
from records.requests import OPEN_SLOTS, Slot
from records.trays import Page
from records.uploads import Upload, UploadState
from storage.database import new_id


def complete(session: Session, visit: Visit, upload: Upload, slot: Slot, now: datetime) -> Document | None:
    """Make the document of an upload that has all its bytes, or lay it into the tray if it is a photo for one.

    The caller has locked slot and upload, in this order.
    """
    if slot.state not in OPEN_SLOTS:
        raise SlotTaken(f"slot {slot.id}")
    fix_at(session, upload, upload.offset)
    with session.no_autoflush:  # what was added goes out in one flush
        page = session.get(Page, upload.id)
        tray = trays.pages_in(session, slot.id, now)
    if page is not None:
        _gather(session, page, tray, slot, now)
        return None
    for left in tray:
        end_upload(session, left.upload, "replaced", now)
    return receive(session, visit, slot, [upload], now)


def receive(session: Session, visit: Visit, slot: Slot, files: Sequence[Upload], now: datetime) -> Document:
    """Make the document of one file, or of several that are its pages. The caller has locked slot and uploads."""
    for upload in files:
        upload.state = UploadState.FINISHED
    size = sum(upload.offset for upload in files)
    document = Document(
        id=new_id(),
        org_id=slot.org_id,
        case_id=visit.link.case_id,
        request_id=slot.request_id,
        slot=slot,
        upload=files[0],
        size=size,
        covered=any(upload.covered for upload in files),
        received_at=now,
        due_at=now,
    )
    session.add(document)
    slot.take(document.id, now)
    with session.no_autoflush:
        session.execute(
            update(Case)
            .where(Case.id == visit.link.case_id)
            .values(updated_at=now)
            .execution_options(synchronize_session=False)
        )
    details: dict[str, str | int] = {"document": document.id, "slot": slot.id, "bytes": size}
    if len(files) > 1:
        details["pages"] = len(files)
    if document.covered:
        details["covered"] = "yes"
    document_arrived(session, slot.request_id, now=now)
    trace(session, Event.CUSTOMER_UPLOAD_FINISHED, files[0], now, details)
    session.flush()
    return document


def _gather(session: Session, page: Page, tray: list[Page], slot: Slot, now: datetime) -> None:
    demand_room_in_tray(slot, tray, page.retakes, page.upload.offset)
    retaken = trays.put_in(page, tray, trays.gap_in(session, slot, tray), now)
    trace(session, Event.CUSTOMER_PAGE_GATHERED, page.upload, now, {"slot": slot.id, "bytes": page.upload.offset})
    if retaken is not None:
        end_upload(session, retaken.upload, "retaken", now)
    session.flush()


def demand_room_in_tray(slot: Slot, tray: Sequence[Page], retakes: str | None, length: int) -> None:
    """Raise TrayFull when the tray cannot take a photo of `length` bytes, MalformedUpload when there is no tray."""
    if not slot.requirement.takes_pages():
        raise MalformedUpload(f"slot {slot.id} has no tray")
    others = [page for page in tray if page.upload_id != retakes]
    size = sum(page.upload.offset for page in others) + length
    if len(others) >= slot.requirement.max_pages or size > slot.requirement.max_pdf_bytes:
        raise TrayFull(f"slot {slot.id}")


def end_upload(session: Session, upload: Upload, reason: str, now: datetime) -> None:
    """End an upload. What did not come of it is given back, and its file too if not a byte came."""
    upload.state = UploadState.ENDED
    trace(session, Event.CUSTOMER_UPLOAD_TERMINATED, upload, now, {"reason": reason})
    files, size = int(upload.offset == 0), upload.reserved() - upload.offset
    quotas.give_back(session, upload.link, files=files, size=size, opened_at=upload.created_at)


def fix_at(session: Session, upload: Upload, length: int) -> None:
    """Fix the length of an upload, and give back what it held beyond that."""
    surplus = upload.reserved() - length
    upload.length = length
    quotas.give_back(session, upload.link, files=0, size=surplus, opened_at=upload.created_at)


def trace(session: Session, event: Event, upload: Upload, now: datetime, details: dict[str, str | int]) -> None:
    audit.record(
        session,
        event,
        org_id=upload.org_id,
        actor_id=upload.link_id,
        subject_id=upload.id,
        case_id=upload.link.case_id,
        details=details,
        now=now,
    )
