"""Uploads as rows: claim a slot, acknowledge slices, finish as a document, end. Nothing here sees a byte of content.

Rules: each change is one conditional UPDATE or stands behind a row lock, so that of many requests one wins; rows are
locked in the order slot, upload, link, case, organization; a slice is acknowledged only while its visit lives, its link
is not revoked, and the key it is sealed to exists; finishing makes the document, fills the slot and leaves its trace in
one transaction.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from audit import Event
from intake import finishing
from intake.daykey import still_open
from intake.errors import (
    EmptyFile,
    OffsetConflict,
    QuarantineKeyMissing,
    TooLarge,
    UploadEnded,
    UploadNotFound,
)
from intake.standing import NOTHING_TOLD, Piece, Standing, Told, standing_of
from records import quotas, trays
from records.consents import has_accepted
from records.documents import Document
from records.errors import NotFound, NoticeChanged, SlotTaken
from records.escalations import customer_acted
from records.links import Visit, living_visit
from records.requests import OPEN_SLOTS, Slot
from records.trays import Page
from records.uploads import UPLOAD_LIFE, Slice, Upload, UploadState


def check_room(
    session: Session,
    *,
    visit_id: str,
    slot_id: str,
    length: int | None,
    replaces: str | None,
    now: datetime,
    told: Told = NOTHING_TOLD,
) -> Visit:
    """Return the visit if its slot would take an upload now; tells early what `open_upload` decides.

    Raises LinkClosed, NotFound (a slot of another request), SlotTaken, QuotaExceeded, EmptyFile, TooLarge, TrayFull,
    and NoticeChanged: a newer privacy notice comes before the first byte.
    """
    visit = living_visit(session, visit_id, now)
    if not has_accepted(session, visit):
        raise NoticeChanged(f"visit {visit_id}")
    _limit_of(session, visit, _slot(session, slot_id), length, told, now)
    taken = select(Upload.id).where(
        Upload.slot_id == slot_id, Upload.state == UploadState.RECEIVING, Upload.expires_at > now
    )
    if any(upload_id != replaces for upload_id in session.scalars(taken)):
        raise SlotTaken(f"slot {slot_id}")
    return visit


def _limit_of(session: Session, visit: Visit, slot: Slot, length: int | None, told: Told, now: datetime) -> int:
    if slot.request_id != visit.link.request_id:
        raise NotFound(f"slot {slot.id}")
    if slot.state not in OPEN_SLOTS:
        raise SlotTaken(f"slot {slot.id}")
    if length == 0:
        raise EmptyFile(f"slot {slot.id}")
    limit = slot.requirement.max_bytes()
    if told.page:
        limit = slot.requirement.max_image_bytes
        finishing.demand_room_in_tray(slot, trays.pages_in(session, slot.id, now), told.retakes, length or 1)
    if length is not None and length > limit:
        raise TooLarge(limit)
    quotas.check(session, visit.link, size=length or 1, reserved=limit if length is None else length, now=now)
    return limit


def open_upload(
    session: Session,
    *,
    upload_id: str,
    visit_id: str,
    slot_id: str,
    length: int | None,
    replaces: str | None,
    pieces: Sequence[Piece],
    now: datetime,
    told: Told = NOTHING_TOLD,
) -> Standing:
    """Claim the slot and one file of the link's quota for a new upload.

    `pieces` are its sealed name and type and, where they came already, its first bytes: with the last byte it is
    finished too. An upload of the slot that has expired makes room; one that still receives does so only when
    `replaces` names it. Of parallel claims one wins, the others get SlotTaken. Raises as `check_room` does, and
    QuarantineKeyMissing.
    """
    slot = _slot(session, slot_id, lock=True)
    visit = living_visit(session, visit_id, now)
    limit = _limit_of(session, visit, slot, length, told, now)
    _make_room(session, visit, slot_id, replaces, now)
    came = sum(piece.length for piece in pieces[1:])
    if came > (limit if length is None else length):
        raise TooLarge(limit if length is None else length)
    upload = Upload(
        id=upload_id,
        org_id=visit.link.org_id,
        link=visit.link,
        visit_id=visit.id,
        slot_id=slot_id,
        length=length,
        slices=len(pieces),
        offset=came,
        state=UploadState.RECEIVING,
        max_bytes=limit,
        mark=told.mark,
        covered=told.covered,
        created_at=now,
        expires_at=now + UPLOAD_LIFE,
    )
    session.add(upload)
    if told.page:
        session.add(Page(upload=upload, slot_id=slot_id, retakes=told.retakes))
    try:
        session.flush()
    except IntegrityError:  # the partial unique index: another claim was first
        raise SlotTaken(f"slot {slot_id}") from None
    _keep(session, upload_id, pieces, now)
    visit.last_seen_at = now
    finishing.trace(session, Event.CUSTOMER_UPLOAD_STARTED, upload, now, {"slot": slot_id})
    customer_acted(session, visit.link, now=now)
    if length == came:
        finishing.complete(session, visit, upload, slot, now)
    session.flush()
    quotas.claim(session, visit.link, size=came, reserved=upload.reserved(), now=now)
    return standing_of(upload)


def standing(session: Session, *, visit_id: str, upload_id: str, now: datetime) -> Standing:
    """Return how far an upload of this visit's link is. Raises LinkClosed, UploadNotFound, UploadEnded."""
    visit = living_visit(session, visit_id, now)
    return standing_of(_living_upload(session, visit.link_id, upload_id, now))


