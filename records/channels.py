"""Ways to a customer: which channel carries a message first, and which comes next when one did not reach them."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from records.cases import Party
from records.messages import Channel, Message, MessageAttempt, Purpose
from records.organizations import Organization
from records.requests import SendMode

ORDER = (Channel.WHATSAPP, Channel.EMAIL)


def first_channel(message: Message) -> Channel:
    """Return the way to a person: the CRM's inbox where the request says so, else WhatsApp, else mail.

    A code goes to a phone, not to a business-scoped id, and never through an inbox that agents read.
    """
    if message.request.send_mode == SendMode.CRM and message.purpose != Purpose.CODE:
        return Channel.CRM
    party = message.request.party
    if party.phone or (party.bsuid and message.purpose != Purpose.CODE) or not party.email:
        return Channel.WHATSAPP
    return Channel.EMAIL


def next_channel(session: Session, message: Message) -> Channel | None:
    """Return the next channel that has an address and was not tried for this message, None when there is none.

    A code never changes its channel: it proves that somebody holds the address on file.
    """
    if message.purpose == Purpose.CODE:
        return None
    tried = set(session.scalars(select(MessageAttempt.channel).where(MessageAttempt.message_id == message.id)))
    organization = session.get_one(Organization, message.org_id)
    for channel in ORDER:
        if channel not in {*tried, message.channel} and _reaches(channel, message.request.party, organization):
            return channel
    return None


def _reaches(channel: Channel, party: Party, organization: Organization) -> bool:
    match channel:
        case Channel.WHATSAPP:
            return bool(party.phone or party.bsuid)
        case Channel.EMAIL:
            return bool(party.email and organization.mail_from)
        case Channel.CRM:  # never a way out for another one
            return False


def other_channels(session: Session, message: Message) -> list[Channel]:
    """Return the channels that a person may choose instead of the message's own, tried or not."""
    organization = session.get_one(Organization, message.org_id)
    party = message.request.party
    return [each for each in ORDER if each != message.channel and _reaches(each, party, organization)]
