"""Contacts by API: corrected for the messages to come, one field at a time, and never another company's."""

import pytest
from sqlalchemy import select

from audit import AuditEvent
from records.cases import Case, Party
from records.optouts import opt_out
from storage.database import utcnow
from tests.portal.gateway.company import NOBODY, a_body
from tests.portal.gateway.test_requests import count, problem


def correct(gateway, contact_id, body, **options):
    return gateway.call("PATCH", f"/api/v1/contacts/{contact_id}", json=body, **options)


def test_a_wrong_number_is_corrected_and_the_trail_does_not_tell_it(gateway):
    made = gateway.ask().json
    told = correct(gateway, made["contact_id"], {"phone": "55 8765 4321"})
    assert told.status_code == 200, told.get_data(as_text=True)
    assert (told.json["phone"], told.json["name"]) == ("+525587654321", "Ana Torres")
    assert gateway.call("GET", f"/api/v1/contacts/{made['contact_id']}").json == told.json
    with gateway.database.reading() as session:
        assert session.get_one(Party, made["contact_id"]).hint == "21"
        event = session.scalars(select(AuditEvent).where(AuditEvent.event == "crm:contact:changed")).one()
    assert event.details == {"phone": True}


def test_a_correction_that_changes_nothing_leaves_no_trace(quick):
    made = quick.ask().json
    correct(quick, made["contact_id"], {"phone": "+52 55 1234 5678", "locale": "es"})
    assert count(quick, AuditEvent) == [2]


def test_an_address_is_emptied_by_an_empty_text(quick):
    made = quick.ask().json
    told = correct(quick, made["contact_id"], {"phone": "", "email": "ana@example.com", "locale": "pt"}).json
    assert (told["phone"], told["email"], told["locale"]) == (None, "ana@example.com", "pt")


@pytest.mark.parametrize(
    "body",
    [
        {"phone": "123"},
        {"email": "nobody"},
        {"name": ""},
        {"name": "a\u202eb"},
        {"locale": "xx"},
        {"whatsapp_id": "521555"},
        {"role": "owner"},
        {"org_id": NOBODY},
        {"case_id": NOBODY},
    ],
)
def test_a_value_that_breaks_its_rule_is_refused(quick, body):
    made = quick.ask().json
    problem(correct(quick, made["contact_id"], body), 422, "invalid_value")


def test_a_stranger_redirects_nobodys_messages(quick):
    made = quick.ask().json
    body = {"phone": "+525587654321"}
    strange = problem(correct(quick, made["contact_id"], body, key=quick.other.key), 404, "not_found")
    unknown = problem(correct(quick, NOBODY, body, key=quick.other.key), 404, "not_found")
    assert strange | {"reference": ""} == unknown | {"reference": ""}
    problem(correct(quick, made["contact_id"], body, key=quick.a_key("contacts:read")), 403, "forbidden")
    assert quick.call("GET", f"/api/v1/contacts/{made['contact_id']}").json["phone"] == "+525512345678"


def test_whoever_asked_for_no_more_messages_is_told_apart(quick):
    made = quick.ask().json
    with quick.database.transaction() as session:
        opt_out(session, org_id=quick.company.org_id, addresses=["5215512345678"], said_at=utcnow())
    assert quick.call("GET", f"/api/v1/contacts/{made['contact_id']}").json["opted_out"] is True


def test_the_same_person_is_asked_again_in_the_same_case(gateway):
    made = gateway.ask().json
    again = gateway.ask({"contact_id": made["contact_id"], "template_key": "credito"}, idempotency="b")
    assert again.status_code == 201, again.get_data(as_text=True)
    assert (again.json["contact_id"], again.json["case_id"]) == (made["contact_id"], made["case_id"])
    assert count(gateway, Case, Party) == [1, 1]


@pytest.mark.parametrize(
    "changes",
    [
        {"contact_id": NOBODY},
        {"contact": None},
        {"contact": None, "contact_id": NOBODY},
        {"contact": None, "contact_id": NOBODY, "external_ref": None},
    ],
)
def test_a_request_for_two_people_or_for_none_is_refused(quick, changes):
    problem(quick.ask(a_body(**changes)), 422, "invalid_value")


def test_somebody_without_a_visible_phone_is_asked_by_their_whatsapp_id(quick):
    contact = {"name": "Ana", "whatsapp_id": "MX.13491208655302741918"}
    made = quick.ask(a_body(contact=contact))
    assert made.status_code == 201, made.get_data(as_text=True)
    told = quick.call("GET", f"/api/v1/contacts/{made.json['contact_id']}").json
    assert (told["whatsapp_id"], told["phone"]) == ("MX.13491208655302741918", None)


def test_the_evidence_of_an_opt_in_is_kept_with_the_contact(gateway):
    said = {"text": "Acepto avisos por WhatsApp", "at": "2026-03-04T05:06:07Z"}
    contact = {"name": "Ana", "phone": "+525512345678", "opt_in": said}
    made = gateway.ask(a_body(contact=contact))
    assert made.status_code == 201, made.get_data(as_text=True)
    told = gateway.call("GET", f"/api/v1/contacts/{made.json['contact_id']}").json
    assert told["opt_in"] == said | {"source": "api"}


def test_evidence_out_of_the_future_is_refused(quick):
    contact = {"name": "Ana", "phone": "+525512345678", "opt_in": {"text": "sí", "at": "2126-01-01T00:00:00Z"}}
    problem(quick.ask(a_body(contact=contact)), 422, "invalid_value")
