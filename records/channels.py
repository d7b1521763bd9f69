"""Ways to a customer: which channel carries a message first, and which comes next when one did not reach them.

Rules: the company's order, and of it what has an address, a sender and no refusal of the person; a one-time code never
changes its channel, since it proves that somebody holds the address on file. A refusal by phone stops mail too, unless
the company says that it has another basis for that (`opt_out_everywhere`).
"""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from records.cases import Party
from records.contacting import rules_of
from records.messages import Channel, Message, MessageAttempt, Purpose
from records.optouts import refuses
from records.organizations import Organization
from records.requests import SendMode
from records.senders import SmsSender, WhatsAppSender


def first_channel(session: Session, message: Message) -> Channel:
    """Return the way to a person: the CRM's inbox where the request says so, else the first of the company's order.

    Where there is none it is the one whose absence says why. A code goes to a phone, not to a business-scoped id, and
    never through an inbox that agents read.
    """
    if message.request.send_mode == SendMode.CRM and message.purpose != Purpose.CODE:
        return Channel.CRM
    party = message.request.party
    usable = [] if message.purpose == Purpose.CODE else _usable(session, message)
    if usable:
        return usable[0]
    if party.phone or (party.bsuid and message.purpose != Purpose.CODE) or not party.email:
        return Channel.WHATSAPP
    return Channel.EMAIL


def next_channel(session: Session, message: Message) -> Channel | None:
    """Return the next channel that may be used and was not tried for this message, None when there is none."""
    if message.purpose == Purpose.CODE:
        return None
    tried = set(session.scalars(select(MessageAttempt.channel).where(MessageAttempt.message_id == message.id)))
    return next((each for each in _usable(session, message) if each not in {*tried, message.channel}), None)


def other_channels(session: Session, message: Message) -> list[Channel]:
    """Return the channels that a person may choose instead of the message's own, tried or not."""
    return [each for each in _usable(session, message) if each != message.channel]


def watched_until(session: Session, message: Message, now: datetime) -> datetime | None:
    """Return when a message that no phone has confirmed changes its channel; None where there is no other."""
    if message.channel != Channel.WHATSAPP or next_channel(session, message) is None:
        return None  # the others never tell that something arrived
    return now + timedelta(hours=rules_of(session, message.org_id).undelivered_hours)


def has_address(channel: Channel, party: Party) -> bool:
    """Whether the person has what this channel writes to."""
    match channel:
        case Channel.WHATSAPP:
            return bool(party.phone or party.bsuid)
        case Channel.SMS:
            return bool(party.phone)
        case Channel.EMAIL:
            return bool(party.email)
        case Channel.CRM:  # which knows the person; without a conversation another channel follows
            return True


def refused(session: Session, channel: Channel, party: Party) -> bool:
    """Whether the person wants no messages on this channel."""
    by_phone = refuses(session, org_id=party.org_id, addresses=(party.phone, party.bsuid))
    if channel is not Channel.EMAIL:
        return by_phone
    everywhere = by_phone and rules_of(session, party.org_id).opt_out_everywhere
    return everywhere or refuses(session, org_id=party.org_id, addresses=(party.email,))


def may_write_to(session: Session, party: Party) -> bool:
    """Whether the person takes messages of the company on some channel. Who has no address has refused none."""
    addressed = [each for each in (Channel.WHATSAPP, Channel.SMS, Channel.EMAIL) if has_address(each, party)]
    return not addressed or any(not refused(session, each, party) for each in addressed)


def _usable(session: Session, message: Message) -> list[Channel]:
    party = message.request.party
    order = [Channel(each) for each in rules_of(session, message.org_id).channels]
    return [
        each
        for each in order
        if has_address(each, party) and _has_sender(session, each, message.org_id) and not refused(session, each, party)
    ]


def _has_sender(session: Session, channel: Channel, org_id: str) -> bool:
    match channel:
        case Channel.WHATSAPP:
            return session.scalars(select(WhatsAppSender.id).where(WhatsAppSender.org_id == org_id)).first() is not None
        case Channel.SMS:
            return session.scalars(select(SmsSender.id).where(SmsSender.org_id == org_id)).first() is not None
        case Channel.EMAIL:
            return session.get_one(Organization, org_id).mail_from is not None
        case Channel.CRM:  # never a way out for another one
            return False
