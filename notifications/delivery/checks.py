"""What is asked of a message before each attempt: whether its cause still stands and its person may be written to."""

from datetime import datetime

from sqlalchemy.orm import Session

from records.cases import Party
from records.challenges import challenge_of
from records.links import newest_link
from records.messages import Channel, Message, MessageState, Purpose
from records.optouts import opted_out
from records.requests import RequestState


def reason_to_stop(session: Session, message: Message, now: datetime) -> str | None:
    """Return why this message must not go (any more), else None."""
    if message.state != MessageState.QUEUED:
        return "already_" + message.state
    stop = _code_ended(session, message, now) if message.purpose == Purpose.CODE else _link_ended(message, now)
    if stop is not None:
        return stop
    party = message.request.party
    if not _has_address(message, party):
        return "no_address"
    if opted_out(session, party):
        return "opted_out"
    return None


def follow_link(session: Session, message: Message, now: datetime) -> None:
    """Carry the newest link of the request when the message's own was superseded while it waited."""
    if message.link.superseded_at is None or message.link.revoked_at is not None or message.purpose == Purpose.CODE:
        return
    newest = newest_link(session, message.request_id)
    if newest is not None and newest.accepts_activation(now):
        message.link = newest


def _has_address(message: Message, party: Party) -> bool:
    match Channel(message.channel):
        case Channel.WHATSAPP:  # which sends a code to a phone only, not to a business-scoped id (131062)
            return bool(party.phone or (party.bsuid and message.purpose != Purpose.CODE))
        case Channel.EMAIL:
            return bool(party.email)
        case Channel.CRM:  # which knows the person; without a conversation another channel follows
            return True


def _link_ended(message: Message, now: datetime) -> str | None:
    if message.request.state in (RequestState.CANCELLED, RequestState.COMPLETE):
        return "request_" + message.request.state
    return None if message.link.accepts_activation(now) else "link_closed"


def _code_ended(session: Session, message: Message, now: datetime) -> str | None:
    """A code belongs to a visit that is under way, whatever became of its link for new ones."""
    if message.request.state == RequestState.CANCELLED:
        return "request_cancelled"
    if message.link.revoked_at is not None:
        return "link_closed"
    challenge = challenge_of(session, message.id)
    return None if challenge is not None and challenge.is_open(now) else "code_ended"
