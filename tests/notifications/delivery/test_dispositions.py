"""Every code of the platform has its effect: on the message, on its number, person or template, and on who is told."""

from datetime import timedelta

import pytest

from notifications.delivery.routing import Hold, Route
from notifications.whatsapp.errors import RULES
from records.messages import Channel, MessageState, WaitReason
from records.requests import RequestState
from tests.notifications.delivery.outbox import Outbox

SENDER = (190, 0, 3, 10, *range(200, 300), 131005, 133010, 131045, 131037, 131042)
LOCKED = (368, 131031, 130497)
THROTTLED = (4, 80007, 130429)
PAIR = (131056,)
SPAM = (131048, 131064)
TRANSIENT = (1, 2, 131000, 131016, 131057, 133004, 131053)
UNDELIVERABLE = (131026, 131021, 130403, 131062)
BUGS = (132000, 132012, 132018, 131008, 131009, 100)
TEMPLATE = (132001, 132007, 132015, 132016)
SINGLE = (131047, 131049, 130472, 131050, 132005, 137000, 131051, 131052)


def test_no_code_of_the_table_is_without_a_test_here():
    tested = [*SENDER, *LOCKED, *THROTTLED, *PAIR, *SPAM, *TRANSIENT, *UNDELIVERABLE, *BUGS, *TEMPLATE, *SINGLE]
    assert sorted(tested) == sorted(RULES)


@pytest.mark.parametrize("code", [*(each for each in SENDER if not 203 < each < 299), *LOCKED])
def test_a_number_that_may_not_send_is_stopped_until_a_person_says_so(outbox: Outbox, code: int) -> None:
    message, attempt = outbox.accepted()
    outbox.refused(message, attempt, code)
    assert outbox.breakers() == [("sender", str(code), None)]
    assert outbox.alarms() == [("sender", str(code))]
    assert (message.state, message.error, message.tries) == (MessageState.QUEUED, str(code), 0)
    for each in (message, outbox.queued()):
        way = outbox.way(each, after=timedelta(days=3))
        assert isinstance(way, Hold)
        assert (way.why, way.elsewhere) == (WaitReason.SENDER, code in LOCKED)


@pytest.mark.parametrize("code", [203, 250, 298])
def test_any_missing_permission_stops_the_number(outbox: Outbox, code: int) -> None:
    message, attempt = outbox.accepted()
    outbox.refused(message, attempt, code)
    assert outbox.breakers() == [("sender", str(code), None)]


@pytest.mark.parametrize("code", LOCKED)
def test_where_the_account_is_locked_another_channel_takes_over(outbox: Outbox, code: int) -> None:
    outbox.with_mail()
    message, attempt = outbox.accepted()
    outbox.refused(message, attempt, code)
    assert (message.channel, message.state, message.pinned) == (Channel.EMAIL, MessageState.QUEUED, True)
    assert "courier:message:rerouted" in outbox.events()


@pytest.mark.parametrize("code", [190, 131042])
def test_a_number_that_a_person_mends_keeps_its_messages(outbox: Outbox, code: int) -> None:
    outbox.with_mail()
    message, attempt = outbox.accepted()
    outbox.refused(message, attempt, code)
    assert (message.channel, message.state) == (Channel.WHATSAPP, MessageState.QUEUED)


def test_another_number_takes_over_from_one_that_is_stopped(outbox: Outbox) -> None:
    message, attempt = outbox.accepted()
    other = outbox.another_number()
    outbox.refused(message, attempt, 190)
    way = outbox.way(message)
    assert isinstance(way, Route)
    assert way.sender.id == (other.id if attempt.sender_id == outbox.sender.id else outbox.sender.id)
    assert message.due_at == outbox.now


@pytest.mark.parametrize("code", SPAM)
def test_what_was_taken_for_spam_waits_a_day_and_leaves_by_no_other_number(outbox: Outbox, code: int) -> None:
    message, attempt = outbox.accepted()
    outbox.another_number(priority=200)
    outbox.refused(message, attempt, code)
    assert outbox.breakers() == [("sender", str(code), timedelta(hours=24))]
    assert outbox.alarms() == [("spam", str(code))]
    for each in (message, outbox.queued()):
        way = outbox.way(each, after=timedelta(hours=23))
        assert isinstance(way, Hold)
        assert (way.why, way.until, way.elsewhere) == (WaitReason.SENDER, outbox.now + timedelta(hours=24), True)
    assert isinstance(outbox.way(message, after=timedelta(hours=25)), Route)


