"""Sending through the CRM's inbox: Chatwoot sends the template from the company's number and shows it to the agents.

Outcomes are those of a relay: the CRM took the message and answers for it. Whether it arrived is seen there only.
Rules: a one-time code never goes this way, since agents would read it; the link's token is in the parameter of the
button alone, which the CRM needs to send, and not in the words that agents see.
"""

from collections.abc import Callable

from sqlalchemy import func, select
from sqlalchemy.orm import Session, undefer

from notifications.connectors.calling import part
from notifications.connectors.chatwoot import CONVERSATION, Chatwoot, TemplateMessage
from notifications.connectors.memory import Begun
from notifications.connectors.protocol import CrmTrouble
from notifications.connectors.setting_up import ConnectorRefused, connector
from notifications.crm.outcomes import Failed
from notifications.egress import Egress
from notifications.mail.client import MailOutcome
from notifications.outcomes import HandedOver, TurnedDown
from notifications.whatsapp.outcomes import NotSent, Unknown
from notifications.whatsapp.templates import find
from records.crm.references import references_of
from records.crm.subscribers import TABLE, CrmSubscriber, SubscriberKind, SubscriberState
from records.messages import Message, MessageAttempt
from storage.sealing.box import Box

NOTHING_DONE = frozenset({401, 403, 429, 503})
"""Statuses that say that the CRM has not taken the message; after others nobody knows."""


def through_inbox(
    egress: Egress,
    box: Box,
    session: Session,
    message: Message,
    *,
    template: str,
    language: str,
    body: tuple[str, ...],
    suffix: str,
) -> Callable[[], MailOutcome] | None:
    """Return the call that lets the CRM send `message`; None without a connector or a conversation."""
    row = session.scalars(
        select(CrmSubscriber)
        .where(
            CrmSubscriber.org_id == message.org_id,
            CrmSubscriber.kind == SubscriberKind.CHATWOOT,
            CrmSubscriber.state == SubscriberState.ACTIVE,
        )
        .order_by(CrmSubscriber.created_at)
        .options(undefer(CrmSubscriber.secret_boxed))
    ).first()
    conversation = references_of(session, message.case_id, message.request_id).get(CONVERSATION)
    if row is None or conversation is None:
        return None
    secret = box.open(row.secret_boxed, table=TABLE, row=row.id, column="secret_boxed").decode()
    try:
        made = connector(SubscriberKind.CHATWOOT, row.settings, secret, egress=egress, memory=_Nothing())
    except ConnectorRefused:
        return None
    if not isinstance(made, Chatwoot):
        return None
    tries = session.scalar(select(func.count()).where(MessageAttempt.message_id == message.id)) or 0
    sent = TemplateMessage(
        id=message.id,
        name=template,
        language=language,
        body=body,
        suffix=suffix,
        content=_rendered(template, language, body),
        may_exist=tries > 0,
    )
    return lambda: _outcome(made, part(conversation), sent)


def _outcome(chatwoot: Chatwoot, conversation: str, sent: TemplateMessage) -> MailOutcome:
    try:
        chatwoot.send(conversation, sent)
    except CrmTrouble as trouble:
        outcome = trouble.outcome
        if isinstance(outcome, Failed) or outcome.status in NOTHING_DONE:
            return TurnedDown(code=f"crm_{outcome.code}", again=not isinstance(outcome, Failed))
        if not trouble.left:
            return NotSent(reason=outcome.code)
        return Unknown(reason=outcome.code)
    return HandedOver()


def _rendered(template: str, language: str, body: tuple[str, ...]) -> str:
    """Return the words of the message as agents see them: the text with its values, without the link."""
    text = find(template, language).body
    for number, value in enumerate(body, start=1):
        text = text.replace(f"{{{{{number}}}}}", value)
    return text


class _Nothing:
    """The memory of what is found again by its marker alone."""

    def begin(self, _kind: str, _our_id: str) -> Begun:
        return Begun(before=False)

    def keep(self, _kind: str, _our_id: str, _remote_id: str) -> None:
        """Nothing to keep."""
