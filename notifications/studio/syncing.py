"""Reading an account's templates: a list that was read to its end is the truth, anything less changes nothing."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from notifications.studio import noting
from notifications.studio.budget import claim_call, next_hour
from notifications.studio.resuming import resume
from notifications.studio.tools import Tools, code_of, failed, sender_of
from notifications.studio.writing import fingerprint, words_of, written
from notifications.whatsapp import authentication
from notifications.whatsapp.client import Sender
from notifications.whatsapp.library import NAMES, STANDBYS
from notifications.whatsapp.management import list_templates
from notifications.whatsapp.outcomes import Refused
from notifications.whatsapp.shapes import text
from records.templates import MessageTemplate, TemplateAccount, TemplateStatus
from storage.due import Lease, renew, settle

EVERY = timedelta(hours=6)
AFTER_FAILURE = timedelta(minutes=10)
OURS = frozenset({*NAMES, authentication.CODE})
"""Names under which messages of ours are sent: their templates are kept, whoever made them."""


def sync(tools: Tools, held: Lease) -> None:
    """Read one account's list and bring the rows to it."""
    sender = _begin(tools, held)
    if sender is None:
        return
    rows = list(list_templates(tools.api, sender))
    now = tools.clock()
    with tools.database.transaction() as session:
        if (failure := failed(rows)) is not None:
            settle(session, TemplateAccount, held, due_at=now + AFTER_FAILURE)
            account = session.get_one(TemplateAccount, held.id, populate_existing=True)
            account.error = code_of(failure.error) if isinstance(failure, Refused) else "not_sent"
            return
        settle(session, TemplateAccount, held, due_at=now + EVERY)
        account = session.get_one(TemplateAccount, held.id, populate_existing=True)
        account.synced_at, account.error = now, None
        _bring(tools, session, account, [row for row in rows if isinstance(row, dict)], now)


def _begin(tools: Tools, held: Lease) -> Sender | None:
    now = tools.clock()
    with tools.database.transaction() as session:
        renew(session, TemplateAccount, held, now=now)
        account = session.get_one(TemplateAccount, held.id, populate_existing=True)
        sender = sender_of(tools, session, account.org_id, account.waba_id)
        if sender is None:
            settle(session, TemplateAccount, held)
            account.error = "no_sender"
        elif not claim_call(session, account.id, now):
            settle(session, TemplateAccount, held, due_at=next_hour(now))
            sender = None
        return sender


def _bring(tools: Tools, session: Session, account: TemplateAccount, rows: list[dict[str, Any]], now: datetime) -> None:
    found = select(MessageTemplate).where(MessageTemplate.account_id == account.id).order_by(MessageTemplate.id)
    known = {(each.name, each.language): each for each in session.scalars(found.with_for_update())}
    seen = set()
    for row in rows:
        which = (text(row.get("name"), 120), text(row.get("language"), 10))
        template = known.get(which)
        if template is None and which[0] in OURS:
            template = _adopt(tools, session, account, which, row, now)
            known |= {which: template} if template is not None else {}
        if template is not None:
            seen.add(which)
            _take(tools, session, template, row, now)
    resume(session, account, [each for each in known.values() if each.status == TemplateStatus.APPROVED], now)
    for which, template in known.items():
        if which not in seen and template.remote_id is not None:
            noting.take_status(session, template, TemplateStatus.DELETED, "", at=now - noting.SKEW, now=now)


def _adopt(
    tools: Tools,
    session: Session,
    account: TemplateAccount,
    which: tuple[str, str],
    row: Mapping[str, Any],
    now: datetime,
) -> MessageTemplate | None:
    """Keep a template that somebody registered without us, with the words that it has there."""
    words = words_of(row)
    if words is None:
        return None
    name, language = which
    template = MessageTemplate(
        org_id=account.org_id,
        account_id=account.id,
        account=account,
        name=name,
        language=language,
        wanted_category="AUTHENTICATION" if name == authentication.CODE else "UTILITY",
        body=words[0],
        footer=words[1],
        label=words[2],
        standby_name=STANDBYS.get(name),
        changed_at=now,
        status=TemplateStatus.UNKNOWN,
    )
    template.submitted_sha256 = fingerprint(written(template, tools.public_url))
    session.add(template)
    session.flush()
    return template


def _take(tools: Tools, session: Session, template: MessageTemplate, row: Mapping[str, Any], now: datetime) -> None:
    template.remote_id = text(row.get("id"), 64) or template.remote_id
    template.remote_sha256 = fingerprint(row)
    if template.submitted_sha256 is None:
        template.submitted_sha256 = fingerprint(written(template, tools.public_url))
    status = noting.status_of(text(row.get("status"), 40))
    noting.take_status(session, template, status, text(row.get("rejected_reason")), at=now - noting.SKEW, now=now)
    if category := text(row.get("category"), 40):
        noting.take_category(session, template, category, now=now)
    score = row.get("quality_score")
    if quality := text(score.get("score") if isinstance(score, dict) else None, 20):
        noting.take_quality(session, template, quality, now=now)
