"""Moderation: what the platform's webhooks say about templates takes effect at once.

Rules: a template is found by the platform's id, else by name and language in the account whose webhook told; an older
word never overrides a newer one; a word that we do not know changes nothing and has the list read again.
"""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import select
from sqlalchemy.orm import Session

from notifications.studio import noting
from notifications.studio.resuming import resume
from records.breakers import Scope, close_for, template_key
from records.messages import InboundEvent
from records.templates import MessageTemplate, TemplateAccount, TemplateStatus, account_of, ask_resync

EVENTS: Mapping[str, TemplateStatus] = MappingProxyType(
    {
        **{status.value.upper(): status for status in noting.KNOWN},
        "REINSTATED": TemplateStatus.APPROVED,
        "UNPAUSE": TemplateStatus.APPROVED,
        "UNPAUSED": TemplateStatus.APPROVED,
        "UNARCHIVED": TemplateStatus.APPROVED,
        "LOCKED": TemplateStatus.DISABLED,
    }
)
"""Events of `message_template_status_update` and the status that they mean."""


def apply(session: Session, event: InboundEvent, now: datetime) -> None:
    """Let one update about a template have its effect."""
    said = event.fields or {}
    account = account_of(session, event.org_id, said.get("waba_id", ""))
    if account is None:
        _let_through(session, event, said, now)
        return
    session.get_one(TemplateAccount, account.id, with_for_update=True)
    template = _template(session, account, said)
    if template is None:
        ask_resync(session, org_id=account.org_id, waba_id=account.waba_id, now=now)
        return
    at = min(event.at or now, now)
    match said.get("field"):
        case "message_template_status_update":
            _status(session, account, template, said, at, now)
        case "message_template_quality_update" if quality := said.get("quality"):
            noting.take_quality(session, template, quality, now=now)
        case "template_category_update" if category := said.get("category"):
            _category(session, template, category, done="previous_category" in said, now=now)
        case _:
            ask_resync(session, org_id=account.org_id, waba_id=account.waba_id, now=now)


def _let_through(session: Session, event: InboundEvent, said: Mapping[str, str], now: datetime) -> None:
    """Of an account whose templates nobody keeps here only this counts: what delivery stopped may be sent again."""
    if EVENTS.get(said.get("event", "").upper()) == TemplateStatus.APPROVED:
        key = template_key(said.get("waba_id", ""), said.get("name", ""), said.get("language", ""))
        close_for(session, Scope.TEMPLATE, key, org_id=event.org_id, now=now)


def _template(session: Session, account: TemplateAccount, said: Mapping[str, str]) -> MessageTemplate | None:
    mine = select(MessageTemplate).where(MessageTemplate.account_id == account.id).with_for_update()
    if remote_id := said.get("template_id"):
        found = session.scalars(mine.where(MessageTemplate.remote_id == remote_id)).first()
        if found is not None:
            return found
    found = session.scalars(mine.filter_by(name=said.get("name", ""), language=said.get("language", ""))).first()
    if found is None or not remote_id:
        return found
    if found.remote_id is None:
        found.remote_id = remote_id
    return found if found.remote_id == remote_id else None  # else it is about one that was deleted before


def _status(
    session: Session,
    account: TemplateAccount,
    template: MessageTemplate,
    said: Mapping[str, str],
    at: datetime,
    now: datetime,
) -> None:
    status = EVENTS.get(said.get("event", "").upper())
    same_moment = template.status_at is not None and at <= template.status_at
    if status is None or same_moment:
        ask_resync(session, org_id=account.org_id, waba_id=account.waba_id, now=now)
    if status is None or (template.status_at is not None and at < template.status_at):
        return
    noting.take_status(session, template, status, said.get("reason", ""), at=at, now=now)
    if status == TemplateStatus.APPROVED:
        resume(session, account, [template], now)


def _category(session: Session, template: MessageTemplate, category: str, *, done: bool, now: datetime) -> None:
    if done:
        noting.take_category(session, template, category, now=now)
    else:
        template.coming_category = category.upper()[:20]
