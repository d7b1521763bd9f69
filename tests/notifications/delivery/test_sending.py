"""Delivery against the simulator over real HTTP: at most once as far as anybody can know, and never after the link."""

import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from notifications.delivery import deliver
from notifications.whatsapp.client import CloudApi, Unknown
from records.links import UploadLink, issue
from records.messages import UNKNOWN_WAIT, Message, MessageState, WaitReason
from records.requests import DocumentRequest
from records.senders import WhatsAppSender
from storage.database import utcnow
from storage.due import LostLease, lease
from tests.notifications.courier import SIGNER, tools_for
from tests.services.processes import ROOT, free_port

LATER = UNKNOWN_WAIT + timedelta(seconds=1)


def events(courier, subject):
    from sqlalchemy import select

    from audit import AuditEvent

    with courier.database.reading() as session:
        return [
            (each.event, each.details.get("reason"))
            for each in session.scalars(
                select(AuditEvent).where(AuditEvent.subject_id == subject).order_by(AuditEvent.at)
            )
        ]


def test_a_queued_message_is_accepted_and_told_of(courier_on_both):
    courier = courier_on_both
    message_id = courier.queue()
    assert courier.turn() == 1
    message = courier.message(message_id)
    assert (message.state, message.error, message.due_at, message.lease_until) == (
        MessageState.ACCEPTED,
        None,
        None,
        None,
    )
    (sent,) = courier.on_the_phone()
    assert (sent["wamid"], sent["wa_id"]) == (message.wamid, "5215512345678")
    (attempt,) = courier.attempts(message_id)
    assert (attempt.outcome, attempt.number, sent["opaque"]) == ("accepted", 1, attempt.id)
    assert events(courier, message_id) == [("courier:message:sent", None)]
    assert courier.turn(after=LATER) == 0


def test_what_leaves_is_the_link_and_neutral_words(courier):
    message_id = courier.queue(title="CURP XEXX010101HNEXXXA4")
    courier.turn()
    (sent,) = courier.on_the_phone()
    told = str(sent)
    assert f"/s/{SIGNER.token(courier.message(message_id).link_id)}" in told
    assert "XEXX010101HNEXXXA4" not in told


AT_ONCE = timedelta(0)
REFUSALS = [
    # code, HTTP status, state, what it waits for, goes out after
    (131026, 400, MessageState.FAILED, None, None),  # undeliverable
    (131050, 400, MessageState.FAILED, None, None),  # the person said no
    (137000, 400, MessageState.FAILED, None, None),  # the number may have a new owner
    (100, 400, MessageState.FAILED, None, None),  # our own request is wrong
    (999_999, 400, MessageState.FAILED, None, None),  # nobody knows this code
    (131049, 400, MessageState.QUEUED, WaitReason.RECIPIENT, timedelta(hours=25)),  # withheld by the platform
    (131048, 400, MessageState.QUEUED, WaitReason.SENDER, timedelta(hours=25)),  # spam limits
    (131047, 400, MessageState.QUEUED, WaitReason.BACKOFF, timedelta(seconds=2)),  # window closed
    (130429, 429, MessageState.QUEUED, WaitReason.BACKOFF, timedelta(seconds=2)),  # too fast
    (131056, 400, MessageState.QUEUED, WaitReason.BACKOFF, timedelta(seconds=2)),  # too fast for this person
    (131016, 500, MessageState.QUEUED, WaitReason.BACKOFF, timedelta(seconds=2)),  # a passing fault
    (132005, 400, MessageState.QUEUED, WaitReason.BACKOFF, AT_ONCE),  # too long: goes shorter
    (190, 401, MessageState.QUEUED, WaitReason.SENDER, None),  # token: a person is needed
    (131031, 403, MessageState.QUEUED, WaitReason.SENDER, None),  # account locked
    (132015, 400, MessageState.QUEUED, WaitReason.TEMPLATE, timedelta(hours=7)),  # template paused
]


