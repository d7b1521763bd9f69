"""Composing: what one message of the outbox says, and the call that hands it to its channel.

Rules: words, address, token and one-time code are put together here, for one attempt, and stored nowhere.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from notifications.whatsapp import authentication
from notifications.whatsapp.client import CloudApi, Sender, SendOutcome
from notifications.whatsapp.errors import InvalidMessage
from notifications.whatsapp.templates import REQUEST, RETURNED, checked_parameters, language_for
from records.challenges import challenge_of
from records.checkcodes import grouped
from records.messages import Message, Purpose, WhatsAppSender
from storage.database import Database
from storage.sealing.box import Box

TEMPLATES = {Purpose.REQUEST: REQUEST, Purpose.RETURNED: RETURNED}
NAME_LIMIT = 60

Post = Callable[[], SendOutcome]
"""Hands one composed message to its channel. Raises InvalidMessage when it breaks a rule of the channel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What delivery needs. `token` derives a link's token from its id, `code` a one-time code from its challenge's."""

    database: Database
    api: CloudApi
    box: Box
    token: Callable[[str], str]
    code: Callable[[str], str]


def compose(tools: Tools, session: Session, message: Message, attempt_id: str) -> Post | None:
    """Return the call that sends `message`, for one attempt; None when the organization has nothing to send from."""
    row = session.scalars(select(WhatsAppSender).where(WhatsAppSender.org_id == message.org_id)).first()
    if row is None:
        return None
    token = tools.box.open(row.token_boxed, table="whatsapp_senders", row=row.id, column="token_boxed").decode()
    sender = Sender(phone_number_id=row.phone_number_id, waba_id=row.waba_id, token=token)
    party = message.request.party
    language = language_for(party.locale)
    template, body, suffix = _filled(tools, session, message)
    to = party.phone or party.bsuid or ""
    return lambda: tools.api.send_template(
        sender, to=to, template=template, language=language, body=body, button_suffix=suffix, opaque=attempt_id
    )


def _filled(tools: Tools, session: Session, message: Message) -> tuple[str, tuple[str, ...], str]:
    """Return template, body parameters and what its button carries."""
    challenge = challenge_of(session, message.id)
    if challenge is not None:
        code = tools.code(challenge.id)
        return authentication.CODE, (code,), code
    party, case = message.request.party, message.request.case
    names = party.name.split()
    code = grouped(message.link.check_code)
    body = (spoken(names[0] if names else ""), spoken(case.title, case.external_ref), code)
    return TEMPLATES[Purpose(message.purpose)], body, tools.token(message.link.id)


def spoken(*texts: str | None) -> str:
    """Return the first text that may travel in a message (no identifier, no forbidden character), else a dash."""
    for text in texts:
        try:
            return checked_parameters([(text or "")[:NAME_LIMIT]])[0]
        except InvalidMessage:
            continue
    return "-"
