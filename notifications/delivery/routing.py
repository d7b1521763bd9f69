"""Routing: which number and which template carry a WhatsApp message now, or what it has to wait for.

A number whose breaker is open hands over to another of the company, the case's team first; but what the platform took
for spam goes out by no other number either. A template that may not be used hands over to the declared other language.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from notifications.whatsapp.errors import RULES, Disposition
from notifications.whatsapp.templates import languages_for
from records.breakers import Breaker, Scope, open_among, recipient_key, template_key
from records.chats import ChatWindow
from records.messages import Message, MessageAttempt, WaitReason
from records.organizations import Organization
from records.requests import DocumentRequest
from records.senders import WhatsAppSender
from records.templates import sendable, standby_for

LOOK_AGAIN = timedelta(minutes=10)
"""A message that waits for a person or a webhook looks again so often by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What carries a message."""

    sender: WhatsAppSender
    template: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Why a message waits, until when at least, and whether another channel should rather carry it."""

    why: WaitReason
    until: datetime
    breaker_id: str | None = None
    reason: str = ""
    elsewhere: bool = False
    forever: bool = False
    """The channel will not take it later either."""


def route(session: Session, message: Message, template: str, now: datetime) -> Route | Hold | None:
    """Choose number, template and language; None when the company has no number at all."""
    party = message.request.party
    if party.verify_since is not None:
        return Hold(why=WaitReason.VERIFY, until=now + LOOK_AGAIN)
    stopped = open_among(session, message.org_id, Scope.RECIPIENT, [recipient_key(party)], now)
    if stopped:
        return _hold(WaitReason.RECIPIENT, stopped[-1], now)
    holds: list[Hold] = []
    for sender in _senders(session, message):
        stops = open_among(session, message.org_id, Scope.SENDER, [sender.id], now)
        if stops:
            holds.append(_hold(WaitReason.SENDER, stops[-1], now))
            if any(_is_spam(each.reason) for each in stops):
                break
            continue
        found = _template(session, message, sender, template, now)
        if isinstance(found, Route):
            return found
        holds.append(found)
    return min(holds, key=lambda each: each.until) if holds else None


def in_window(session: Session, sender: WhatsAppSender, message: Message, now: datetime) -> bool:
    """Whether the person wrote to this number in the last 24 hours, so that a message begins no new conversation.

    They are known by what the platform reported of our earlier messages to them, never by the number somebody typed.
    """
    sent = (
        select(MessageAttempt.recipient, MessageAttempt.recipient_user)
        .join(Message, Message.id == MessageAttempt.message_id)
        .join(DocumentRequest, DocumentRequest.id == Message.request_id)
        .where(DocumentRequest.party_id == message.request.party_id)
    )
    known = {address for row in session.execute(sent) for address in row if address}
    window = select(ChatWindow.id).where(
        ChatWindow.sender_id == sender.id,
        ChatWindow.until > now,
        or_(ChatWindow.phone.in_(known), ChatWindow.bsuid.in_(known)),
    )
    return bool(known) and session.scalars(window.limit(1)).first() is not None


def _senders(session: Session, message: Message) -> list[WhatsAppSender]:
    """Return the numbers of the company: those of the case's team first, then those of nobody, then the others'."""
    team = message.request.case.team_id
    found = session.scalars(select(WhatsAppSender).where(WhatsAppSender.org_id == message.org_id))

    def place(sender: WhatsAppSender) -> tuple[int, int, str]:
        foreign = 1 if sender.team_id is None else 2
        return (0 if team is not None and sender.team_id == team else foreign, sender.priority, sender.id)

    return sorted(found, key=place)


def _template(session: Session, message: Message, sender: WhatsAppSender, name: str, now: datetime) -> Route | Hold:
    """Find what may be sent: the template in the best language, its standby, then the same in the next language."""
    organization = session.get_one(Organization, message.org_id)
    account = {"org_id": message.org_id, "waba_id": sender.waba_id}
    locale = message.request.party.locale
    first: Breaker | None = None
    for language in languages_for(locale, country=organization.country, fallback=organization.locale):
        own = (name, language)
        standby = standby_for(session, **account, name=name, language=language)
        for each in (own, standby):
            if each is None or (each == own and not sendable(session, **account, name=name, language=language)):
                continue
            stops = open_among(session, message.org_id, Scope.TEMPLATE, [template_key(sender.waba_id, *each)], now)
            if not stops:
                return Route(sender=sender, template=each[0], language=each[1])
            first = first or stops[-1]
    if first is not None:
        return _hold(WaitReason.TEMPLATE, first, now)
    return Hold(why=WaitReason.TEMPLATE, until=now + LOOK_AGAIN)


def _hold(why: WaitReason, breaker: Breaker, now: datetime) -> Hold:
    return Hold(
        why=why,
        until=breaker.until or now + LOOK_AGAIN,
        breaker_id=breaker.id,
        reason=breaker.reason,
        elsewhere=_goes_elsewhere(breaker.reason),
        forever=why is WaitReason.RECIPIENT and breaker.until is None,
    )


def _goes_elsewhere(reason: str) -> bool:
    """Whether what is stopped for this reason should reach the person by another channel meanwhile."""
    rule = RULES.get(int(reason)) if reason.isdecimal() else None
    return rule is None or rule.use_fallback


def _is_spam(reason: str) -> bool:
    rule = RULES.get(int(reason)) if reason.isdecimal() else None
    return rule is not None and rule.disposition is Disposition.PAUSE_INITIATED