@pytest.mark.parametrize(("code", "status", "state", "waits", "after"), REFUSALS)
def test_a_refusal_is_answered_by_its_row_of_the_table(courier, code, status, state, waits, after):
    message_id = courier.queue()
    courier.fault("custom", code=code, status=status)
    courier.turn()
    message = courier.message(message_id)
    assert (message.state, message.error, message.waits_for) == (state, str(code), waits)
    assert [(each.outcome, each.error) for each in courier.attempts(message_id)] == [("refused", str(code))]
    assert courier.on_the_phone() == []
    if after is not None:
        if after:
            courier.turn(after=AT_ONCE)  # nothing goes before its time
            assert courier.message(message_id).state == MessageState.QUEUED
        courier.turn(after=after)
        assert courier.message(message_id).state == MessageState.ACCEPTED
    elif state is MessageState.FAILED:
        assert (message.state, message.due_at) == (MessageState.FAILED, None)
        assert ("courier:message:failed", str(code)) in events(courier, message_id)
    assert courier.turn(after=timedelta(days=2)) == (1 if after is None and state is MessageState.QUEUED else 0)
    assert len(courier.on_the_phone()) == (0 if after is None else 1)


def test_passing_faults_end_after_five_tries(courier):
    message_id = courier.queue()
    courier.stage.sim("faults", {"target": "messages", "preset": "rate_limit", "always": True})
    tries = 0
    while courier.turn(after=timedelta(hours=1 + tries)):
        tries += 1
    assert (tries, courier.message(message_id).state) == (5, MessageState.FAILED)


def test_a_refused_connection_is_tried_again(courier):
    message_id = courier.queue()
    with CloudApi(f"http://127.0.0.1:{free_port()}/v26.0", connect_timeout=1) as dead:
        (held,) = courier.leased()
        deliver(tools_for(courier.database, dead), held)
    message = courier.message(message_id)
    assert (message.state, message.error) == (MessageState.QUEUED, "not_sent")
    assert [each.outcome for each in courier.attempts(message_id)] == ["not_sent"]
    assert message.due_at > utcnow()
    courier.turn(after=timedelta(minutes=1))
    assert courier.message(message_id).state == MessageState.ACCEPTED
    assert len(courier.on_the_phone()) == 1


def test_a_lost_answer_is_unknown_until_a_status_carries_its_id(courier_on_both):
    courier = courier_on_both
    message_id = courier.queue()
    courier.fault("drop")
    courier.turn()
    message = courier.message(message_id)
    assert (message.state, message.wamid) == (MessageState.UNKNOWN, None)
    assert courier.turn(after=UNKNOWN_WAIT - timedelta(seconds=5)) == 0
    courier.stage.pass_time()
    assert courier.take_in() == 2
    message = courier.message(message_id)
    assert (message.state, message.due_at) == (MessageState.DELIVERED, None)
    assert message.wamid == courier.on_the_phone()[0]["wamid"]
    assert courier.turn(after=LATER) == 0
    assert len(courier.on_the_phone()) == 1


def test_a_lost_answer_without_a_status_waits_for_a_person(courier):
    message_id = courier.queue()
    courier.fault("hang", seconds=2.5)
    courier.turn()
    message = courier.message(message_id)
    assert (message.state, message.due_at) == (MessageState.UNKNOWN, None)
    assert courier.turn(after=LATER) == 0
    assert [each.outcome for each in courier.attempts(message_id)] == ["unknown"]


def test_a_status_that_is_faster_than_a_lost_answer_is_not_overwritten(courier):
    """The platform reports `sent` while the POST still hangs: its timeout must not make the message unknown again."""
    message_id = courier.queue()
    held = courier.leased()[0]
    post = courier.tools.api.send_template

    class Slow:
        def send_template(self, *args, **kwargs):
            post(*args, **kwargs)
            courier.stage.pass_time(0.5)
            courier.take_in()
            return Unknown(reason="ReadTimeout")

    deliver(replace(courier.tools, api=Slow()), held)
    message = courier.message(message_id)
    assert (message.state, message.due_at) == (MessageState.SENT, None)
    assert courier.turn(after=LATER) == 0
    assert len(courier.on_the_phone()) == 1