def fix_length(session: Session, *, visit_id: str, upload_id: str, length: int, now: datetime) -> Standing:
    """Announce the length of an upload that deferred it. Raises TooLarge, EmptyFile, OffsetConflict when it differs."""
    visit = living_visit(session, visit_id, now)
    upload = _living_upload(session, visit.link_id, upload_id, now, lock=True)
    if length == 0:
        raise EmptyFile(upload_id)
    if length > upload.max_bytes:
        raise TooLarge(upload.max_bytes)
    if length < upload.offset or upload.length not in (None, length):
        raise OffsetConflict(upload_id, upload.offset)
    finishing.fix_at(session, upload, length)
    session.flush()
    return standing_of(upload)


def acknowledge(session: Session, *, visit_id: str, upload_id: str, piece: Piece, now: datetime) -> Standing:
    """Make a durable slice part of the upload; the one that completes the announced length also finishes it.

    Raises LinkClosed (revoked since), QuotaExceeded, UploadEnded, QuarantineKeyMissing (destroyed since), and
    OffsetConflict when another slice was acknowledged at this offset: of many, one wins.
    """
    visit = living_visit(session, visit_id, now)
    upload = _living_upload(session, visit.link_id, upload_id, now)
    end = piece.offset + piece.length
    limit = upload.max_bytes if upload.length is None else upload.length
    if end > limit:
        raise TooLarge(limit)
    slot = None
    if upload.length == end:
        slot = _slot(session, upload.slot_id, lock=True)
    claimed: Any = session.execute(
        update(Upload)
        .where(
            Upload.id == upload_id,
            Upload.state == UploadState.RECEIVING,
            Upload.offset == piece.offset,
            Upload.slices == piece.seq,
        )
        .values(offset=end, slices=piece.seq + 1)
        .execution_options(synchronize_session=False)
    )
    session.refresh(upload)
    if claimed.rowcount != 1:
        _require_receiving(upload)
        raise OffsetConflict(upload_id, upload.offset)
    quotas.claim_bytes(session, visit.link, piece.length)
    _keep(session, upload_id, [piece], now)
    visit.last_seen_at = now
    if slot is not None:
        finishing.complete(session, visit, upload, slot, now)
    session.flush()
    return standing_of(upload)


