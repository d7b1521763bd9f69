"""HubSpot: one ticket for each case, found again by a unique property, and notes that hang where they should."""

from collections.abc import Iterator

import pytest

from notifications.crm.outcomes import Delivered
from records.crm.types import CrmType
from records.progress import Progress, ProgressStatus
from sandbox.crm.serving import Fault
from tests.notifications.connectors.stage import CASE, CASE_URL, Stage, a_hubspot, an_update

RETURNED = Progress(status=ProgressStatus.RETURNED, received=1, accepted=0, total=4)


@pytest.fixture
def stage() -> Iterator[Stage]:
    with a_hubspot() as made:
        yield made


def test_a_case_is_one_ticket_that_hangs_on_the_contact(stage):
    for event in (1, 2):
        stage.connector().tell(an_update(event, refs=stage.refs))
    (ticket,) = stage.account.objects["tickets"].values()
    assert ticket.properties["subject"] == "Expediente CRM-4711"
    assert ticket.properties["resguardo_case"] == CASE
    assert ticket.properties["expediente_url"] == CASE_URL
    assert ticket.associations == [("contacts", "501")]


def test_the_ticket_moves_to_the_stage_of_the_progress(stage):
    stage.connector().tell(an_update(1))
    stage.connector().tell(an_update(2, CrmType.DOCUMENT_RETURNED, RETURNED))
    (ticket,) = stage.account.objects["tickets"].values()
    assert ticket.properties["hs_pipeline_stage"] == "3"


@pytest.mark.parametrize("forgotten", [True, False])
def test_an_answer_that_got_lost_makes_no_second_ticket(stage, forgotten):
    stage.connector().tell(an_update(1))
    if forgotten:
        stage.memory.kept.pop(("ticket", CASE))  # not even begun: another process made it
    else:
        stage.memory.forget()
    stage.connector().tell(an_update(2))
    assert len(stage.account.objects["tickets"]) == 1


def test_a_dropped_ticket_is_found_by_its_unique_property(stage):
    stage.faults.add(Fault(kind="drop", path="/tickets"))
    with pytest.raises(Exception, match=r"cut|protocol"):
        stage.connector().tell(an_update(1))
    stage.connector().tell(an_update(1))
    assert len(stage.account.objects["tickets"]) == 1
    assert len(stage.notes()) == 1


def test_the_ticket_that_the_request_named_is_used(stage):
    stage.connector().tell(an_update(1))
    (ticket,) = stage.account.objects["tickets"]
    stage.memory.kept.clear()
    stage.connector().tell(an_update(2, refs={"hubspot_ticket": ticket}))
    assert list(stage.account.objects["tickets"]) == [ticket]
    assert len(stage.account.notes_of(ticket)) == 2


def test_a_note_hangs_on_ticket_and_contact(stage):
    stage.connector().tell(an_update(1, refs=stage.refs))
    (ticket,) = stage.account.objects["tickets"]
    (note,) = stage.account.notes_of(ticket)
    assert note.associations == [("tickets", ticket), ("contacts", "501")]
    assert note.properties["hs_timestamp"] == "2026-11-26T18:00:00.000Z"


def test_html_in_a_documents_title_is_no_html_in_a_note(stage):
    stage.connector().tell(an_update(1, document="<img src=x onerror=alert(1)>"))
    assert "<img" not in stage.notes()[0]


def test_the_check_tells_of_a_stage_that_the_pipeline_does_not_have(stage):
    assert stage.connector().check() == Delivered()
    stage.account.stages = ("1", "2")
    assert stage.connector().check() == Delivered(code="stage_missing")
