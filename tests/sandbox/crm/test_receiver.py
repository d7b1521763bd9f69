"""The CRM of the sandbox: it takes what the portal signed, once, and nothing else."""

import json
from datetime import timedelta

import pytest
from werkzeug.test import Client

from notifications.crm.webhooks import signed_headers
from sandbox.crm.receiver import create_app
from storage.database import utcnow
from tests.records.crm.company import OLD, SECRET

KEY = b"secretsecretsecretsecret"
EVENT = {
    "type": "document.approved",
    "timestamp": "2026-11-26T18:04:05.123Z",
    "data": {
        "case_id": "c1",
        "case_url": "http://staff.localhost/cases/c1",
        "external_ref": "CRM-4711",
        "progress": {"status": "receiving", "received": 2, "accepted": 1, "total": 4},
    },
}
BODY = json.dumps(EVENT).encode()


@pytest.fixture
def crm() -> Client:
    return create_app(KEY).test_client()


def post(crm: Client, *, secret: str = SECRET, body: bytes = BODY, late: timedelta = timedelta(0), **more: str) -> int:
    headers = {**signed_headers((secret,), "evt_1", body, utcnow() - late), **more}
    return crm.post("/hook", data=body, headers=headers).status_code


def test_what_the_portal_signed_is_taken_and_shown(crm: Client) -> None:
    assert post(crm) == 204
    page = crm.get("/").get_data(as_text=True)
    assert "CRM-4711" in page
    assert "recibiendo · 2 de 4 recibidos" in page
    assert 'href="http://staff.localhost/cases/c1"' in page


def test_a_repetition_is_counted_and_not_taken_twice(crm: Client) -> None:
    assert [post(crm), post(crm)] == [204, 204]
    (event,) = crm.get("/sim/events").json["events"]
    assert (event["id"], event["times"]) == ("evt_1", 2)


def test_what_another_signed_or_is_too_old_or_makes_no_sense_is_refused(crm: Client) -> None:
    assert post(crm, secret=OLD) == 401
    assert post(crm, late=timedelta(minutes=6)) == 401
    assert post(crm, **{"webhook-id": "evt_2"}) == 401
    assert post(crm, body=b"[]") == 401
    assert post(crm, body=b'{"data": 1}') == 401
    assert crm.post("/hook", data=BODY).status_code == 401
    assert crm.get("/sim/events").json == {"events": [], "refused": 6}
    assert "6 rechazados" in crm.get("/").get_data(as_text=True)


def test_an_empty_crm_says_so(crm: Client) -> None:
    assert "Todavía no sabe de ningún asunto." in crm.get("/").get_data(as_text=True)
