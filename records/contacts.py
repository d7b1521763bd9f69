"""What the channels tell about a person's address: that nothing arrives there, or that it may have a new owner."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import Event, record
from records import links
from records.cases import Party
from records.links import UploadLink
from records.requests import DocumentRequest

ACTOR = "courier"


def note_unreachable(party: Party, now: datetime) -> None:
    """Flag an address that the channel cannot reach; the case shows it."""
    party.unreachable_since = party.unreachable_since or now


def note_reached(party: Party) -> None:
    """Something arrived: the flag goes."""
    party.unreachable_since = None


def doubt(session: Session, request: DocumentRequest, *, now: datetime) -> None:
    """Block every link of a request whose address may have a new owner, and hold what else would go there."""
    request.party.verify_since = request.party.verify_since or now
    wanted = select(UploadLink).where(UploadLink.request_id == request.id, UploadLink.revoked_at.is_(None))
    for link in session.scalars(wanted.order_by(UploadLink.id)):
        links.revoke(session, link, now=now)
        record(
            session,
            Event.COURIER_LINK_BLOCKED,
            org_id=request.org_id,
            actor_id=ACTOR,
            subject_id=link.id,
            case_id=request.case_id,
            details={"request": request.id, "reason": "identity"},
            now=now,
        )
