"""Sharing a request's link by hand: copy, send again, revoke. Each leaves a trace; the token itself is never stored."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import Event, record
from records import links, messages
from records.cases import CaseState
from records.errors import NotFound, WrongState
from records.links import UploadLink
from records.messages import UNKNOWN_WAIT, Message, MessageState, Purpose
from records.people import Member
from records.policy import Action, require
from records.requests import DocumentRequest, RequestState, get_request

ON_THE_WAY = (MessageState.QUEUED, MessageState.SENDING)


def copy_link(session: Session, member: Member, request_id: str, *, now: datetime) -> UploadLink:
    """Return the open link of a request, a new one where the old is closed. Raises NotFound, Forbidden, WrongState."""
    request = _request_for(session, member, request_id, Action.COPY_LINK)
    link = links.issue(session, request, now=now)
    request.code_failures = 0  # a person gives the link anew, and whoever locked it by wrong codes starts over
    _note(session, Event.STAFF_LINK_COPIED, member, request, link.id, now)
    return link


def revoke_link(session: Session, member: Member, request_id: str, *, now: datetime) -> None:
    """Close every link of a request before its next acknowledgement. Raises NotFound, Forbidden, WrongState."""
    request = _request_for(session, member, request_id, Action.REVOKE_LINK, open_only=False)
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
    """Queue the request's message once more: also the way a person settles one whose outcome stays unknown.

    Raises NotFound, Forbidden; WrongState while one is on its way or may still be confirmed.
    """
    request = _request_for(session, member, request_id, Action.REQUEST_DOCUMENTS)
    session.execute(select(DocumentRequest.id).where(DocumentRequest.id == request.id).with_for_update())
    for sent in messages.messages_of_request(session, request.id):
        if sent.purpose == Purpose.CODE:
            continue
        settling = sent.state == MessageState.UNKNOWN and now - sent.changed_at < UNKNOWN_WAIT
        if sent.state in ON_THE_WAY or settling:
            raise WrongState(f"message {sent.id} is {sent.state}")
    link = links.issue(session, request, now=now)
    request.code_failures = 0
    message = messages.queue(session, request=request, link=link, purpose=Purpose.REQUEST, now=now)
    _note(session, Event.STAFF_MESSAGE_QUEUED, member, request, message.id, now)
    request.case.updated_at = now
    return message


def cancel_request(session: Session, member: Member, request_id: str, *, now: datetime) -> None:
    """Ask no longer: links and live visits stop at once, a message that has not left stays behind.

    Raises NotFound, Forbidden; WrongState when the request is complete or cancelled.
    """
    request = _request_for(session, member, request_id, Action.REQUEST_DOCUMENTS)
    session.execute(select(DocumentRequest.id).where(DocumentRequest.id == request.id).with_for_update())
    session.refresh(request)
    request.cancel()
    request.case.updated_at = now
    _note(session, Event.STAFF_REQUEST_CANCELLED, member, request, request.id, now)


def _request_for(
    session: Session, member: Member, request_id: str, action: Action, *, open_only: bool = True
) -> DocumentRequest:
    request = get_request(session, org_id=member.org_id, request_id=request_id)
    if request.case.org_id != member.org_id:
        raise NotFound(f"request {request_id}")
    require(member, action, request.case)
    ended = request.state in (RequestState.CANCELLED, RequestState.COMPLETE) or request.case.state != CaseState.OPEN
    if open_only and ended:
        raise WrongState(f"request {request.id} is {request.state}")
    return request


def _note(
    session: Session, event: Event, member: Member, request: DocumentRequest, subject_id: str, now: datetime
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
