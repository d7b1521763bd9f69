"""Failing: what becomes of a message that its channel refused, at once or by a later status, as the table says.

Called behind the message's row lock. The same message row goes on, with the same link: later, on another channel, or
not at all; nothing is dropped without a state that a person sees.
"""

import random
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from audit import Event
from notifications.delivery.noting import note
from notifications.whatsapp.errors import ApiError, Disposition, backoff
from records import channels, contacts
from records.alarms import AlarmKind, raise_alarm
from records.breakers import Scope, open_breaker, pause, recipient_key, template_key
from records.escalations import CallReason, raise_call
from records.messages import Channel, Message, MessageAttempt, MessageState, Purpose, WaitReason
from records.senders import WhatsAppSender
from records.templates import ask_resync

MARKETING_HOLD = timedelta(hours=24)
TEMPLATE_RETRY = {132001: timedelta(minutes=15), 132015: timedelta(hours=6)}
"""How long a template is left alone when no webhook says more; the others wait for one, or for a person."""


def undelivered(
    session: Session, message: Message, error: ApiError, now: datetime, *, attempt: MessageAttempt | None = None
) -> None:
    """Act on the channel's refusal of the newest attempt by its row of the table."""
    message.error = _code(error)
    rule = error.rule
    match rule.disposition:
        case Disposition.RETRY_LATER | Disposition.RESEND_AS_TEMPLATE:  # what the outbox sends is a template
            again(session, message, now, least=error.retry_after)
        case Disposition.THROTTLE_SENDER:
            _slow_down(session, message, error, _sender_id(attempt), now)
        case Disposition.PAUSE_RECIPIENT:
            _slow_down(session, message, error, None, now)
        case Disposition.PAUSE_SENDER:
            _stop_sender(session, message, error, attempt, None, now)
        case Disposition.PAUSE_INITIATED:
            _stop_sender(session, message, error, attempt, now + (rule.hold or MARKETING_HOLD), now)
        case Disposition.HOLD_TEMPLATE:
            _stop_template(session, message, error, attempt, now)
        case Disposition.SHORTEN:
            _shorten(session, message, now)
        case Disposition.UNDELIVERABLE:
            contacts.note_unreachable(message.request.party, now)
            _elsewhere_or_fail(session, message, now)
        case Disposition.FALLBACK:
            _withheld(session, message, error, now)
        case Disposition.SUPPRESS:
            _stop_recipient(session, message, error, None, now)
            _elsewhere_or_fail(session, message, now)
        case Disposition.REVERIFY:
            _block(session, message, now)
        case Disposition.BUG | Disposition.INBOUND_UNREADABLE:
            _alarm(session, AlarmKind.BUG, message, message.purpose, now)
            fail(session, message, message.error, now)


def again(session: Session, message: Message, now: datetime, *, least: timedelta | None = None) -> None:
    """Try a passing fault again, 4^n seconds later; after the last try a person decides."""
    message.tries += 1
    wait = backoff(message.tries, jitter=_jitter(), retry_after=least)
    if wait is None:
        fail(session, message, message.error or "failed", now)
        return
    _requeue(message, now)
    message.wait(WaitReason.BACKOFF, now + wait, now)


def elsewhere(session: Session, message: Message, now: datetime) -> bool:
    """Send the same link by the next channel, if there is one."""
    channel = channels.next_channel(session, message)
    if channel is None:
        return False
    note(
        session,
        Event.COURIER_MESSAGE_REROUTED,
        message,
        now,
        {"from": Channel(message.channel).value, "to": channel.value, "reason": message.error or ""},
    )
    message.move_to(channel, now)
    return True


def fail(session: Session, message: Message, why: str, now: datetime) -> None:
    """End undelivered, for a person to see: somebody should call."""
    if message.fail(why, now):
        note(session, Event.COURIER_MESSAGE_FAILED, message, now, {"reason": why})
        if message.purpose not in (Purpose.CODE, Purpose.RECEIVED):  # somebody waits, or nothing is wanted
            raise_call(session, message.request, CallReason.UNDELIVERABLE, now=now)


def _elsewhere_or_fail(session: Session, message: Message, now: datetime) -> None:
    if not elsewhere(session, message, now):
        fail(session, message, message.error or "failed", now)


