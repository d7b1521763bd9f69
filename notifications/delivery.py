"""Delivery: one message of the outbox goes to its channel, at most once as far as anybody can know.

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

from audit import Event, record
from notifications.composing import Post, Tools, compose
from notifications.mail.client import MailAccepted, MailOutcome, MailRefused
from notifications.whatsapp.client import Accepted, NotSent, Refused, SendOutcome, Unknown
from notifications.whatsapp.errors import Disposition, InvalidMessage, backoff
from records.cases import Party
from records.challenges import challenge_of
from records.links import newest_link
from records.messages import Channel, Message, MessageAttempt, MessageState, Purpose, channel_of
from records.optouts import opted_out
from records.requests import RequestState
from storage.database import new_id, utcnow
from storage.due import Lease, renew, settle

ACTOR = "courier"
HELD = timedelta(minutes=1)
"""Wait of a message whose sender or template needs a person first."""


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
    """Commit `sending` with a new attempt, or settle a message that must not go (any more)."""
    now = utcnow()
    with tools.database.transaction() as session:
        message = _locked(session, held, now)
        if message.state in (MessageState.SENDING, MessageState.UNKNOWN):  # cut off between the commit and the answer
            _unknown(session, message, held, now)
            return None
        _follow_link(session, message, now)
        message.channel = channel_of(message.request.party, message.purpose)
        stop = _reason_to_stop(session, message, now)
        if stop is not None:
            settle(session, Message, held)
            _cancel(session, message, stop, now)
            return None
        attempt_id = new_id()
        post = compose(tools, session, message, attempt_id)
        if post is None:
            settle(session, Message, held)
            _fail(session, message, "no_sender", now)
            return None
        message.state, message.changed_at = MessageState.SENDING, now
        number = _number(session, message)
        session.add(MessageAttempt(id=attempt_id, message_id=message.id, number=number, started_at=now))
        return _Ready(attempt_id=attempt_id, post=post)


def _post(ready: _Ready) -> SendOutcome | MailOutcome | InvalidMessage:
    try:
        return ready.post()
    except InvalidMessage as invalid:
        return invalid


def _finish(tools: Tools, held: Lease, ready: _Ready, outcome: SendOutcome | MailOutcome | InvalidMessage) -> None:
    now = utcnow()
    with tools.database.transaction() as session:
        message = _locked(session, held, now)
        attempt = session.get_one(MessageAttempt, ready.attempt_id)
        attempt.ended_at = now
        if message.state != MessageState.SENDING and not isinstance(outcome, Accepted | MailAccepted):
            attempt.outcome = "overtaken"  # a status was faster than the answer, and knows more
            settle(session, Message, held)
            return
        match outcome:
            case Accepted() | MailAccepted():
                settle(session, Message, held)
                attempt.outcome = "accepted"
                message.wamid = outcome.wamid if isinstance(outcome, Accepted) else None
                message.error = None
                message.advance(MessageState.ACCEPTED, now)
                _record(session, Event.COURIER_MESSAGE_SENT, message, now, {"attempt": attempt.id})
            case MailRefused():
                attempt.outcome, attempt.error = "refused", outcome.code
                _mail_refused(session, message, held, outcome, now)
            case Refused(error=error):
                attempt.outcome, attempt.error = "refused", str(error.code)
                _refused(session, message, held, outcome, now)
            case NotSent():
                attempt.outcome = "not_sent"
                message.state, message.error = MessageState.QUEUED, "not_sent"
                settle(session, Message, held, due_at=now + _wait(attempt.number))
            case Unknown():
                attempt.outcome = "unknown"
                _unknown(session, message, held, now)
            case InvalidMessage():
                settle(session, Message, held)
                attempt.outcome, attempt.error = "refused", outcome.code
                _fail(session, message, outcome.code, now)


def _refused(session: Session, message: Message, held: Lease, refused: Refused, now: datetime) -> None:
    """Act on the platform's refusal by its row of the table: again later, hold, or fail."""
    error = refused.error
    rule = error.rule
    message.error = str(error.code)
    tries = _number(session, message) - 1
    wait: timedelta | None = None
    if rule.disposition in (Disposition.RETRY_LATER, Disposition.THROTTLE_SENDER, Disposition.PAUSE_RECIPIENT):
        wait = backoff(tries, jitter=random.random(), retry_after=error.retry_after)  # noqa: S311 (jitter)
    elif rule.same_message_again:
        wait = rule.hold or HELD
    if wait is None:
        settle(session, Message, held)
        _fail(session, message, str(error.code), now)
        return
    message.state, message.changed_at = MessageState.QUEUED, now
    settle(session, Message, held, due_at=now + wait)


