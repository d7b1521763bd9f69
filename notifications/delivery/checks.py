"""What is asked of a message before each attempt: whether its cause still stands and its person may be written to."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from records.cases import Party
from records.challenges import challenge_of
from records.channels import has_address, refused
from records.links import newest_link
from records.messages import Channel, Message, MessageState, Purpose
from records.reminders import when_allowed
from records.requests import RequestState

WAITED = timedelta(minutes=15)
"""What leaves sooner was sent when it was due, or by a person."""


def reason_to_stop(session: Session, message: Message, now: datetime) -> str | None:
    """Return why this message must not go (any more), else None."""
    if message.state != MessageState.QUEUED:
        return "already_" + message.state
    stop = _code_ended(session, message, now) if message.purpose == Purpose.CODE else link_ended(message, now)
    if stop is not None:
        return stop
    party = message.request.party
    if not _has_address(message, party):
        return "no_address"
    if refused(session, Channel(message.channel), party):
        return "opted_out"
    return None


def quiet_until(session: Session, message: Message, now: datetime) -> datetime | None:
    """Return when a reminder or notice that waited in the outbox may leave: its customer may be asleep by now."""
    by_itself = message.purpose in (Purpose.REMINDER, Purpose.RECEIVED)
    if not by_itself or now - message.created_at < WAITED:
        return None
    opening = when_allowed(session, message.request, now)
    return opening if opening > now else None


def follow_link(session: Session, message: Message, now: datetime) -> None:
    """Carry the newest link of the request when the message's own was superseded while it waited."""
    if message.link.superseded_at is None or message.link.revoked_at is not None or message.purpose == Purpose.CODE:
        return
    newest = newest_link(session, message.request_id)
    if newest is not None and newest.accepts_activation(now):
        message.link = newest


def _has_address(message: Message, party: Party) -> bool:
    if message.channel == Channel.WHATSAPP and message.purpose == Purpose.CODE:
        return bool(party.phone)  # a code goes to no business-scoped id (131062)
    return has_address(Channel(message.channel), party)


def link_ended(message: Message, now: datetime) -> str | None:
    """Return why the link that a message carries is of no use any more, else None."""
    thanks = message.purpose == Purpose.RECEIVED and message.request.state == RequestState.COMPLETE
    if message.request.state in (RequestState.CANCELLED, RequestState.COMPLETE) and not thanks:
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
