"""Deriving CRM events from the trail: in order, exactly once, on both databases."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from audit import Event
from records.cases import Case
from records.crm.deriving import BATCH, behind, derive
from records.crm.events import CrmCursor, payload, webhook_id
from records.crm.subscribers import CrmSubscriber
from records.links import newest_link
from records.messages import Purpose, queue
from records.requests import DocumentRequest
from records.reviewing import accept
from storage.database import Database
from tests.records.case_of_ana import a_filed_document, world_in
from tests.records.crm.company import Company, a_company


@pytest.fixture
def company(database: Database) -> Company:
    return a_company(database)


def a_message(company: Company, purpose: Purpose = Purpose.REQUEST) -> str:
    with company.database.transaction() as session:
        request = session.get_one(DocumentRequest, company.world.request.id)
        link = newest_link(session, request.id)
        return queue(session, request=request, link=link, purpose=purpose, now=company.now).id


def test_what_happens_to_a_request_is_told_in_the_order_of_the_trail(company: Company) -> None:
    request = company.world.request.id
    message = a_message(company)
    with company.database.reading() as session:
        link = newest_link(session, request).id
    company.happens(Event.CRM_REQUEST_CREATED, request)
    company.happens(Event.COURIER_MESSAGE_SENT, message, request=request)
    company.happens(Event.GATEWAY_STATUS_RECEIVED, message, status="sent")
    company.happens(Event.GATEWAY_STATUS_RECEIVED, message, status="delivered")
    company.happens(Event.GATEWAY_STATUS_RECEIVED, message, status="read")
    company.happens(Event.CUSTOMER_LINK_ACTIVATED, "visit", actor=link)
    company.happens(Event.STAFF_CASE_VIEWED, company.world.case.id)
    company.happens(Event.STAFF_CASE_CLOSED, company.world.case.id)
    company.tell()
    assert company.types() == [
        "request.created",
        "request.sent",
        "request.delivered",
        "request.read",
        "request.opened",
        "case.closed",
    ]
    assert {event.request_id for event in company.events()[:5]} == {request}
    assert company.events()[1].data["message"] == {"purpose": "request", "channel": "whatsapp"}


def test_a_second_visit_is_not_told_as_another_opening(company: Company) -> None:
    with company.database.reading() as session:
        link = newest_link(session, company.world.request.id).id
    company.happens(Event.CUSTOMER_LINK_ACTIVATED, "visit", actor=link)
    company.tell()
    company.happens(Event.CUSTOMER_LINK_ACTIVATED, "visit2", actor=link)
    company.happens(Event.CUSTOMER_LINK_ACTIVATED, "visit3", actor=link)
    company.tell()
    assert company.types() == ["request.opened"]


def test_what_a_person_decides_is_told_with_document_requirement_and_progress(company: Company) -> None:
    eva = company.world.members["eva"]
    for number in range(2):
        with company.database.transaction() as session:
            request = session.get_one(DocumentRequest, company.world.request.id)
            document = a_filed_document(session, request.slots[number]).id
            details = {"request": request.id, "slot": request.slots[number].id}
        company.happens(Event.INSPECTOR_DOCUMENT_FILED, document, **details)
        company.tell()
        with company.database.transaction() as session:
            accept(session, eva, document, now=company.now)
        company.tell()
    assert company.types() == [
        *("document.clean", "document.approved", "document.clean", "document.approved", "request.completed")
    ]
    first, last = company.events()[1], company.events()[-1]
    assert (first.document_id is not None, first.data["requirement"], first.data["side"]) == (True, "doc-0", "whole")
    assert first.data["progress"] == {"status": "receiving", "received": 1, "accepted": 1, "total": 2}
    assert last.data["progress"] == {"status": "complete", "received": 2, "accepted": 2, "total": 2}
    assert "document_id" not in payload(last, "https://staff.example")["data"]


def test_accepting_what_is_not_required_completes_nothing_again(company: Company) -> None:
    with company.database.transaction() as session:
        request = session.get_one(DocumentRequest, company.world.request.id)
        request.slots[1].requirement.required = False
        documents = [a_filed_document(session, slot).id for slot in request.slots]
    for number, document in enumerate(documents):
        with company.database.transaction() as session:
            accept(session, company.world.members["eva"], document, now=company.now + timedelta(seconds=number))
    company.tell()
    assert company.types() == ["document.approved", "request.completed", "document.approved"]


def test_a_virus_is_told_apart_from_other_refusals(company: Company) -> None:
    with company.database.transaction() as session:
        slot = session.get_one(DocumentRequest, company.world.request.id).slots[0]
        where = {"slot": slot.id, "request": slot.request_id}
    company.happens(Event.INSPECTOR_DOCUMENT_REFUSED, "d1", finding="infected", reason="virus", **where)
    company.happens(Event.INSPECTOR_DOCUMENT_REFUSED, "d2", finding="not_allowed", reason="encrypted", **where)
    company.happens(Event.INSPECTOR_DOCUMENT_RECALLED, "d1", reason="virus_found_later", **where)
    company.tell()
    told = [(event.type, event.data["reason"], event.data["requirement"]) for event in company.events()]
    assert told == [
        ("document.infected", "virus", "doc-0"),
        ("document.rejected", "encrypted", "doc-0"),
        ("document.infected", "virus_found_later", "doc-0"),
    ]


@pytest.mark.parametrize("purpose", [Purpose.CODE, Purpose.RECEIVED])
def test_a_one_time_code_or_a_thank_you_is_no_crm_s_business(company: Company, purpose: Purpose) -> None:
    company.happens(Event.COURIER_MESSAGE_SENT, a_message(company, purpose))
    company.tell()
    assert company.types() == []


def test_a_failure_that_another_channel_makes_good_is_not_told(company: Company) -> None:
    message = a_message(company)
    company.happens(Event.GATEWAY_STATUS_RECEIVED, message, status="failed", error="131026")
    company.happens(Event.COURIER_MESSAGE_REROUTED, message, reason="131026")
    company.happens(Event.COURIER_MESSAGE_SENT, message)
    company.happens(Event.COURIER_REQUEST_EXPIRED, company.world.request.id)
    company.tell()
    assert company.types() == ["request.sent", "request.expired"]


def test_a_message_that_was_needed_no_more_has_not_failed(company: Company) -> None:
    message = a_message(company)
    company.happens(Event.COURIER_MESSAGE_FAILED, message, reason="request_complete")
    company.happens(Event.COURIER_MESSAGE_FAILED, message, reason="131026")
    company.tell()
    assert [(event.type, event.data["reason"]) for event in company.events()] == [("request.failed", "131026")]


def test_an_event_with_another_case_s_ids_tells_nothing_of_that_case(company: Company) -> None:
    """A captured portal writes what it likes into its own events."""
    other = world_in(company.database, slug="otra")
    with company.database.reading() as session:
        slot = session.get_one(DocumentRequest, other.request.id).slots[0].id
    company.happens(Event.CUSTOMER_UPLOAD_FINISHED, "upload", document="d1", slot=slot)
    company.happens(Event.CRM_REQUEST_CREATED, other.request.id)
    company.tell()
    for event in company.events():
        assert (event.case_id, event.request_id, event.document_id) == (None, None, None)
        assert event.data == {"organization": "credito"}


def test_what_is_gone_meanwhile_does_not_stop_the_rest(company: Company) -> None:
    company.happens(Event.COURIER_MESSAGE_SENT, "no-such-message")
    company.happens(Event.CUSTOMER_LINK_ACTIVATED, "visit", actor="no-such-link")
    company.happens(Event.STAFF_CASE_CLOSED, company.world.case.id)
    company.tell()
    assert company.types() == ["request.sent", "request.opened", "case.closed"]


def test_each_subscriber_gets_one_delivery_of_what_it_wants_in_order(company: Company) -> None:
    everything, cases = company.subscribe(), company.subscribe("case.closed")
    request, case = company.world.request.id, company.world.case.id
    for event, subject in (
        (Event.CRM_REQUEST_CREATED, request),
        (Event.CRM_REQUEST_CANCELLED, request),
        (Event.STAFF_CASE_CLOSED, case),
    ):
        company.happens(event, subject)
    company.tell()
    by_event = {event.id: event.type for event in company.events()}
    told = [by_event[each.event_id] for each in company.deliveries(everything)]
    assert told == ["request.created", "request.cancelled", "case.closed"]
    assert [by_event[each.event_id] for each in company.deliveries(cases)] == ["case.closed"]


def test_a_removed_subscriber_is_told_nothing_and_a_paused_one_later(company: Company) -> None:
    removed, paused = company.subscribe(), company.subscribe()
    with company.database.transaction() as session:
        session.get_one(CrmSubscriber, removed).remove()
        session.get_one(CrmSubscriber, paused).pause()
    company.happens(Event.STAFF_CASE_CLOSED, company.world.case.id)
    company.tell()
    assert (len(company.deliveries(removed)), len(company.deliveries(paused))) == (0, 1)


def test_a_test_event_goes_to_the_one_that_is_tested(company: Company) -> None:
    tested, other = company.subscribe("case.closed"), company.subscribe()
    company.happens(Event.STAFF_SUBSCRIBER_TESTED, tested, case=False)
    company.tell()
    assert company.types() == ["subscriber.test"]
    assert (len(company.deliveries(tested)), len(company.deliveries(other))) == (1, 0)


def test_reading_the_trail_again_tells_nothing_twice(company: Company) -> None:
    company.subscribe()
    company.happens(Event.STAFF_CASE_CLOSED, company.world.case.id)
    company.tell()
    company.tell()
    with company.database.reading() as session:
        assert behind(session) == []
    assert (len(company.events()), len(company.deliveries())) == (1, 1)


def test_several_couriers_at_once_tell_each_event_once(company: Company) -> None:
    company.subscribe()
    for _ in range(30):
        company.happens(Event.CRM_REQUEST_CREATED, company.world.request.id)
        company.happens(Event.STAFF_CASE_VIEWED, company.world.case.id)
    company.seal()
    start = threading.Barrier(4)

    def courier(_: int) -> None:
        start.wait()
        with company.database.transaction() as session:
            derive(session, company.world.org.id, now=company.now)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(courier, range(4)))
    assert (len(company.events()), len(company.deliveries())) == (30, 30)


def test_what_was_cut_off_before_its_commit_is_told_once(company: Company) -> None:
    company.subscribe()
    company.happens(Event.STAFF_CASE_CLOSED, company.world.case.id)
    company.seal()

    def cut_off() -> None:
        with company.database.transaction() as session:
            derive(session, company.world.org.id, now=company.now)
            raise RuntimeError("the courier dies here")

    with pytest.raises(RuntimeError):
        cut_off()
    assert company.events() == []
    company.tell()
    assert (len(company.events()), len(company.deliveries())) == (1, 1)


def test_a_long_trail_is_read_in_batches_to_its_end(company: Company) -> None:
    with company.database.transaction() as session:
        session.add(CrmCursor(org_id=company.world.org.id, next_leaf=0))
    for _ in range(BATCH + 5):
        company.happens(Event.STAFF_CASE_VIEWED, company.world.case.id)
    company.happens(Event.STAFF_CASE_CLOSED, company.world.case.id)
    company.tell()
    assert company.types() == ["case.closed"]
    with company.database.reading() as session:
        assert session.get_one(CrmCursor, company.world.org.id).next_leaf == BATCH + 6


def test_nothing_personal_is_in_a_payload(company: Company) -> None:
    """Canaries in every field of the case that holds somebody's words."""
    canaries = ("Ana Canary", "+525599887766", "canary@example.com", "Canario: una nota")
    with company.database.transaction() as session:
        request = session.get_one(DocumentRequest, company.world.request.id)
        party, case = request.party, session.get_one(Case, company.world.case.id)
        party.name, party.phone, party.email, case.title = canaries[0], canaries[1], canaries[2], canaries[0]
        request.known_word = "canary"
        slot = request.slots[0]
        slot.note = canaries[3]
        where = {"slot": slot.id, "request": request.id}
        link = newest_link(session, request.id).id
    message = a_message(company)
    company.happens(Event.CRM_REQUEST_CREATED, request.id, link=link, party=party.id)
    company.happens(Event.COURIER_MESSAGE_SENT, message)
    company.happens(Event.CUSTOMER_LINK_ACTIVATED, "visit", actor=link)
    company.happens(Event.STAFF_DOCUMENT_RETURNED, "document", reason="other", note=True, link=link, **where)
    company.happens(Event.INSPECTOR_DOCUMENT_FILED, "document", commitment="c" * 64, payload_sha256="d" * 64, **where)
    company.tell()
    assert len(company.events()) == 5
    for event in company.events():
        said = str(payload(event, "https://staff.example"))
        for secret in (*canaries, "canary", link, party.id, message, "c" * 64, "d" * 64):
            assert secret not in said, event.type


def test_a_payload_is_what_the_specification_calls_thin(company: Company) -> None:
    company.happens(Event.CRM_REQUEST_CREATED, company.world.request.id)
    company.tell()
    (event,) = company.events()
    request, case = company.world.request.id, company.world.case.id
    assert payload(event, "https://staff.example") == {
        "type": "request.created",
        "timestamp": "2026-11-22T15:00:01.000Z",
        "data": {
            "event_id": webhook_id(event),
            "case_id": case,
            "request_id": request,
            "case_url": f"https://staff.example/cases/{case}",
            "organization": "credito",
            "external_ref": "C-1",
            "progress": {"status": "requested", "received": 0, "accepted": 0, "total": 2},
        },
    }
