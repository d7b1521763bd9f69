"""The real ticket system of the connector tests: what its API does is what our connector was written for."""

import httpx
import pytest

from tests.services.helpdesk import AGENT, Helpdesk


def test_a_ticket_by_the_api_has_no_address_to_mail_to(helpdesk: Helpdesk):
    with httpx.Client(base_url=helpdesk.url, auth=(AGENT, helpdesk.password), trust_env=False) as client:
        body = {"queue": 1, "title": "Expediente CRM-1", "description": "aviso", "priority": 3}
        ticket = client.post("/api/tickets/", json=body)
        assert ticket.status_code == 201
        note = {"ticket": ticket.json()["id"], "comment": "recibido", "public": False}
        followup = client.post("/api/followups/", json=note)
    assert followup.status_code == 201
    assert followup.json()["public"] is False
    assert helpdesk.ticket_of("CRM-1")["followup_set"][-1]["comment"] == "recibido"
    assert helpdesk.files() == []


@pytest.mark.parametrize("password", ["", "guessed"])
def test_a_stranger_reads_no_ticket(helpdesk: Helpdesk, password: str):
    answer = httpx.get(f"{helpdesk.url}/api/tickets/", auth=(AGENT, password), trust_env=False)
    assert answer.status_code == 401
