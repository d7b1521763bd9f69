"""Carrying out a wish: create, edit or delete one template at the platform.

Rules: what the linter would stop is not submitted; an edit is counted before it is made; words that were changed
again meanwhile are submitted after these. A creation that may have arrived is tried again, since the platform refuses a
second one; an edit that may have arrived is not, the next reading of the list tells.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from audit import Event
from notifications.studio import noting
from notifications.studio.budget import claim_call, next_hour
from notifications.studio.tools import Tools, code_of, sender_of
from notifications.studio.writing import fingerprint, written
from notifications.whatsapp import management
from notifications.whatsapp.client import Sender
from notifications.whatsapp.errors import Disposition
from notifications.whatsapp.linting import lint
from notifications.whatsapp.outcomes import Answered, CallOutcome, NotSent, Refused, Unknown
from notifications.whatsapp.shapes import text
from records.studio import UNDER_REVIEW
from records.templates import MessageTemplate, TemplateAccount, TemplateStatus, TemplateWish
from storage.due import Lease, renew, settle

SOON = timedelta(seconds=30)
LATER = timedelta(minutes=10)
PASSING = frozenset({Disposition.RETRY_LATER, Disposition.THROTTLE_SENDER})
NEEDS_A_PERSON = frozenset({Disposition.PAUSE_SENDER, Disposition.PAUSE_INITIATED})
"""Token, permission, account: tried again from time to time until somebody mended it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """One call, gathered while its budget was claimed."""

    sender: Sender
    wish: TemplateWish
    name: str
    remote_id: str | None
    payload: dict[str, Any]
    changed_at: datetime

    def give(self, tools: Tools) -> CallOutcome:
        """Make the call."""
        if self.remote_id is None:
            return management.create_template(tools.api, self.sender, payload=self.payload)
        if self.wish is TemplateWish.DELETE:
            return management.delete_template(tools.api, self.sender, remote_id=self.remote_id, name=self.name)
        return management.edit_template(tools.api, self.sender, remote_id=self.remote_id, payload=self.payload)


def submit(tools: Tools, held: Lease) -> None:
    """Carry out the wish of one template."""
    order = _begin(tools, held)
    if order is not None:
        outcome = order.give(tools)
        _finish(tools, held, order, outcome)


def _begin(tools: Tools, held: Lease) -> _Order | None:
    now = tools.clock()
    with tools.database.transaction() as session:
        account_id = session.get_one(MessageTemplate, held.id).account_id
        session.get_one(TemplateAccount, account_id, with_for_update=True)
        renew(session, MessageTemplate, held, now=now)
        template = session.get_one(MessageTemplate, held.id, populate_existing=True)
        sender = sender_of(tools, session, template.org_id, template.account.waba_id)
        payload = written(template, tools.public_url)
        wait = _wait(template, now)
        if template.wish is None or (template.wish == TemplateWish.DELETE and template.remote_id is None):
            template.wish = None
            settle(session, MessageTemplate, held)
        elif template.wish == TemplateWish.SUBMIT and any(not each.only_advice for each in lint(payload)):
            settle(session, MessageTemplate, held)
            _refused(session, template, "template_invalid", now)
        elif sender is None:
            settle(session, MessageTemplate, held)
            _refused(session, template, "no_sender", now)
        elif wait is not None:
            settle(session, MessageTemplate, held, due_at=wait)
        elif not claim_call(session, account_id, now):
            settle(session, MessageTemplate, held, due_at=next_hour(now))
        else:
            return _order(template, sender, payload, now)
        return None


def _wait(template: MessageTemplate, now: datetime) -> datetime | None:
    """Return when a wish can be carried out that cannot be now."""
    if template.wish != TemplateWish.SUBMIT or template.remote_id is None:
        return None
    if template.status in UNDER_REVIEW:
        return now + LATER
    allowed = template.next_edit(now)
    return allowed if allowed > now else None


def _order(template: MessageTemplate, sender: Sender, payload: dict[str, Any], now: datetime) -> _Order:
    wish = TemplateWish(template.wish or TemplateWish.SUBMIT)
    if wish is TemplateWish.SUBMIT and template.remote_id is not None:
        month = [each for each in template.edits or () if datetime.fromisoformat(each) > now - timedelta(days=30)]
        template.edits = [*month, now.isoformat()]
    return _Order(
        sender=sender,
        wish=wish,
        name=template.name,
        remote_id=template.remote_id,
        payload=payload,
        changed_at=template.changed_at,
    )


def _finish(tools: Tools, held: Lease, order: _Order, outcome: CallOutcome) -> None:
    now = tools.clock()
    with tools.database.transaction() as session:
        account_id = session.get_one(MessageTemplate, held.id).account_id
        account = session.get_one(TemplateAccount, account_id, with_for_update=True)
        settle(session, MessageTemplate, held, due_at=_again_at(order, outcome, now))
        template = session.get_one(MessageTemplate, held.id, populate_existing=True)
        newer = template.wish if template.changed_at != order.changed_at else None
        match outcome:
            case Answered(body=body):
                _answered(session, template, order, body, now)
            case Refused(error=error) if error.subcode == management.EXISTS:
                template.wish, template.error, account.due_at = None, None, now
            case Refused(error=error) if _again_at(order, outcome, now) is not None:
                template.error = code_of(error)
            case Refused(error=error):
                _refused(session, template, code_of(error), now)
            case NotSent():
                template.error = "not_sent"
            case Unknown():
                template.error = "unknown"
                if order.remote_id is not None:
                    template.wish, account.due_at = None, now
        if newer is not None:  # wished meanwhile
            template.wish, template.due_at = newer, now


def _again_at(order: _Order, outcome: CallOutcome, now: datetime) -> datetime | None:
    """Return when the same call is to be made again, None when not."""
    match outcome:
        case Refused(error=error) if error.disposition in PASSING:
            return now + max(SOON, error.retry_after or SOON)
        case Refused(error=error) if error.disposition in NEEDS_A_PERSON:
            return now + LATER
        case NotSent():
            return now + SOON
        case Unknown():
            return now + SOON if order.remote_id is None else None
        case _:
            return None


def _answered(session: Session, template: MessageTemplate, order: _Order, body: Any, now: datetime) -> None:
    template.error = None
    if order.wish is TemplateWish.DELETE:
        noting.take_status(session, template, TemplateStatus.DELETED, "", at=now - noting.SKEW, now=now)
        template.wish = None
        return
    template.wish = None
    template.submitted_at, template.submitted_sha256 = now, fingerprint(order.payload)
    template.remote_sha256 = template.submitted_sha256
    if order.remote_id is None:
        template.remote_id = text(body.get("id"), 64) or None
    noting.note(session, Event.COURIER_MESSAGE_TEMPLATE_SUBMITTED, template, now)
    status = noting.status_of(text(body.get("status"), 40) or TemplateStatus.PENDING)
    noting.take_status(session, template, status, "", at=now - noting.SKEW, now=now)
    if category := text(body.get("category"), 40):
        noting.take_category(session, template, category, now=now)


def _refused(session: Session, template: MessageTemplate, code: str, now: datetime) -> None:
    template.wish, template.error = None, code
    noting.note(session, Event.COURIER_MESSAGE_TEMPLATE_REFUSED, template, now, code=code)
