"""Steering a request that runs: send its message again, hand its link over, extend it, cancel it.

For whoever may, an executive or a CRM: the caller has asked the policy, and says how the trail calls it. Rules: what
has ended stays ended; nothing is sent while another message of the request may still arrive.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from audit import Event, record
from records import links, messages
from records.cases import CaseState
from records.errors import CaseClosed, ContactOptedOut, InvalidValue, LinkEnded, MessagePending, RequestEnded
from records.links import UploadLink
from records.messages import UNKNOWN_WAIT, Message, MessageState, Purpose
from records.optouts import opted_out
from records.reminders import look_again
from records.requests import DocumentRequest, RequestState, locked_request

ON_THE_WAY = (MessageState.QUEUED, MessageState.SENDING)
MOST_DAYS = 30
"""How far ahead a request may be extended at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts, and the event of the trail that tells of it."""

    id: str
    event: Event


def send_again(session: Session, request: DocumentRequest, actor: Actor, *, now: datetime) -> Message:
    """Queue the request's message once more, as a reminder where one has left for the customer before.

    Also the way a person settles one whose outcome stays unknown. Raises RequestEnded, CaseClosed; ContactOptedOut;
    MessagePending while one is on its way or may still be confirmed.
    """
    request = locked_request(session, request.id)
    demand_open(request)
    if opted_out(session, request.party) and not request.party.email:
        raise ContactOptedOut(f"party {request.party_id}")
    for sent in messages.messages_of_request(session, request.id):
        if sent.purpose == Purpose.CODE:
            continue
        settling = sent.state == MessageState.UNKNOWN and now - sent.changed_at < UNKNOWN_WAIT
        if sent.state in ON_THE_WAY or settling:
            raise MessagePending(f"message {sent.id} is {sent.state}")
    link = links.issue(session, request, now=now)
    request.code_failures = 0  # a person gives the link anew, and whoever locked it by wrong codes starts over
    purpose = Purpose.REMINDER if messages.has_left(session, request.id) else Purpose.REQUEST
    message = messages.queue(session, request=request, link=link, purpose=purpose, now=now)
    _note(session, request, actor, message.id, now)
    return message


def hand_over(session: Session, request: DocumentRequest, actor: Actor, *, now: datetime, **details: str) -> UploadLink:
    """Return the open link for whoever sends it themselves, a new one where the old is closed.

    `details` go into the trail. Raises RequestEnded, CaseClosed.
    """
    request = locked_request(session, request.id)
    demand_open(request)
    link = links.issue(session, request, now=now)
    request.code_failures = 0
    _note(session, request, actor, link.id, now, **details)
    return link


def extend(session: Session, request: DocumentRequest, actor: Actor, *, days: int, now: datetime) -> UploadLink:
    """Let request and link live `days` from now, where that is longer: the link that the customer has opens again.

    Raises RequestEnded, CaseClosed; InvalidValue beyond MOST_DAYS; LinkEnded for a revoked link.
    """
    if not 1 <= days <= MOST_DAYS:
        raise InvalidValue("days", "out_of_bounds")
    request = locked_request(session, request.id)
    demand_open(request)
    link = links.newest_link(session, request.id)
    if link is None or link.revoked_at is not None or link.superseded_at is not None:
        raise LinkEnded(f"request {request.id}")
    until = now + timedelta(days=days)
    request.expires_at, link.expires_at = max(request.expires_at, until), max(link.expires_at, until)
    look_again(session, request.id, now=now)
    _note(session, request, actor, request.id, now)
    look_again(session, request.id, now=now)
    return link


def cancel(session: Session, request: DocumentRequest, actor: Actor, *, now: datetime) -> None:
    """Ask no longer: links and live visits stop at once, a message that has not left stays behind.

    Raises RequestEnded when the request is complete or cancelled, CaseClosed.
    """
    request = locked_request(session, request.id)
    demand_open(request)
    request.cancel()
    _note(session, request, actor, request.id, now)


def demand_open(request: DocumentRequest) -> None:
    """Raise RequestEnded or CaseClosed unless something is still asked for."""
    if request.state in (RequestState.CANCELLED, RequestState.COMPLETE):
        raise RequestEnded(request.id, request.state)
    if request.case.state != CaseState.OPEN:
        raise CaseClosed(f"case {request.case_id}")


def _note(
    session: Session, request: DocumentRequest, actor: Actor, subject_id: str, now: datetime, **details: str
) -> None:
    request.case.updated_at = now
    record(
        session,
        actor.event,
        org_id=request.org_id,
        actor_id=actor.id,
        subject_id=subject_id,
        case_id=request.case_id,
        details={"request": request.id, **details},
        now=now,
    )
