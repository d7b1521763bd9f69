"""Sharing a request's link by hand: copy, send again, revoke. Each leaves a trace; the token itself is never stored."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import Event, record
from records import links, steering
from records.errors import InvalidValue, NotFound, WrongState
from records.links import UploadLink
from records.messages import Message
from records.people import Member
from records.policy import Action, require
from records.requests import DocumentRequest, get_request


class Way(StrEnum):
    """How a person hands a link over."""

    LINK = "link"  # copied
    QR = "qr"  # from screen to phone
    WHATSAPP = "whatsapp"  # a chat of the executive's own phone, typed and not sent


def copy_link(
    session: Session, member: Member, request_id: str, *, untrusted_way: str = Way.LINK, now: datetime
) -> UploadLink:
    """Return the open link of a request, a new one where the old is closed; the trail says in which way it is shown.

    Raises NotFound, Forbidden, WrongState, InvalidValue.
    """
    if untrusted_way not in set(Way):
        raise InvalidValue("way", "unknown")
    request = _request_for(session, member, request_id, Action.COPY_LINK)
    if untrusted_way == Way.WHATSAPP and not request.party.phone:
        raise InvalidValue("phone", "required")
    actor = steering.Actor(id=member.id, event=Event.STAFF_LINK_COPIED)
    return steering.hand_over(session, request, actor, now=now, way=untrusted_way)


def revoke_link(session: Session, member: Member, request_id: str, *, now: datetime) -> None:
    """Close every link of a request before its next acknowledgement. Raises NotFound, Forbidden, WrongState."""
    request = _request_for(session, member, request_id, Action.REVOKE_LINK)
    found = session.scalars(
        select(UploadLink).where(UploadLink.request_id == request.id, UploadLink.revoked_at.is_(None))
    ).all()
    if not found:
        raise WrongState(f"request {request.id} has no link to revoke")
    for link in found:
        links.revoke(session, link, now=now)
        _note(session, Event.STAFF_LINK_REVOKED, member, request, link.id, now)
    request.case.updated_at = now


def send_again(session: Session, member: Member, request_id: str, *, now: datetime) -> Message:
    """Queue the request's message once more, as a reminder where one has left for the customer before.

    Also the way a person settles a message whose outcome stays unknown. Raises NotFound, Forbidden; WrongState while
    one is on its way or may still be confirmed.
    """
    request = _request_for(session, member, request_id, Action.REQUEST_DOCUMENTS)
    actor = steering.Actor(id=member.id, event=Event.STAFF_MESSAGE_QUEUED)
    return steering.send_again(session, request, actor, now=now)


def cancel_request(session: Session, member: Member, request_id: str, *, now: datetime) -> None:
    """Ask no longer: links and live visits stop at once, a message that has not left stays behind.

    Raises NotFound, Forbidden; WrongState when the request is complete or cancelled.
    """
    request = _request_for(session, member, request_id, Action.REQUEST_DOCUMENTS)
    steering.cancel(session, request, steering.Actor(id=member.id, event=Event.STAFF_REQUEST_CANCELLED), now=now)


def _request_for(session: Session, member: Member, request_id: str, action: Action) -> DocumentRequest:
    request = get_request(session, org_id=member.org_id, request_id=request_id)
    if request.case.org_id != member.org_id:
        raise NotFound(f"request {request_id}")
    require(member, action, request.case)
    return request


def _note(
    session: Session,
    event: Event,
    member: Member,
    request: DocumentRequest,
    subject_id: str,
    now: datetime,
) -> None:
    record(
        session,
        event,
        org_id=request.org_id,
        actor_id=member.id,
        subject_id=subject_id,
        case_id=request.case_id,
        details={"request": request.id},
        now=now,
    )