def _slow_down(session: Session, message: Message, error: ApiError, sender_id: str | None, now: datetime) -> None:
    """Pause the number, or the person, for all couriers; this message counts a try."""
    scope, key = (
        (Scope.SENDER, sender_id) if sender_id is not None else (Scope.RECIPIENT, recipient_key(message.request.party))
    )
    until = pause(
        session,
        scope,
        key,
        org_id=message.org_id,
        reason=_code(error),
        jitter=_jitter(),
        least=error.retry_after,
        now=now,
    )
    again(session, message, now, least=until - now)


def _stop_sender(
    session: Session,
    message: Message,
    error: ApiError,
    attempt: MessageAttempt | None,
    until: datetime | None,
    now: datetime,
) -> None:
    """Open the number's circuit and page somebody; the message goes by another channel or number, or waits."""
    sender_id = _sender_id(attempt)
    spam = error.disposition is Disposition.PAUSE_INITIATED
    if sender_id is not None:
        open_breaker(session, Scope.SENDER, sender_id, org_id=message.org_id, reason=_code(error), until=until, now=now)
    _alarm(session, AlarmKind.SPAM if spam else AlarmKind.SENDER, message, sender_id or "", now)
    if not (error.rule.use_fallback and elsewhere(session, message, now)):
        _look_again(message, WaitReason.SENDER, now)


def _stop_template(
    session: Session, message: Message, error: ApiError, attempt: MessageAttempt | None, now: datetime
) -> None:
    """Open the template's circuit; routing finds its stand-in, or the message waits."""
    sender = session.get(WhatsAppSender, _sender_id(attempt) or "")
    if attempt is not None and attempt.template is not None and sender is not None:
        name, _, language = attempt.template.partition("/")
        wait = TEMPLATE_RETRY.get(error.code or 0)
        open_breaker(
            session,
            Scope.TEMPLATE,
            template_key(sender.waba_id, name, language),
            org_id=message.org_id,
            reason=_code(error),
            until=now + wait if wait is not None else None,
            now=now,
        )
        ask_resync(session, org_id=message.org_id, waba_id=sender.waba_id, now=now)
        _alarm(session, AlarmKind.TEMPLATE, message, attempt.template, now)
    _look_again(message, WaitReason.TEMPLATE, now)


def _shorten(session: Session, message: Message, now: datetime) -> None:
    """Send shorter texts, once."""
    if message.shortened:
        _alarm(session, AlarmKind.BUG, message, message.purpose, now)
        fail(session, message, message.error or "failed", now)
        return
    message.shortened = True
    _look_again(message, WaitReason.BACKOFF, now)


def _withheld(session: Session, message: Message, error: ApiError, now: datetime) -> None:
    """The channel kept this one back: another channel now. A cap on marketing also says what our template became."""
    hold = error.rule.hold
    if hold is None:
        _elsewhere_or_fail(session, message, now)
        return
    _stop_recipient(session, message, error, now + hold, now)
    _alarm(session, AlarmKind.CATEGORY, message, message.purpose, now)
    if not elsewhere(session, message, now):
        _requeue(message, now)
        message.wait(WaitReason.RECIPIENT, now + hold, now)


def _stop_recipient(session: Session, message: Message, error: ApiError, until: datetime | None, now: datetime) -> None:
    key = recipient_key(message.request.party)
    open_breaker(session, Scope.RECIPIENT, key, org_id=message.org_id, reason=_code(error), until=until, now=now)


def _block(session: Session, message: Message, now: datetime) -> None:
    """The number may have a new owner: the link opens nothing more, and a person has to make sure."""
    contacts.doubt(session, message.request, now=now)
    _alarm(session, AlarmKind.CONTACT, message, message.case_id, now)
    fail(session, message, message.error or "failed", now)


def _alarm(session: Session, kind: AlarmKind, message: Message, subject: str, now: datetime) -> None:
    raise_alarm(session, kind, org_id=message.org_id, subject=subject, code=message.error or "", now=now)


def _look_again(message: Message, why: WaitReason, now: datetime) -> None:
    """Be due at once: the next attempt finds another way, or waits behind what was just opened."""
    _requeue(message, now)
    message.wait(why, now, now)


def _requeue(message: Message, now: datetime) -> None:
    if message.state != MessageState.QUEUED:
        message.state, message.changed_at = MessageState.QUEUED, now


def _sender_id(attempt: MessageAttempt | None) -> str | None:
    return attempt.sender_id if attempt is not None else None


def _code(error: ApiError) -> str:
    return str(error.code) if error.code is not None else f"http_{error.http_status or 0}"


def _jitter() -> float:
    return random.random()  # noqa: S311 (jitter)
