"""Reminders on a travelled clock, on both databases: when they leave, what stops them, and when a person is told."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import update

from notifications.reminding import remind
from records.contacting import standard_rules
from records.escalations import clear_call, customer_acted
from records.links import UploadLink
from records.messages import Message, MessageState, Purpose, queue
from records.optouts import opt_out
from records.reminders import ReminderPlan, hold, look_again, start_again
from records.requests import DocumentRequest, RequestState, SendMode
from records.requirements import RequirementTemplate
from records.reviewing import ask_again
from storage.database import Database
from storage.due import LostLease, lease
from tests.notifications.plans import DAY, Plan, a_plan
from tests.records.case_of_ana import NOW

HOUR = timedelta(hours=1)
ENOUGH = NOW + 40 * DAY


def run_all(plan: Plan, *, until=ENOUGH) -> None:
    """Take every step at the moment at which it is due, while every message arrives."""
    while (due := plan.due()) is not None and due <= until:
        plan.turn(due)
        plan.arrive()


def test_a_silent_customer_is_reminded_on_days_3_7_and_14_and_then_a_person_is_told(database: Database) -> None:
    plan = a_plan(database)
    run_all(plan)
    # day 7 is a Sunday, a day of rest: it moves to Monday; 09:00 in Mexico City is 15:00 UTC
    assert plan.reminders() == [NOW + 3 * DAY, NOW + 8 * DAY, NOW + 15 * DAY]
    assert [each.details["number"] for each in plan.events("courier:reminder:queued")] == [1, 2, 3]
    assert plan.calls() == [("silent", True)]
    assert plan.events("courier:call:raised")[0].at == NOW + 16 * DAY


@pytest.mark.parametrize(("days", "when"), [([1], [NOW + DAY]), ([], [])])
def test_the_days_are_those_of_the_template_and_none_means_never(database: Database, days: list, when: list) -> None:
    plan = a_plan(database)
    with database.transaction() as session:
        session.execute(update(RequirementTemplate).values(reminder_days=days))
        look_again(session, plan.world.request.id, now=NOW)
    run_all(plan)
    assert plan.reminders() == when
    assert len(plan.events("courier:request:expired")) == 1


def test_a_reminder_keeps_the_link_while_48_hours_of_it_remain_and_brings_a_new_one_after(database: Database) -> None:
    plan = a_plan(database)
    first = plan.link().id
    plan.turn(NOW + 3 * DAY)
    assert plan.link().id == first
    plan.arrive()
    plan.turn(NOW + 8 * DAY)
    assert plan.link().id != first
    assert plan.messages(Purpose.REMINDER)[1].link_id == plan.link().id


def test_reminders_stop_when_uploading_starts(database: Database) -> None:
    plan = a_plan(database, slots=2)
    plan.send(NOW + 2 * DAY)
    run_all(plan)
    assert plan.reminders() == []
    assert {each.details["reason"] for each in plan.events("courier:reminder:skipped")} == {"started"}
    assert plan.calls() == [("stalled", True)], "somebody who stopped half way is called, not forgotten"


def test_an_upload_before_the_last_message_stops_nothing(database: Database) -> None:
    plan = a_plan(database, slots=2)
    plan.send(NOW + 2 * DAY)
    with database.transaction() as session:
        request = session.get_one(DocumentRequest, plan.world.request.id)
        request.slots[0].returned("unreadable", None, NOW + 3 * DAY)
        ask_again(session, request, now=NOW + 3 * DAY)
    plan.arrive()
    plan.turn(NOW + 3 * DAY)
    assert plan.due() == NOW + 6 * DAY, "the days count from the return"
    run_all(plan, until=NOW + 6 * DAY)
    assert plan.reminders() == [NOW + 6 * DAY]


@pytest.mark.parametrize("how", ["complete", "cancelled", "closed", "all sent"])
def test_reminders_stop_when_nothing_is_wanted_any_more(database: Database, how: str) -> None:
    plan = a_plan(database)
    if how in ("complete", "cancelled"):
        plan.change(state=RequestState(how))
    elif how == "closed":
        with database.transaction() as session:
            session.get_one(DocumentRequest, plan.world.request.id).case.close(NOW)
    else:
        for place in range(len(plan.world.request.slots)):
            plan.send(NOW, place)
    run_all(plan)
    assert (plan.reminders(), plan.calls()) == ([], [])
    assert plan.events("courier:request:expired") == []


def test_who_opted_out_is_not_reminded_and_a_person_is_told(database: Database) -> None:
    plan = a_plan(database)
    with database.transaction() as session:
        request = session.get_one(DocumentRequest, plan.world.request.id)
        opt_out(session, org_id=request.org_id, addresses=[request.party.phone], said_at=NOW)
    plan.turn(NOW + 3 * DAY)
    assert (plan.reminders(), plan.calls()) == ([], [("opted_out", True)])
    run_all(plan)
    assert plan.reminders() == []


def test_what_the_crm_sends_the_portal_does_not_remind_of(database: Database) -> None:
    plan = a_plan(database, asked=False, send_mode=SendMode.NONE)
    run_all(plan)
    assert plan.messages() == []
    assert len(plan.events("courier:request:expired")) == 1


def test_no_reminder_is_piled_on_a_message_that_has_not_left(database: Database) -> None:
    plan = a_plan(database)
    with database.transaction() as session:
        session.execute(update(Message).values(state=MessageState.QUEUED))
    plan.turn(NOW + 3 * DAY)
    assert plan.events("courier:reminder:skipped")[0].details["reason"] == "on_the_way"


def test_no_reminder_follows_on_the_heels_of_another_message(database: Database) -> None:
    plan = a_plan(database)
    with database.transaction() as session:
        link = session.get_one(UploadLink, plan.link().id)
        at = NOW + 3 * DAY - 2 * HOUR
        again = queue(session, request=link.request, link=link, purpose=Purpose.REQUEST, now=at)
        again.state = MessageState.READ
    plan.turn(NOW + 3 * DAY)
    assert plan.events("courier:reminder:skipped")[0].details["reason"] == "just_asked"


def test_a_courier_that_was_away_sends_one_reminder_not_all_that_were_missed(database: Database) -> None:
    plan = a_plan(database)
    plan.turn(NOW + 9 * DAY)
    assert len(plan.reminders()) == 1
    assert plan.due() == NOW + 15 * DAY


def test_what_is_due_at_night_waits_for_the_morning_of_the_customer(database: Database) -> None:
    plan = a_plan(database)
    with database.transaction() as session:
        start_again(session, plan.world.request.id, now=NOW + 13 * HOUR)  # 22:00 in Mexico City
    plan.turn(NOW + 13 * HOUR)
    assert plan.due() == NOW + 4 * DAY
    with database.transaction() as session:
        rules = standard_rules(plan.world.org.id)
        rules.closes = "23:00"
        session.add(rules)
        look_again(session, plan.world.request.id, now=NOW + DAY)
    plan.turn(NOW + DAY)
    assert plan.due() == NOW + 3 * DAY + 13 * HOUR


def test_a_pause_holds_reminders_and_going_on_sends_what_was_missed_once(database: Database) -> None:
    plan = a_plan(database)
    with database.transaction() as session:
        hold(session, plan.world.request.id, paused_at=NOW + DAY, now=NOW + DAY)
    plan.turn(NOW + DAY)
    assert plan.due() == NOW + 7 * DAY, "only the end of the request is left"
    with database.transaction() as session:
        hold(session, plan.world.request.id, paused_at=None, now=NOW + 4 * DAY)
    plan.turn(NOW + 4 * DAY)
    assert plan.reminders() == [NOW + 4 * DAY]
    assert plan.due() == NOW + 8 * DAY


def test_the_end_of_an_unfinished_request_is_told_once(database: Database) -> None:
    plan = a_plan(database)
    run_all(plan)
    (expired,) = plan.events("courier:request:expired")
    assert expired.subject_id == plan.world.request.id
    assert expired.at == plan.link().expires_at
    with database.transaction() as session:
        look_again(session, plan.world.request.id, now=expired.at + DAY)
    plan.turn(expired.at + DAY)
    assert len(plan.events("courier:request:expired")) == 1


def test_a_new_link_moves_the_end(database: Database) -> None:
    plan = a_plan(database, asked=False, send_mode=SendMode.NONE)
    assert plan.due() == NOW + 7 * DAY
    with database.transaction() as session:
        session.get_one(UploadLink, plan.link().id).expires_at = NOW + 9 * DAY
    plan.turn(NOW + 7 * DAY)
    assert plan.events("courier:request:expired") == []
    assert plan.due() == NOW + 9 * DAY


def test_a_call_is_cleared_by_the_customer_who_acts_or_by_a_person_with_a_note(database: Database) -> None:
    plan = a_plan(database)
    run_all(plan, until=NOW + 17 * DAY)
    with database.transaction() as session:
        customer_acted(session, session.get_one(UploadLink, plan.link().id), now=NOW + 17 * DAY)
    assert plan.calls() == [("silent", False)]
    assert plan.events("customer:call:cleared")[0].actor_id == plan.link().id
    run_all(plan)
    assert plan.calls() == [("silent", False), ("expired", True)]
    eva = plan.world.members["eva"]
    with database.transaction() as session:
        clear_call(session, eva, plan.world.request.id, untrusted_note=" La llamé; envía mañana. ", now=ENOUGH)
    assert plan.calls() == [("silent", False), ("expired", False)]
    (told,) = plan.events("staff:call:cleared")
    assert (told.actor_id, told.details["note"]) == (eva.id, True)
    assert "mañana" not in str(told.details)


def test_of_two_couriers_one_reminds(database: Database) -> None:
    plan = a_plan(database)
    due = NOW + 3 * DAY
    with database.transaction() as session:
        first = lease(session, ReminderPlan, now=due, limit=5)
    with database.transaction() as session:
        second = lease(session, ReminderPlan, now=due + 2 * HOUR, limit=5)  # the first one's lease ran out
    assert len(first) == len(second) == 1
    start = threading.Barrier(2)

    def try_it(held) -> str:
        start.wait()
        try:
            remind(database, held, now=due + 2 * HOUR)
        except LostLease:
            return "lost"
        return "done"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(try_it, [*first, *second])) == ["done", "lost"]
    assert len(plan.reminders()) == 1
    assert len(plan.events("courier:reminder:queued")) == 1


def test_work_that_is_done_twice_by_the_same_lease_reminds_once(database: Database) -> None:
    plan = a_plan(database)
    with database.transaction() as session:
        (held,) = lease(session, ReminderPlan, now=NOW + 3 * DAY, limit=5)
    remind(database, held, now=NOW + 3 * DAY)
    with pytest.raises(LostLease):
        remind(database, held, now=NOW + 3 * DAY)
    assert len(plan.reminders()) == 1