def test_a_message_follows_the_link_that_superseded_its_own(courier):
    message_id = courier.queue()
    before = courier.message(message_id).link_id
    with courier.database.transaction() as session:
        message = session.get_one(Message, message_id)
        message.link.expires_at = utcnow() + timedelta(hours=1)
        session.flush()
        newer = issue(session, message.request, now=utcnow()).id
    assert newer != before
    courier.turn()
    assert courier.message(message_id).state == MessageState.ACCEPTED
    assert courier.message(message_id).link_id == newer


def test_a_courier_killed_between_commit_and_answer_leaves_the_message_to_a_person(courier):
    message_id = courier.queue()
    courier.fault("hang", seconds=20)
    script = Path(__file__).parents[1] / "courier.py"
    command = [sys.executable, str(script), str(courier.database.url), courier.stage.graph]
    child = subprocess.Popen(command, cwd=ROOT, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"})
    try:
        deadline = time.monotonic() + 30
        while courier.message(message_id).state != MessageState.SENDING:
            assert time.monotonic() < deadline
            assert child.poll() is None
            time.sleep(0.05)
    finally:
        child.kill()
        child.wait()
    assert courier.turn() == 0  # the lease still lives
    end = courier.lease_end(message_id) - utcnow() + timedelta(seconds=1)
    assert courier.turn(after=end) == 1
    message = courier.message(message_id)
    assert (message.state, courier.on_the_phone()) == (MessageState.UNKNOWN, [])
    assert message.due_at is None
    assert courier.turn(after=LATER) == 0


def test_who_lost_the_lease_posts_nothing(courier_on_both):
    courier = courier_on_both
    message_id = courier.queue()
    (mine,) = courier.leased()
    with courier.database.transaction() as session:
        (other,) = lease(session, Message, now=utcnow() + timedelta(minutes=2), limit=1)
    with pytest.raises(LostLease):
        deliver(courier.tools, mine)
    assert courier.on_the_phone() == []
    assert courier.attempts(message_id) == []
    deliver(courier.tools, other)
    with pytest.raises(LostLease):
        deliver(courier.tools, mine)
    assert len(courier.on_the_phone()) == 1
    assert courier.message(message_id).state == MessageState.ACCEPTED


@pytest.mark.parametrize(
    ("model", "values", "why"),
    [
        (UploadLink, {"revoked_at": utcnow()}, "link_closed"),
        (UploadLink, {"expires_at": utcnow() - timedelta(seconds=1)}, "link_closed"),
        (UploadLink, {"superseded_at": utcnow()}, "link_closed"),
        (DocumentRequest, {"state": "cancelled"}, "request_cancelled"),
        (DocumentRequest, {"state": "complete"}, "request_complete"),
    ],
)
def test_a_message_whose_cause_is_gone_is_cancelled(courier, model, values, why):
    message_id = courier.queue()
    message = courier.message(message_id)
    courier.change(model, message.link_id if model is UploadLink else message.request_id, **values)
    courier.turn()
    message = courier.message(message_id)
    assert (message.state, message.error, message.due_at) == (MessageState.CANCELLED, why, None)
    assert courier.on_the_phone() == []
    assert events(courier, message_id) == [("courier:message:failed", why)]


def test_a_sending_that_was_cut_off_and_whose_link_closed_stays_unknown(courier):
    message_id = courier.queue()
    courier.change(Message, message_id, state=MessageState.SENDING)
    courier.change(UploadLink, courier.message(message_id).link_id, revoked_at=utcnow())
    courier.turn()
    assert courier.message(message_id).state == MessageState.UNKNOWN
    assert courier.turn(after=LATER) == 0


def test_without_a_sender_the_message_fails_visibly(courier):
    message_id = courier.queue()
    with courier.database.transaction() as session:
        session.delete(session.get_one(WhatsAppSender, courier.gateway.company.sender_id))
    courier.turn()
    message = courier.message(message_id)
    assert (message.state, message.error) == (MessageState.FAILED, "no_sender")
