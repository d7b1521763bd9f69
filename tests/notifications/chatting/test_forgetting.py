"""The platform is asked to delete a file of a chat until it has; after its own seven days that is an alarm."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from records.alarms import Alarm
from storage.database import utcnow


@pytest.fixture
def sent(chat):
    """Ana sent a photo."""
    chat.asked()
    chat.sends()
    return chat


def media(chat):
    return chat.courier.stage.sim("state")["media"]


@pytest.mark.parametrize("preset", ["server_error", "rate_limit", "expired_token", "bad_gateway"])
def test_a_platform_that_cannot_now_is_asked_again(sent, preset):
    sent.courier.stage.sim("faults", {"target": "media", "preset": preset, "next": 1})
    sent.forgets()
    (row,) = sent.files()
    assert row.deleted_at is None
    assert row.due_at > utcnow()
    assert media(sent)
    assert sent.forgets(after=timedelta(minutes=5)) == 1
    assert sent.files()[0].deleted_at is not None
    assert media(sent) == []


def test_an_answer_that_was_lost_counts_once_the_file_is_gone(sent):
    sent.courier.stage.sim("faults", {"target": "media", "preset": "drop", "next": 1})
    sent.forgets()
    assert media(sent) == []
    assert sent.files()[0].deleted_at is None
    sent.forgets(after=timedelta(minutes=5))
    assert sent.files()[0].deleted_at is not None


def test_a_file_that_we_may_not_see_is_not_taken_for_deleted(sent):
    fault = {"target": "media", "preset": "custom", "code": 100, "subcode": 33, "always": True}
    sent.courier.stage.sim("faults", fault)
    sent.forgets()
    sent.forgets(after=timedelta(minutes=5))
    (row,) = sent.files()
    assert row.deleted_at is None
    assert row.media_id


def test_after_seven_days_it_is_an_alarm_and_asked_no_more(sent):
    sent.courier.stage.sim("faults", {"target": "media", "preset": "expired_token", "always": True})
    sent.forgets(after=timedelta(days=6))
    assert sent.trail("courier:chat_document:left") == []
    assert sent.forgets(after=timedelta(days=7, hours=1)) == 1
    (row,) = sent.files()
    assert row.left_at is not None
    assert (row.media_id, row.due_at) == (None, None)
    assert len(sent.trail("courier:chat_document:left")) == 1
    with sent.courier.database.reading() as session:
        alarm = session.scalars(select(Alarm)).one()
    assert (alarm.kind, alarm.code) == ("media", "190")
    assert sent.forgets(after=timedelta(days=9)) == 0
