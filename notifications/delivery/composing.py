"""Composing: what one message of the outbox says, and the call that hands it to its channel.

Rules: words, address, token and one-time code are put together here, for one attempt, and stored nowhere.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from notifications.delivery.inbox import through_inbox
from notifications.delivery.routing import Route
from notifications.egress import Egress
from notifications.mail.client import MailOutcome, Relay
from notifications.mail.texts import Letter, write
from notifications.senders import opened
from notifications.sms import texts as sms
from notifications.sms.client import SmsClient, SmsOutcome, SmsService
from notifications.whatsapp import authentication
from notifications.whatsapp.client import CloudApi, SendOutcome
from notifications.whatsapp.errors import InvalidMessage
from notifications.whatsapp.library import RECEIVED, REMINDER, REQUEST, RETURNED
from notifications.whatsapp.parameters import checked_parameters
from notifications.whatsapp.templates import language_for
from records.challenges import challenge_of
from records.checkcodes import grouped
from records.messages import Channel, Message, Purpose
from records.organizations import Organization
from records.senders import SmsSender
from storage.database import Database, utcnow
from storage.sealing.box import Box

TEMPLATES = {
    Purpose.REQUEST: REQUEST,
    Purpose.RETURNED: RETURNED,
    Purpose.REMINDER: REMINDER,
    Purpose.RECEIVED: RECEIVED,
    Purpose.CODE: authentication.CODE,
}
NAME_LIMIT = 60
SHORT_LIMIT = 20
"""Characters of a name or title in a message whose texts were too long for the platform (132005)."""

Post = Callable[[], SendOutcome | MailOutcome | SmsOutcome]
"""Hands one composed message to its channel. Raises InvalidMessage when it breaks a rule of the channel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What delivery needs. `token` derives a link's token from its id, `code` a one-time code from its challenge's.

    `relay` is None where no mail can be sent; `public_url` is the portal's address without a slash at the end.
    """

    database: Database
    api: CloudApi
    box: Box
    token: Callable[[str], str]
    code: Callable[[str], str]
    relay: Relay | None
    sms: SmsClient
    public_url: str
    egress: Egress | None = None
    """The way to CRMs whose inbox sends for us."""
    clock: Callable[[], datetime] = utcnow


def compose(tools: Tools, session: Session, message: Message, way: Route | None, attempt_id: str) -> Post | None:
    """Return the call that sends `message`, for one attempt; None when the organization has nothing to send from.

    `way` is what carries a WhatsApp message.
    """
    match Channel(message.channel):
        case Channel.WHATSAPP:
            return _whatsapp(tools, session, message, way, attempt_id) if way is not None else None
        case Channel.SMS:
            return _sms(tools, session, message, attempt_id)
        case Channel.EMAIL:
            return _mail(tools, session, message, attempt_id)
        case Channel.CRM:
            return _inbox(tools, session, message)


def _whatsapp(tools: Tools, session: Session, message: Message, way: Route, attempt_id: str) -> Post:
    sender = opened(tools.box, way.sender)
    party = message.request.party
    to = party.phone or party.bsuid or ""
    body, suffix = _contents(tools, session, message)
    return lambda: tools.api.send_template(
        sender, to=to, template=way.template, language=way.language, body=body, button_suffix=suffix, opaque=attempt_id
    )


def _contents(tools: Tools, session: Session, message: Message) -> tuple[tuple[str, ...], str]:
    """Return the parameters of the body and what the button carries."""
    code = _code(tools, session, message)
    if code is not None:
        return (code,), code
    return (*_names(message), grouped(message.link.check_code)), tools.token(message.link.id)


def template_of(message: Message) -> str:
    """Return the template that a purpose is written in."""
    return TEMPLATES[Purpose(message.purpose)]


def _mail(tools: Tools, session: Session, message: Message, attempt_id: str) -> Post | None:
    organization, party, relay = session.get_one(Organization, message.org_id), message.request.party, tools.relay
    if relay is None or organization.mail_from is None or party.email is None:
        return None
    sender, to = organization.mail_from, party.email
    letter = Letter(
        company=spoken(organization.name),
        sender=sender,
        reply_to=organization.contact_email,
        to=to,
        at=tools.clock(),
        attempt_id=attempt_id,
    )
    code = _code(tools, session, message)
    if code is not None:
        values = {"code": code}
    else:
        name, title = _names(message)
        url = f"{tools.public_url}/s/{tools.token(message.link.id)}"
        check = grouped(message.link.check_code)
        values = {"name": name, "title": title, "url": url, "check": check, "portal": tools.public_url}
    mail = write(letter, Purpose(message.purpose), party.locale, values)
    return lambda: relay.send(mail, sender=sender, to=to)


def _inbox(tools: Tools, session: Session, message: Message) -> Post | None:
    if tools.egress is None or message.purpose == Purpose.CODE:
        return None
    country = session.get_one(Organization, message.org_id).country
    body, suffix = _contents(tools, session, message)
    return through_inbox(
        tools.egress,
        tools.box,
        session,
        message,
        template=template_of(message),
        language=language_for(message.request.party.locale, country),
        body=body,
        suffix=suffix,
    )


def _sms(tools: Tools, session: Session, message: Message, attempt_id: str) -> Post | None:
    row = session.scalars(select(SmsSender).where(SmsSender.org_id == message.org_id)).first()
    to, organization = message.request.party.phone, session.get_one(Organization, message.org_id)
    if row is None or to is None or message.purpose == Purpose.CODE:
        return None
    secret = tools.box.open(row.secret_boxed, table="sms_senders", row=row.id, column="secret_boxed").decode()
    service = SmsService(url=row.url, headers=row.headers, body=row.body, secret=secret)
    text = sms.write(
        Purpose(message.purpose),
        message.request.party.locale,
        company=spoken(organization.name),
        name=_names(message)[0],
        url=f"{tools.public_url}/s/{tools.token(message.link.id)}",
        check=grouped(message.link.check_code),
    )
    return lambda: tools.sms.send(service, to=to, text=text, reference=attempt_id)


def _code(tools: Tools, session: Session, message: Message) -> str | None:
    challenge = challenge_of(session, message.id)
    return None if challenge is None else tools.code(challenge.id)


def _names(message: Message) -> tuple[str, str]:
    """Return the person's first name and the matter, as they may be written."""
    party, case = message.request.party, message.request.case
    names, limit = party.name.split(), SHORT_LIMIT if message.shortened else NAME_LIMIT
    return spoken(names[0] if names else "", limit=limit), spoken(case.title, case.external_ref, limit=limit)


def spoken(*texts: str | None, limit: int = NAME_LIMIT) -> str:
    """Return the first text that may travel in a message (no identifier, no forbidden character), else a dash."""
    for text in texts:
        try:
            return checked_parameters([(text or "")[:limit]])[0]
        except InvalidMessage:
            continue
    return "-"
