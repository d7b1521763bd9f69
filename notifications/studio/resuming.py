"""When the platform lets a template through again, what waits for it goes at once."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from audit import Event
from notifications.studio.noting import ACTOR
from records.breakers import Scope, close, open_among, template_key
from records.messages import Message, MessageState, WaitReason
from records.templates import MessageTemplate, TemplateAccount

MOST = 500
"""Messages that are made due in one go; what is more looks again by itself."""


def resume(session: Session, account: TemplateAccount, approved: Sequence[MessageTemplate], now: datetime) -> None:
    """Close what stops these templates, and let messages that wait for any template look again."""
    if not approved:
        return
    keys = [template_key(account.waba_id, each.name, each.language) for each in approved]
    stops = open_among(session, account.org_id, Scope.TEMPLATE, keys, now)
    close(session, stops, event=Event.COURIER_BREAKER_CLOSED, actor_id=ACTOR, now=now)
    waiting = (
        select(Message.id)
        .where(
            Message.org_id == account.org_id,
            Message.state == MessageState.QUEUED,
            Message.waits_for == WaitReason.TEMPLATE,
            Message.held_by.is_(None),
            Message.lease_until.is_(None),
            Message.due_at > now,
        )
        .limit(MOST)
        .with_for_update(skip_locked=True)
    )
    session.execute(
        update(Message)
        .where(Message.id.in_(list(session.scalars(waiting))))
        .values(due_at=now)
        .execution_options(synchronize_session=False)
    )
