"""django-helpdesk, the real one: one ticket for each case, private follow-ups, and the ticket's status."""

import pytest

from records.crm.types import CrmType
from records.progress import Progress, ProgressStatus
from tests.notifications.connectors.stage import Remembered, a_helpdesk_connector, an_update
from tests.services.helpdesk import Helpdesk

COMPLETE = Progress(status=ProgressStatus.COMPLETE, received=4, accepted=4, total=4)
RETURNED = Progress(status=ProgressStatus.RETURNED, received=3, accepted=1, total=4)


@pytest.fixture
def memory() -> Remembered:
    return Remembered()


def test_a_case_is_one_ticket_whose_notes_nobody_outside_reads(helpdesk: Helpdesk, memory: Remembered):
    connector = a_helpdesk_connector(helpdesk.url, helpdesk.password, memory)
    connector.tell(an_update(1, CrmType.REQUEST_CREATED))
    connector.tell(an_update(2, CrmType.DOCUMENT_CLEAN))
    ticket = helpdesk.ticket_of("CRM-4711")
    opened, *notes = ticket["followup_set"]
    assert opened["public"] is True  # it writes this one itself, with the description: a link behind login
    assert [note["public"] for note in notes] == [False, False]
    assert ticket["submitter_email"] == ""
    assert helpdesk.files() == []


def test_the_ticket_is_resolved_and_reopened_with_the_case(helpdesk: Helpdesk, memory: Remembered):
    connector = a_helpdesk_connector(helpdesk.url, helpdesk.password, memory)
    seen = []
    for event, stands in enumerate((RETURNED, COMPLETE, RETURNED), start=1):
        connector.tell(an_update(event, progress=stands))
        seen.append(helpdesk.ticket_of("CRM-4711")["status"])
    assert seen == [1, 3, 2]


def test_a_ticket_is_found_again_when_its_answer_got_lost(helpdesk: Helpdesk, memory: Remembered):
    connector = a_helpdesk_connector(helpdesk.url, helpdesk.password, memory)
    connector.tell(an_update(1))
    memory.forget()
    connector.tell(an_update(2))
    assert len(helpdesk.tickets()) == 1
    assert len(helpdesk.ticket_of("CRM-4711")["followup_set"]) == 3


def test_template_code_in_a_title_reads_nothing_of_the_ticket(helpdesk: Helpdesk, memory: Remembered):
    connector = a_helpdesk_connector(helpdesk.url, helpdesk.password, memory)
    connector.tell(an_update(1, document="{{ queue.title }}{% now 'Y' %}"))
    note = helpdesk.ticket_of("CRM-4711")["followup_set"][-1]["comment"]
    assert "Expedientes" not in note
    assert "((" in note
