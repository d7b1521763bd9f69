"""What a person does with one message: send it again, by another channel, or not at all. Each leaves a trace.

Rules: a message that the courier holds at this moment is left alone; one whose outcome is unknown waits for a status
first, so that nothing goes twice in a hurry; a code is never touched: whoever waits for it asks for another.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import Event, record
from records import channels, links
from records.cases import Case, CaseState, Party
from records.errors import InvalidValue, NotFound, WrongState
from records.messages import UNKNOWN_WAIT, Message, MessageState, Purpose, WaitReason
from records.people import Member
from records.policy import Action, require
from records.requests import DocumentRequest, RequestState

ENDED = (RequestState.CANCELLED, RequestState.COMPLETE)


def may_go_again(message: Message, now: datetime) -> bool:
    """Whether a person may send it again, by this channel or another."""
    match MessageState(message.state):
        case MessageState.FAILED:
            free = True
        case MessageState.QUEUED:
            free = message.waits_for is not None and not _held(message, now)
        case MessageState.UNKNOWN:
            free = now - message.changed_at >= UNKNOWN_WAIT
        case _:
            free = False
    return free and message.purpose != Purpose.CODE and message.request.state not in ENDED


def may_cancel(message: Message, now: datetime) -> bool:
    """Whether it can still be stopped."""
    queued = message.state == MessageState.QUEUED and not _held(message, now)
    return queued and message.purpose != Purpose.CODE


def retry(session: Session, member: Member, message_id: str, *, now: datetime) -> Message:
    """Send a message again now, with an open link. Raises NotFound, Forbidden, WrongState."""
    message = _again(session, member, message_id, now)
    message.state, message.changed_at, message.due_at = MessageState.QUEUED, now, now
    message.tries, message.shortened = 0, False
    message.waits_for = message.held_by = None
    _note(session, Event.STAFF_MESSAGE_RETRIED, member, message, now)
    return message


def move(session: Session, member: Member, message_id: str, *, untrusted_channel: str, now: datetime) -> Message:
    """Send a message by another channel now. Raises NotFound, Forbidden, WrongState, InvalidValue."""
    message = _again(session, member, message_id, now)
    channel = next((each for each in channels.other_channels(session, message) if each == untrusted_channel), None)
    if channel is None:
        raise InvalidValue("channel", "unknown")
    message.move_to(channel, now)
    _note(session, Event.STAFF_MESSAGE_MOVED, member, message, now, channel=channel.value)
    return message


def cancel(session: Session, member: Member, message_id: str, *, now: datetime) -> Message:
    """Stop a message that has not left. Raises NotFound, Forbidden, WrongState."""
    message = _locked(session, member, message_id)
    if not may_cancel(message, now):
        raise WrongState(f"message {message.id} is {message.state}")
    message.state, message.error, message.changed_at, message.due_at = MessageState.CANCELLED, "by_staff", now, None
    message.waits_for = message.held_by = None
    _note(session, Event.STAFF_MESSAGE_CANCELLED, member, message, now)
    return message


def confirm_contact(session: Session, member: Member, party_id: str, *, now: datetime) -> Party:
    """Say that an address is still this person's. Raises NotFound, Forbidden, WrongState."""
    wanted = select(Party).where(Party.id == party_id, Party.org_id == member.org_id).with_for_update()
    party = session.scalars(wanted).first()
    if party is None:
        raise NotFound(f"party {party_id}")
    case = session.get_one(Case, party.case_id)
    require(member, Action.HANDLE_MESSAGES, case)
    if party.verify_since is None:
        raise WrongState(f"party {party_id} is not in doubt")
    party.verify_since = None
    waiting = (
        select(Message)
        .join(DocumentRequest, DocumentRequest.id == Message.request_id)
        .where(DocumentRequest.party_id == party.id, Message.state == MessageState.QUEUED)
        .where(Message.waits_for == WaitReason.VERIFY, Message.lease_until.is_(None))
    )
    for message in session.scalars(waiting.with_for_update(of=Message, skip_locked=True)):
        message.due_at, message.waits_for = now, None
    record(
        session,
        Event.STAFF_CONTACT_VERIFIED,
        org_id=case.org_id,
        actor_id=member.id,
        subject_id=party.id,
        case_id=case.id,
        now=now,
    )
    return party


def _again(session: Session, member: Member, message_id: str, now: datetime) -> Message:
    message = _locked(session, member, message_id)
    if not may_go_again(message, now) or message.request.case.state != CaseState.OPEN:
        raise WrongState(f"message {message.id} is {message.state}")
    message.link = links.issue(session, message.request, now=now)
    return message


def _locked(session: Session, member: Member, message_id: str) -> Message:
    wanted = select(Message).where(Message.id == message_id, Message.org_id == member.org_id)
    message = session.scalars(wanted.with_for_update(of=Message).execution_options(populate_existing=True)).first()
    if message is None:
        raise NotFound(f"message {message_id}")
    require(member, Action.HANDLE_MESSAGES, message.request.case)
    return message


def _held(message: Message, now: datetime) -> bool:
    """Whether the courier works on it at this moment."""
    return message.lease_until is not None and message.lease_until > now


def _note(session: Session, event: Event, member: Member, message: Message, now: datetime, **more: str) -> None:
    record(
        session,
        event,
        org_id=message.org_id,
        actor_id=member.id,
        subject_id=message.id,
        case_id=message.case_id,
        now=now,
        details={"request": message.request_id, **more},
    )