@pytest.mark.parametrize("code", SPAM)
def test_what_was_taken_for_spam_goes_by_mail_meanwhile(outbox: Outbox, code: int) -> None:
    outbox.with_mail()
    message, attempt = outbox.accepted()
    outbox.refused(message, attempt, code)
    assert (message.channel, message.state) == (Channel.EMAIL, MessageState.QUEUED)


@pytest.mark.parametrize("code", THROTTLED)
def test_a_number_that_is_too_fast_pauses_for_everybody_and_longer_each_time(outbox: Outbox, code: int) -> None:
    (message, attempt), other = outbox.accepted(), outbox.queued()
    lengths = []
    for number in range(2, 6):
        outbox.refused(message, attempt, code)
        (_, reason, length) = outbox.breakers()[0]
        assert length is not None
        assert reason == str(code)
        assert isinstance(outbox.way(other), Hold)
        assert message.due_at >= outbox.now + length
        lengths.append(length.total_seconds())
        outbox.now = max(message.due_at, outbox.now + length)
        attempt = outbox.attempted(message, number=number)
    for found, least in zip(lengths, (1, 4, 16, 64), strict=True):
        assert least <= found <= least * 1.5
    outbox.refused(message, attempt, code)
    assert (message.state, message.tries) == (MessageState.FAILED, 5)


def test_a_burst_of_refusals_is_one_pause(outbox: Outbox) -> None:
    taken = [outbox.accepted() for _ in range(4)]
    for message, attempt in taken:
        outbox.refused(message, attempt, 130429)
    ((_, _, length),) = outbox.breakers()
    assert length is not None
    assert length < timedelta(seconds=2)


def test_the_platforms_own_waiting_time_is_honoured(outbox: Outbox) -> None:
    message, attempt = outbox.accepted()
    outbox.refused(message, attempt, 80007, retry_after=timedelta(minutes=40))
    assert outbox.breakers() == [("sender", "80007", timedelta(minutes=40))]
    assert message.due_at >= outbox.now + timedelta(minutes=40)


def test_too_fast_for_one_person_pauses_that_person_only(outbox: Outbox) -> None:
    message, attempt = outbox.accepted()
    outbox.refused(message, attempt, 131056)
    ((scope, reason, length),) = outbox.breakers()
    assert (scope, reason) == ("recipient", "131056")
    assert length is not None
    assert timedelta(seconds=1) <= length <= timedelta(seconds=1.5)
    assert message.waits_for == WaitReason.BACKOFF
    assert isinstance(outbox.way(outbox.queued()), Hold)
    outbox.world.request.party.phone = "+525500000000"
    assert isinstance(outbox.way(outbox.queued()), Route)


