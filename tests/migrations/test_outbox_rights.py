"""The courier's own role is enough for what stops, paces and resumes messages; the public ones see none of it."""

from datetime import timedelta

import pytest
from sqlalchemy import make_url, select, text
from sqlalchemy.exc import ProgrammingError

from migrations.rights import group
from notifications.delivery.failing import undelivered
from notifications.whatsapp.errors import ApiError
from records.alarms import AlarmKind, settle_alarms
from records.breakers import Scope, close_for, recipient_key
from records.budgets import claim_conversation, forget_conversations, set_limit
from records.contacts import note_reached
from records.messages import Message, MessageAttempt, MessageState
from records.pacing import claim_turn, forget_turns, give_turn_back
from records.senders import WhatsAppSender
from storage.database import Database
from tests.notifications.delivery.outbox import an_outbox
from tests.records.case_of_ana import NOW
from tests.services.postgres import Postgres


def limited(url: str, process: str) -> Database:
    """The database as one process."""
    options = {"options": f"-c role={group(process)}"}
    return Database(make_url(url).update_query_dict(options).render_as_string(hide_password=False))


def test_the_couriers_own_role_is_enough_to_stop_pace_and_resume(migrated_url: str) -> None:
    owner, courier = Database(migrated_url), limited(migrated_url, "courier")
    try:
        with an_outbox(owner) as outbox:
            messages = [outbox.accepted() for _ in range(7)]
            ids = [(message.id, attempt.id) for message, attempt in messages]
            sender_id = outbox.sender.id
        codes = (190, 130429, 131056, 132015, 131026, 131049, 137000)
        for (message_id, attempt_id), code in zip(ids, codes, strict=True):
            with courier.transaction() as session:
                message = session.get_one(Message, message_id, with_for_update=True)
                attempt = session.get_one(MessageAttempt, attempt_id)
                attempt.recipient, attempt.recipient_user, attempt.wamid = "5215512345678", "MX.1", "w"
                undelivered(session, message, ApiError(code=code), NOW, attempt=attempt)
        with courier.transaction() as session:
            sender = session.get_one(WhatsAppSender, sender_id)
            message = session.get_one(Message, ids[0][0])
            who = recipient_key(message.request.party)
            note_reached(message.request.party)
            assert claim_turn(session, sender_id=sender.id, recipient=who, now=NOW) is None
            give_turn_back(session, sender.id, who, NOW)
            set_limit(session, org_id=sender.org_id, portfolio=sender.waba_id, daily_limit=5, now=NOW)
            assert claim_conversation(session, sender, who, now=NOW) is None
            close_for(session, Scope.SENDER, sender.id, org_id=sender.org_id, now=NOW)
            settle_alarms(session, AlarmKind.SENDER, org_id=sender.org_id, subject=sender.id, now=NOW)
            forget_turns(session, now=NOW + timedelta(days=1))
            forget_conversations(session, now=NOW + timedelta(days=2))
        with owner.reading() as session:
            states = [session.get_one(Message, message_id).state for message_id, _ in ids]
            assert states.count(MessageState.FAILED) == 2
            assert session.scalars(select(Message.link_id)).first() is not None
    finally:
        owner.dispose()
        courier.dispose()


@pytest.mark.parametrize("process", ["customer", "gateway", "inspector", "custodian", "opener"])
@pytest.mark.parametrize("table", ["breakers", "alarms", "pair_turns", "conversation_budgets", "conversations"])
def test_nobody_but_courier_and_console_sees_what_stops_messages(
    postgres: Postgres, migrated_template: str, process: str, table: str
) -> None:
    database = limited(postgres.url(migrated_template), process)
    try:
        with pytest.raises(ProgrammingError, match="permission denied"), database.reading() as session:
            session.execute(text(f"SELECT 1 FROM {table}"))
    finally:
        database.dispose()