def _mail_refused(session: Session, message: Message, held: Lease, refused: MailRefused, now: datetime) -> None:
    """Send again later what the relay refused for now (4xx); what it refused for good fails."""
    message.error = refused.code
    wait = backoff(_number(session, message) - 1, jitter=random.random()) if refused.again else None  # noqa: S311 (jitter)
    if wait is None:
        settle(session, Message, held)
        _fail(session, message, refused.code, now)
        return
    message.state, message.changed_at = MessageState.QUEUED, now
    settle(session, Message, held, due_at=now + wait)


def _unknown(session: Session, message: Message, held: Lease, now: datetime) -> None:
    """Nobody knows whether it left: a status that carries the attempt's id settles it, or a person does."""
    message.state, message.changed_at = MessageState.UNKNOWN, now
    settle(session, Message, held)


def _locked(session: Session, held: Lease, now: datetime) -> Message:
    """Return the message as it is behind its row lock. Raises LostLease: then nothing is posted or changed."""
    renew(session, Message, held, now=now)
    return session.get_one(Message, held.id, populate_existing=True)


def _reason_to_stop(session: Session, message: Message, now: datetime) -> str | None:
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


def _has_address(message: Message, party: Party) -> bool:
    match Channel(message.channel):
        case Channel.WHATSAPP:  # which sends a code to a phone only, not to a business-scoped id (131062)
            return bool(party.phone or (party.bsuid and message.purpose != Purpose.CODE))
        case Channel.EMAIL:
            return bool(party.email)


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


def _follow_link(session: Session, message: Message, now: datetime) -> None:
    """Carry the newest link of the request when the message's own was superseded while it waited."""
    if message.link.superseded_at is None or message.link.revoked_at is not None or message.purpose == Purpose.CODE:
        return
    newest = newest_link(session, message.request_id)
    if newest is not None and newest.accepts_activation(now):
        message.link = newest


def _cancel(session: Session, message: Message, why: str, now: datetime) -> None:
    if message.state == MessageState.QUEUED:
        message.state, message.error, message.changed_at = MessageState.CANCELLED, why, now
        _record(session, Event.COURIER_MESSAGE_FAILED, message, now, {"reason": why})


def _fail(session: Session, message: Message, why: str, now: datetime) -> None:
    if message.fail(why, now):
        _record(session, Event.COURIER_MESSAGE_FAILED, message, now, {"reason": why})


def _record(session: Session, event: Event, message: Message, now: datetime, details: dict[str, str]) -> None:
    record(
        session,
        event,
        org_id=message.org_id,
        actor_id=ACTOR,
        subject_id=message.id,
        case_id=message.case_id,
        now=now,
        details={"request": message.request_id, **details},
    )


def _number(session: Session, message: Message) -> int:
    """The number of the next attempt, from 1."""
    made = session.scalar(select(func.count()).where(MessageAttempt.message_id == message.id))
    return (made or 0) + 1


def _wait(number: int) -> timedelta:
    return timedelta(seconds=min(4.0**number, 60) * (1 + random.random() / 2))  # noqa: S311 (jitter)
