"""Forgetting: the platform is asked to delete a file of a chat, again and again until it has, or has by itself.

Rules: the file is never asked for. "There is no such file" means deleted only after an answer of ours was lost; before
that it may as well mean that the token may not see it, so it is asked again. After seven days the platform has none
left; that we could not get it deleted before is an alarm for a person.
"""

import random
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from audit import Event, record
from notifications.delivery.composing import Tools
from notifications.senders import opened
from notifications.whatsapp.client import Answered, NotSent, Refused, Unknown
from notifications.whatsapp.errors import InvalidMessage
from notifications.whatsapp.outcomes import CallOutcome
from records.alarms import AlarmKind, raise_alarm
from records.chats import drop_ended
from records.interceptions import MEDIA_LIFE, InterceptedFile
from records.senders import WhatsAppSender
from storage.database import Database
from storage.due import Lease, settle

ACTOR = "courier"
LONGEST = timedelta(hours=6)
NO_OBJECT = (100, 33)
"""Code and subcode of "does not exist, or you may not see it"."""


def forget(tools: Tools, held: Lease) -> None:
    """Ask once for one file, and commit what came of it, fenced by the lease."""
    with tools.database.reading() as session:
        row = session.get_one(InterceptedFile, held.id)
        sender = session.get_one(WhatsAppSender, row.sender_id)
    outcome: CallOutcome | InvalidMessage
    try:
        outcome = tools.api.delete_media(opened(tools.box, sender), media_id=row.media_id or "")
    except InvalidMessage as invalid:
        outcome = invalid
    now = tools.clock()
    with tools.database.transaction() as session:
        settle(session, InterceptedFile, held)
        row = session.get_one(InterceptedFile, held.id, populate_existing=True)
        if _is_gone(row, outcome):
            row.deleted_at, row.media_id = now, None
            _note(session, Event.COURIER_CHAT_DOCUMENT_DELETED, row, now)
        elif now - row.at >= MEDIA_LIFE:
            row.left_at, row.media_id = now, None
            _note(session, Event.COURIER_CHAT_DOCUMENT_LEFT, row, now)
            raise_alarm(
                session, AlarmKind.MEDIA, org_id=row.org_id, subject=row.sender_id, code=_code(outcome), now=now
            )
        else:
            row.unknown = row.unknown or isinstance(outcome, Unknown)
            row.due_at = now + _wait(held.attempt, outcome)


def forget_chats(database: Database, now: datetime) -> None:
    """Drop the chats that may be answered no longer, and with them the addresses of who wrote."""
    with database.transaction() as session:
        drop_ended(session, now)


def _is_gone(row: InterceptedFile, outcome: CallOutcome | InvalidMessage) -> bool:
    match outcome:
        case Answered(body=body):
            return body.get("success") is True
        case Refused(error=error):
            return row.unknown and (error.code, error.subcode) == NO_OBJECT
        case NotSent() | Unknown() | InvalidMessage():
            return False


def _wait(attempt: int, outcome: CallOutcome | InvalidMessage) -> timedelta:
    asked = outcome.error.retry_after if isinstance(outcome, Refused) else None
    wait = timedelta(seconds=min(4 ** min(attempt, 12), LONGEST.total_seconds()) * (1 + random.random() / 2))  # noqa: S311 (jitter)
    return max(wait, asked or timedelta(0))


def _code(outcome: CallOutcome | InvalidMessage) -> str:
    return str(outcome.error.code) if isinstance(outcome, Refused) else type(outcome).__name__.lower()


def _note(session: Session, event: Event, row: InterceptedFile, now: datetime) -> None:
    record(
        session,
        event,
        org_id=row.org_id,
        actor_id=ACTOR,
        subject_id=row.id,
        case_id=row.case_id,
        now=now,
    )
