"""Sending: one message of the outbox goes to its channel, at most once as far as anybody can know.

Rules: `sending` and the attempt are committed before the POST; an outcome that nobody knows stays `unknown` until a
status that carries the attempt's id, or a person, settles it: it is never sent again by itself. Every change of a
message stands behind its row lock, so that a status which arrives meanwhile is never overwritten. The message never
outlives its link; words, phone and token are put together here and stored nowhere.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audit import Event
from notifications.delivery.checks import follow_link, link_ended, quiet_until, reason_to_stop
from notifications.delivery.composing import Post, Tools, compose, template_of
from notifications.delivery.failing import again, elsewhere, fail, undelivered
from notifications.delivery.noting import note
from notifications.delivery.routing import LOOK_AGAIN, Hold, Route, in_window, route
from notifications.mail.client import MailOutcome
from notifications.outcomes import HandedOver, TurnedDown
from notifications.sms.client import SmsOutcome
from notifications.whatsapp.client import Accepted, NotSent, Refused, SendOutcome, Unknown
from notifications.whatsapp.errors import InvalidMessage
from records import channels
from records.breakers import recipient_key
from records.budgets import claim_conversation
from records.messages import Channel, Message, MessageAttempt, MessageState, Purpose, WaitReason
from records.pacing import claim_turn, give_turn_back
from records.requests import RequestState
from storage.database import new_id
from storage.due import Lease, renew, settle

Outcome = SendOutcome | MailOutcome | SmsOutcome | InvalidMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ready:
    """One attempt, gathered while `sending` was committed."""

    attempt_id: str
    post: Post


def deliver(tools: Tools, held: Lease) -> None:
    """Hand one message to its channel and commit what became of it, fenced by the lease."""
    ready = _begin(tools, held)
    if ready is None:
        return
    _finish(tools, held, ready, _post(ready))


def _begin(tools: Tools, held: Lease) -> _Ready | None:
    """Commit `sending` with a new attempt, or settle a message that must not go now (or ever)."""
    now = tools.clock()
    with tools.database.transaction() as session:
        message = _locked(session, held, now)
        if message.state in (MessageState.SENDING, MessageState.UNKNOWN):  # cut off between the commit and the answer
            _unknown(session, message, held, now)
            return None
        if message.state in (MessageState.ACCEPTED, MessageState.SENT):  # and nobody has told that it arrived
            settle(session, Message, held)
            _late(session, message, now)
            return None
        follow_link(session, message, now)
        if not message.pinned:
            message.channel = channels.first_channel(session, message)
        stop = reason_to_stop(session, message, now)
        if stop is not None:
            settle(session, Message, held)
            _cancel(session, message, stop, now)
            return None
        opening = quiet_until(session, message, now)
        if opening is not None:
            settle(session, Message, held)
            message.wait(WaitReason.QUIET, opening, now)
            return None
        way = _way(session, message, now) if message.channel == Channel.WHATSAPP else _doubted(message, now)
        if isinstance(way, Hold):
            settle(session, Message, held)
            _wait(session, message, way, now)
            return None
        attempt_id = new_id()
        post = compose(tools, session, message, way, attempt_id)
        if post is None:
            settle(session, Message, held)
            message.error = "no_sender"
            if not elsewhere(session, message, now):
                fail(session, message, "no_sender", now)
            return None
        message.state, message.changed_at, message.waits_for, message.held_by = MessageState.SENDING, now, None, None
        session.add(_attempt(session, message, way, attempt_id, now))
        return _Ready(attempt_id=attempt_id, post=post)


def _way(session: Session, message: Message, now: datetime) -> Route | Hold | None:
    """Choose number and template, and claim this person's turn and a place in the day's budget."""
    found = route(session, message, template_of(message), now)
    if not isinstance(found, Route):
        return found
    recipient = recipient_key(message.request.party)
    free_at = claim_turn(session, sender_id=found.sender.id, recipient=recipient, now=now)
    if free_at is not None and message.purpose != Purpose.CODE:  # for which somebody waits: bursts are allowed
        return Hold(why=WaitReason.PAIR, until=free_at)
    if in_window(session, found.sender, message, now):
        return found
    room_at = claim_conversation(session, found.sender, recipient, now=now)
    return found if room_at is None else Hold(why=WaitReason.BUDGET, until=room_at)


def _doubted(message: Message, now: datetime) -> Hold | None:
    """Hold what would reach a phone in doubt by another way than WhatsApp, which asks the same when it is routed."""
    if message.channel == Channel.EMAIL or message.request.party.verify_since is None:
        return None
    return Hold(why=WaitReason.VERIFY, until=now + LOOK_AGAIN)


def _wait(session: Session, message: Message, hold: Hold, now: datetime) -> None:
    if hold.elsewhere:
        message.error = hold.reason
        if elsewhere(session, message, now):
            return
        if hold.forever:
            fail(session, message, hold.reason, now)
            return
    message.wait(hold.why, hold.until, now, held_by=hold.breaker_id)


def _attempt(session: Session, message: Message, way: Route | None, attempt_id: str, now: datetime) -> MessageAttempt:
    made = session.scalar(select(func.count()).where(MessageAttempt.message_id == message.id)) or 0
    return MessageAttempt(
        id=attempt_id,
        message_id=message.id,
        number=made + 1,
        started_at=now,
        channel=message.channel,
        sender_id=way.sender.id if way is not None else None,
        template=f"{way.template}/{way.language}" if way is not None else None,
    )


def _post(ready: _Ready) -> Outcome:
    try:
        return ready.post()
    except InvalidMessage as invalid:
        return invalid


def _finish(tools: Tools, held: Lease, ready: _Ready, outcome: Outcome) -> None:
    now = tools.clock()
    with tools.database.transaction() as session:
        message = _locked(session, held, now)
        attempt = session.get_one(MessageAttempt, ready.attempt_id)
        attempt.ended_at = now
        settle(session, Message, held, due_at=message.due_at if message.state == MessageState.QUEUED else None)
        if isinstance(outcome, Accepted):
            attempt.wamid = outcome.wamid
            attempt.recipient = outcome.wa_id or attempt.recipient
            attempt.recipient_user = outcome.user_id or attempt.recipient_user
        if attempt.outcome is not None:  # a status was faster than the answer, and has had its effect
            return
        if message.state != MessageState.SENDING and not isinstance(outcome, Accepted | HandedOver):
            attempt.outcome = "overtaken"
            return
        if isinstance(outcome, Refused | NotSent) and attempt.sender_id is not None:
            give_turn_back(session, attempt.sender_id, recipient_key(message.request.party), now)
        _settled(session, message, attempt, outcome, now)


def _settled(
    session: Session,
    message: Message,
    attempt: MessageAttempt,
    outcome: Outcome,
    now: datetime,
) -> None:
    """Write what became of the attempt into it and into its message."""
    match outcome:
        case Accepted() | HandedOver():
            attempt.outcome = "accepted"
            message.wamid = outcome.wamid if isinstance(outcome, Accepted) else None
            message.error = None
            message.advance(MessageState.ACCEPTED, now)
            message.due_at = channels.watched_until(session, message, now)
            note(session, Event.COURIER_MESSAGE_SENT, message, now, {"attempt": attempt.id})
        case TurnedDown():
            attempt.outcome, attempt.error = "refused", outcome.code
            _turned_down(session, message, outcome, now)
        case Refused(error=error):
            undelivered(session, message, error, now, attempt=attempt)
            attempt.outcome, attempt.error = "refused", message.error
        case NotSent():
            attempt.outcome = "not_sent"
            message.error = "not_sent"
            message.state = MessageState.QUEUED
            message.wait(WaitReason.NOT_SENT, now + _pause(attempt.number), now)
        case Unknown():
            attempt.outcome = "unknown"
            message.state, message.changed_at = MessageState.UNKNOWN, now
        case InvalidMessage():
            attempt.outcome, attempt.error = "refused", outcome.code
            fail(session, message, outcome.code, now)


def _turned_down(session: Session, message: Message, refused: TurnedDown, now: datetime) -> None:
    """Send again later what relay or service refused for now; what it refused for good goes another way, or fails."""
    message.error = refused.code
    if refused.again:
        again(session, message, now)
    elif not elsewhere(session, message, now):
        fail(session, message, refused.code, now)


def _late(session: Session, message: Message, now: datetime) -> None:
    """Try the next channel with what no phone has confirmed, unless its link has served or nothing is wanted."""
    served = message.purpose == Purpose.REQUEST and message.request.state != RequestState.REQUESTED
    if not served and link_ended(message, now) is None:
        message.error = "not_delivered"
        elsewhere(session, message, now)


def _unknown(session: Session, message: Message, held: Lease, now: datetime) -> None:
    """Nobody knows whether it left: a status that carries the attempt's id settles it, or a person does."""
    message.state, message.changed_at = MessageState.UNKNOWN, now
    settle(session, Message, held)


def _locked(session: Session, held: Lease, now: datetime) -> Message:
    """Return the message as it is behind its row lock. Raises LostLease: then nothing is posted or changed."""
    renew(session, Message, held, now=now)
    return session.get_one(Message, held.id, populate_existing=True)


def _cancel(session: Session, message: Message, why: str, now: datetime) -> None:
    if message.state == MessageState.QUEUED:
        message.state, message.error, message.changed_at = MessageState.CANCELLED, why, now
        message.waits_for = message.held_by = None
        note(session, Event.COURIER_MESSAGE_FAILED, message, now, {"reason": why})


def _pause(number: int) -> timedelta:
    return timedelta(seconds=min(4.0**number, 60) * (1 + random.random() / 2))  # noqa: S311 (jitter)