@pytest.mark.parametrize("code", [*TRANSIENT, 131047])
def test_a_passing_fault_is_tried_again_and_ends_with_a_person_after_five_tries(outbox: Outbox, code: int) -> None:
    message, attempt = outbox.accepted()
    waits = []
    for number in range(2, 6):
        outbox.refused(message, attempt, code)
        assert (message.state, message.waits_for) == (MessageState.QUEUED, WaitReason.BACKOFF)
        waits.append((message.due_at - outbox.now).total_seconds())
        attempt = outbox.attempted(message, number=number)
    assert [int(wait // least) for wait, least in zip(waits, (1, 4, 16, 64), strict=True)] == [1, 1, 1, 1]
    outbox.refused(message, attempt, code)
    assert (message.state, message.error, message.due_at) == (MessageState.FAILED, str(code), None)
    assert outbox.breakers() == []


@pytest.mark.parametrize("code", UNDELIVERABLE)
def test_an_address_that_takes_nothing_is_flagged_and_the_next_channel_goes_on(outbox: Outbox, code: int) -> None:
    outbox.with_mail()
    message, attempt = outbox.accepted()
    link = message.link_id
    outbox.refused(message, attempt, code)
    assert (message.channel, message.state, message.link_id) == (Channel.EMAIL, MessageState.QUEUED, link)
    assert message.due_at == outbox.now
    assert message.request.party.unreachable_since == outbox.now


@pytest.mark.parametrize("code", [*UNDELIVERABLE, 130472, 131050])
def test_without_another_channel_the_message_fails_for_a_person_to_see(outbox: Outbox, code: int) -> None:
    message, attempt = outbox.accepted()
    outbox.refused(message, attempt, code)
    assert (message.state, message.error, message.due_at) == (MessageState.FAILED, str(code), None)
    assert {"courier:message:failed", "courier:call:raised"} <= set(outbox.events())


def test_what_an_experiment_withheld_goes_by_another_channel(outbox: Outbox) -> None:
    outbox.with_mail()
    message, attempt = outbox.accepted()
    outbox.refused(message, attempt, 130472)
    assert message.channel == Channel.EMAIL
    assert outbox.breakers() == []


def test_the_cap_on_marketing_holds_a_day_and_asks_what_became_of_our_template(outbox: Outbox) -> None:
    message, attempt = outbox.accepted()
    outbox.refused(message, attempt, 131049)
    assert outbox.breakers() == [("recipient", "131049", timedelta(hours=24))]
    assert outbox.alarms() == [("category", "131049")]
    assert (message.state, message.waits_for) == (MessageState.QUEUED, WaitReason.RECIPIENT)
    assert message.due_at == outbox.now + timedelta(hours=24)


def test_the_cap_on_marketing_lets_another_channel_go_now(outbox: Outbox) -> None:
    outbox.with_mail()
    message, attempt = outbox.accepted()
    outbox.refused(message, attempt, 131049)
    assert (message.channel, message.due_at) == (Channel.EMAIL, outbox.now)
    assert outbox.alarms() == [("category", "131049")]


def test_who_stopped_the_company_gets_nothing_more_on_whatsapp(outbox: Outbox) -> None:
    message, attempt = outbox.accepted()
    outbox.refused(message, attempt, 131050)
    way = outbox.way(outbox.queued(), after=timedelta(days=365))
    assert isinstance(way, Hold)
    assert (way.why, way.elsewhere, way.forever) == (WaitReason.RECIPIENT, True, True)


@pytest.mark.parametrize("code", [*BUGS, 131051, 131052, 999_999])
def test_what_we_did_wrong_fails_at_once_and_is_told(outbox: Outbox, code: int) -> None:
    outbox.with_mail()
    message, attempt = outbox.accepted()
    outbox.refused(message, attempt, code)
    assert (message.state, message.error, message.channel) == (MessageState.FAILED, str(code), Channel.WHATSAPP)
    assert outbox.alarms() == [("bug", str(code))]


@pytest.mark.parametrize(
    ("code", "length"),
    [(132001, timedelta(minutes=15)), (132007, None), (132015, timedelta(hours=6)), (132016, None)],
)
def test_a_template_that_may_not_be_used_is_stopped_and_its_messages_wait(outbox: Outbox, code, length) -> None:
    message, attempt = outbox.accepted()
    outbox.refused(message, attempt, code)
    assert outbox.breakers() == [("template", str(code), length)]
    assert outbox.alarms() == [("template", str(code))]
    assert (message.state, message.tries) == (MessageState.QUEUED, 0)
    way = outbox.way(message)
    assert isinstance(way, Hold)
    assert way.why == WaitReason.TEMPLATE


def test_a_template_that_is_missing_in_one_spanish_goes_out_in_the_other(outbox: Outbox) -> None:
    outbox.world.request.party.locale = "es-ES"
    message, attempt = outbox.accepted()
    assert attempt.template is not None
    assert attempt.template.endswith("/es_ES")
    outbox.refused(message, attempt, 132001)
    way = outbox.way(message)
    assert isinstance(way, Route)
    assert way.language == "es_MX"


def test_a_text_that_was_too_long_goes_shorter_once(outbox: Outbox) -> None:
    message, attempt = outbox.accepted()
    outbox.refused(message, attempt, 132005)
    assert (message.state, message.shortened, message.due_at) == (MessageState.QUEUED, True, outbox.now)
    outbox.refused(message, outbox.attempted(message, number=2), 132005)
    assert message.state == MessageState.FAILED
    assert outbox.alarms() == [("bug", "132005")]


def test_an_address_with_a_new_owner_opens_nothing_more_until_a_person_has_made_sure(outbox: Outbox) -> None:
    outbox.with_mail()
    message, attempt = outbox.accepted()
    outbox.refused(message, attempt, 137000)
    assert message.link.revoked_at == outbox.now
    assert (message.state, message.channel) == (MessageState.FAILED, Channel.WHATSAPP)
    assert outbox.alarms() == [("contact", "137000")]
    assert "courier:link:blocked" in outbox.events()
    assert outbox.world.request.state != RequestState.CANCELLED
    way = outbox.way(outbox.queued())
    assert isinstance(way, Hold)
    assert way.why == WaitReason.VERIFY


def test_the_same_cause_raises_one_alarm_and_counts(outbox: Outbox) -> None:
    for _ in range(3):
        message, attempt = outbox.accepted()
        outbox.refused(message, attempt, 100)
    assert outbox.alarms() == [("bug", "100")]
    assert outbox.events().count("courier:alarm:raised") == 1
