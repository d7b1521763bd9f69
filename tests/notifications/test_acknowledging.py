"""Notices that documents arrived, on a travelled clock: one after 15 minutes of quiet, never one a file."""

from datetime import timedelta

import pytest

from records.contacting import standard_rules
from records.messages import Purpose, queue
from records.notices import QUIET, ReceivedNotice, document_arrived
from records.optouts import opt_out
from records.requests import DocumentRequest, RequestState, SendMode
from storage.database import Database
from tests.notifications.plans import DAY, Plan, a_plan
from tests.records.case_of_ana import NOW

MORNING = NOW + DAY  # Monday, 09:00 in Mexico City
MINUTE = timedelta(minutes=1)


def send(plan: Plan, now, place: int = 0, *, filed: bool = True) -> None:
    plan.send(now, place, filed=filed)
    with plan.database.transaction() as session:
        document_arrived(session, plan.world.request.id, now=now)


def told(plan: Plan) -> list:
    """When notices that something arrived were queued."""
    return [each.created_at for each in plan.messages(Purpose.RECEIVED)]


def test_three_files_within_a_quarter_of_an_hour_bring_one_message(database: Database) -> None:
    plan = a_plan(database, slots=3)
    for place in range(3):
        send(plan, MORNING + place * 10 * MINUTE, place)
    assert plan.thank(MORNING + QUIET) == 0, "quiet has not lasted"
    assert plan.thank(MORNING + 20 * MINUTE + QUIET) == 1
    assert plan.thank(MORNING + 2 * DAY) == 0
    assert told(plan) == [MORNING + 20 * MINUTE + QUIET]
    (event,) = plan.events("courier:notice:queued")
    assert event.subject_id == plan.messages(Purpose.RECEIVED)[0].id


def test_a_file_that_comes_while_the_notice_is_being_made_puts_it_off(database: Database) -> None:
    plan = a_plan(database, slots=2)
    send(plan, MORNING)
    later = MORNING + QUIET

    def late(database, held, *, now):
        from notifications.acknowledging import thank

        send(plan, later, 1)
        thank(database, held, now=now)

    plan.turn(later, late, ReceivedNotice)
    assert told(plan) == []
    assert plan.due(ReceivedNotice) == later + QUIET
    plan.thank(later + QUIET)
    assert told(plan) == [later + QUIET]


def test_what_trickles_in_is_told_of_once_a_day_and_the_last_document_always(database: Database) -> None:
    plan = a_plan(database, slots=4)
    for hours, place in ((0, 0), (2, 1), (4, 2)):
        at = MORNING + timedelta(hours=hours)
        send(plan, at, place)
        plan.thank(at + QUIET)
    assert len(told(plan)) == 1
    send(plan, MORNING + timedelta(hours=6), 3)
    plan.thank(MORNING + timedelta(hours=6) + QUIET)
    assert len(told(plan)) == 2


def test_a_file_under_inspection_is_waited_for(database: Database) -> None:
    plan = a_plan(database)
    send(plan, MORNING, filed=False)
    plan.thank(MORNING + QUIET)
    assert told(plan) == []
    with database.transaction() as session:
        session.get_one(DocumentRequest, plan.world.request.id).slots[0].filed(MORNING)
    plan.thank(plan.due(ReceivedNotice))
    assert len(told(plan)) == 1


def test_who_left_before_a_file_was_refused_hears_that_a_step_must_be_repeated(database: Database) -> None:
    plan = a_plan(database)
    send(plan, MORNING, filed=False)
    with database.transaction() as session:
        session.get_one(DocumentRequest, plan.world.request.id).slots[0].refused("pdf_locked", MORNING)
    plan.thank(MORNING + QUIET)
    assert told(plan) == []
    assert len(plan.messages(Purpose.RETURNED)) == 1


def test_what_is_sent_late_at_night_is_acknowledged_in_the_morning(database: Database) -> None:
    plan = a_plan(database)
    night = MORNING + timedelta(hours=13)  # 22:00
    send(plan, night)
    plan.thank(night + QUIET)
    assert told(plan) == []
    assert plan.due(ReceivedNotice) == MORNING + DAY


@pytest.mark.parametrize("why", ["opted out", "switched off", "cancelled", "closed", "sent by the CRM", "told already"])
def test_no_notice_where_it_is_not_wanted(database: Database, why: str) -> None:
    plan = a_plan(database, send_mode=SendMode.NONE if why == "sent by the CRM" else SendMode.AUTO)
    send(plan, MORNING)
    with database.transaction() as session:
        request = session.get_one(DocumentRequest, plan.world.request.id)
        match why:
            case "opted out":
                opt_out(session, org_id=request.org_id, addresses=[request.party.phone], said_at=NOW)
            case "switched off":
                rules = standard_rules(request.org_id)
                rules.received_notices = False
                session.add(rules)
            case "cancelled":
                request.state = RequestState.CANCELLED
            case "closed":
                request.case.close(NOW)
            case "told already":
                link = plan.link()
                queue(session, request=request, link=session.merge(link), purpose=Purpose.RETURNED, now=MORNING + QUIET)
    assert plan.thank(MORNING + QUIET + MINUTE) == 1
    assert told(plan) == []
    assert plan.due(ReceivedNotice) is None