def finish(session: Session, *, visit_id: str, upload_id: str, now: datetime) -> Document | None:
    """Fix count and length of a complete upload and make its document, due for inspection; the slot is taken by it.

    A photo for a tray becomes a page there instead: None. Finishing a second time returns the same: of many, one makes
    it. Raises LinkClosed, UploadEnded, EmptyFile, OffsetConflict (bytes are missing), SlotTaken.
    """
    visit = living_visit(session, visit_id, now)
    upload = _living_upload(session, visit.link_id, upload_id, now)
    slot = _slot(session, upload.slot_id, lock=True)
    session.refresh(upload, with_for_update=True)
    if upload.state in (UploadState.FINISHED, UploadState.GATHERED):
        return session.scalars(select(Document).where(Document.upload_id == upload_id)).one_or_none()
    _require_receiving(upload)
    if upload.offset == 0:
        raise EmptyFile(upload_id)
    if upload.length not in (None, upload.offset):
        raise OffsetConflict(upload_id, upload.offset)
    return finishing.complete(session, visit, upload, slot, now)


def terminate(session: Session, *, visit_id: str, upload_id: str, now: datetime, reason: str = "asked") -> None:
    """End an upload that still receives; the sweep takes its slices. Raises LinkClosed, UploadNotFound, UploadEnded."""
    visit = living_visit(session, visit_id, now)
    upload = _living_upload(session, visit.link_id, upload_id, now, lock=True)
    _require_receiving(upload)
    finishing.end_upload(session, upload, reason, now)
    session.flush()


def slices_of(session: Session, upload_id: str) -> Sequence[Slice]:
    """Return the acknowledged slices of an upload in their order: number 0 is the sealed name and type."""
    return session.scalars(select(Slice).where(Slice.upload_id == upload_id).order_by(Slice.seq)).all()


def _slot(session: Session, slot_id: str, *, lock: bool = False) -> Slot:
    """Return a slot with its requirement, as the database has it now. Raises NotFound."""
    found = (
        select(Slot)
        .where(Slot.id == slot_id)
        .options(joinedload(Slot.requirement, innerjoin=True))
        .execution_options(populate_existing=True)
    )
    slot = session.scalars(found.with_for_update(of=Slot) if lock else found).first()
    if slot is None:
        raise NotFound(f"slot {slot_id}")
    return slot


def _living_upload(session: Session, link_id: str, upload_id: str, now: datetime, *, lock: bool = False) -> Upload:
    upload = session.get(Upload, upload_id, populate_existing=True, with_for_update=lock or None)
    if upload is None or upload.link_id != link_id:
        raise UploadNotFound(f"upload {upload_id}")
    if upload.state == UploadState.ENDED or (upload.state == UploadState.RECEIVING and upload.expires_at <= now):
        raise UploadEnded(f"upload {upload_id}")
    return upload


def _require_receiving(upload: Upload) -> None:
    if upload.state == UploadState.ENDED:
        raise UploadEnded(f"upload {upload.id}")
    if upload.state != UploadState.RECEIVING:
        raise OffsetConflict(upload.id, upload.offset)


def _receiving(slot_id: str) -> Any:
    return select(Upload).where(Upload.slot_id == slot_id, Upload.state == UploadState.RECEIVING)


def _make_room(session: Session, visit: Visit, slot_id: str, replaces: str | None, now: datetime) -> None:
    """End what stood in the slot; from here on the link is locked: case and organization come behind it, never before.

    Raises SlotTaken.
    """
    there = session.scalars(_receiving(slot_id).with_for_update()).all()
    if any(upload.id != replaces and upload.expires_at > now for upload in there):
        raise SlotTaken(f"slot {slot_id}")
    quotas.lock(session, visit.link)
    for upload in there:
        finishing.end_upload(session, upload, "replaced" if upload.id == replaces else "expired", now)
    session.flush()


def _keep(session: Session, upload_id: str, pieces: Sequence[Piece], now: datetime) -> None:
    for key_id in {piece.key_id for piece in pieces}:
        if not still_open(session, key_id):
            raise QuarantineKeyMissing(f"key {key_id} was destroyed")
    session.add_all(
        Slice(
            upload_id=upload_id,
            seq=piece.seq,
            offset=piece.offset,
            length=piece.length,
            blob=piece.blob,
            payload=piece.payload,
            header=piece.header,
            quarantine_key_id=piece.key_id,
            created_at=now,
        )
        for piece in pieces
    )
