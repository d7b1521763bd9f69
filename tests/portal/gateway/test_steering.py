"""Steering a request by API: send again, extend, cancel; what has ended stays ended, and each call has one effect."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from audit import AuditEvent
from records.links import UploadLink, newest_link, revoke
from records.messages import Message, MessageState, messages_of_request
from records.optouts import opt_out
from records.requests import DocumentRequest, RequestState, get_request
from storage.database import utcnow
from tests.portal.gateway.company import NOBODY, PUBLIC_URL, a_body
from tests.portal.gateway.test_requests import count, problem

ACTS = ["resend", "extend", "cancel"]
NONE = {"send": {"mode": "none"}}


def act(gateway, request_id, what, *, key="a-1", body=None, key_of_api=None):
    if body is None and what == "extend":
        body = {"days": 7}
    headers = {"Idempotency-Key": key} if key is not None else {}
    sent = {"json": body} if body is not None else {}
    return gateway.call("POST", f"/api/v1/requests/{request_id}/{what}", headers=headers, key=key_of_api, **sent)


def change(gateway, request_id, does):
    with gateway.database.transaction() as session:
        does(session, get_request(session, org_id=gateway.company.org_id, request_id=request_id))


def delivered(session, request):
    for message in messages_of_request(session, request.id):
        message.advance(MessageState.DELIVERED, utcnow())


def events(gateway):
    with gateway.database.reading() as session:
        return [each.event for each in session.scalars(select(AuditEvent).order_by(AuditEvent.at))]


def test_a_message_is_sent_again(gateway):
    made = gateway.ask().json
    change(gateway, made["id"], delivered)
    again = act(gateway, made["id"], "resend")
    assert again.status_code == 200, again.get_data(as_text=True)
    assert [each["state"] for each in again.json["messages"]] == ["delivered", "queued"]
    assert again.json["upload_url"] is again.json["url_suffix"] is None
    assert events(gateway)[-1] == "crm:message:queued"


def test_a_second_message_does_not_overtake_the_first(gateway):
    made = gateway.ask().json
    problem(act(gateway, made["id"], "resend"), 409, "message_pending")
    assert count(gateway, Message) == [1]


def test_whoever_asked_for_no_more_messages_gets_none(quick):
    made = quick.ask().json
    change(quick, made["id"], delivered)
    with quick.database.transaction() as session:
        opt_out(session, org_id=quick.company.org_id, addresses=["525512345678"], said_at=utcnow())
    problem(act(quick, made["id"], "resend"), 409, "contact_opted_out")
    assert count(quick, Message) == [1]


def test_where_the_crm_sends_it_gets_the_link_again(quick):
    made = quick.ask(a_body(**NONE)).json
    again = act(quick, made["id"], "resend").json
    assert again["upload_url"] == made["upload_url"] == f"{PUBLIC_URL}/s/{made['url_suffix']}"
    assert events(quick)[-1] == "crm:link:copied"
    assert count(quick, Message) == [0]


def test_an_expired_link_that_is_extended_opens_again(gateway):
    made = gateway.ask().json

    def expire(session, request):
        newest_link(session, request.id).expires_at = request.expires_at = utcnow() - timedelta(days=1)

    change(gateway, made["id"], expire)
    extended = act(gateway, made["id"], "extend", body={"days": 7})
    assert extended.status_code == 200, extended.get_data(as_text=True)
    with gateway.database.reading() as session:
        link = newest_link(session, made["id"])
        assert link.accepts_activation(utcnow())
        assert timedelta(days=6) < link.expires_at - utcnow() <= timedelta(days=7)
    assert count(gateway, UploadLink) == [1]
    assert events(gateway)[-1] == "crm:request:extended"


def test_extending_never_shortens(quick):
    made = quick.ask().json
    assert act(quick, made["id"], "extend", body={"days": 1}).json["link_expires_at"] == made["link_expires_at"]


@pytest.mark.parametrize("days", [0, -1, 31, 1.5, "7", None, True, 10**30])
def test_a_link_that_would_live_for_ever_is_refused(quick, days):
    made = quick.ask().json
    problem(act(quick, made["id"], "extend", body={"days": days}), 422, "invalid_value")


def test_a_revoked_link_is_not_revived_by_extending_it(quick):
    made = quick.ask().json
    change(quick, made["id"], lambda session, request: revoke(session, newest_link(session, request.id), now=utcnow()))
    problem(act(quick, made["id"], "extend"), 409, "link_ended")


def test_a_cancelled_request_closes_its_link(gateway):
    made = gateway.ask().json
    gone = act(gateway, made["id"], "cancel")
    assert (gone.status_code, gone.json["state"], gone.json["progress"]["status"]) == (200, "cancelled", "cancelled")
    with gateway.database.reading() as session:
        assert not newest_link(session, made["id"]).accepts_activation(utcnow())
    assert events(gateway)[-1] == "crm:request:cancelled"


@pytest.mark.parametrize("what", ACTS)
@pytest.mark.parametrize("state", [RequestState.CANCELLED, RequestState.COMPLETE])
def test_what_has_ended_stays_ended(quick, what, state):
    made = quick.ask().json
    change(quick, made["id"], lambda session, request: setattr(request, "state", state))
    told = problem(act(quick, made["id"], what), 409, "request_ended")
    assert told["detail"] == f"request: {state}"


@pytest.mark.parametrize("what", ACTS)
def test_a_closed_case_takes_no_more(quick, what):
    made = quick.ask().json
    change(quick, made["id"], lambda session, request: request.case.close(utcnow()))
    problem(act(quick, made["id"], what), 409, "case_closed")
    problem(quick.ask(idempotency="more"), 409, "case_closed")


@pytest.mark.parametrize("what", ACTS)
def test_repeating_a_call_has_one_effect_and_the_same_answer(quick, what):
    made = quick.ask().json
    change(quick, made["id"], delivered)
    first, again = (act(quick, made["id"], what) for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json == again.json
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(events(quick)) == 3


def test_one_key_used_for_two_calls_is_two_calls(quick):
    made = quick.ask().json
    change(quick, made["id"], delivered)
    assert act(quick, made["id"], "resend").status_code == act(quick, made["id"], "cancel").status_code == 200


@pytest.mark.parametrize("what", ACTS)
def test_without_an_idempotency_key_nothing_is_done(quick, what):
    made = quick.ask().json
    problem(act(quick, made["id"], what, key=None), 400, "idempotency_key_missing")
    with quick.database.reading() as session:
        assert session.get_one(DocumentRequest, made["id"]).state == RequestState.REQUESTED
        assert session.scalar(select(func.count()).select_from(AuditEvent)) == 2


@pytest.mark.parametrize("what", ["resend", "cancel"])
def test_what_takes_no_body_refuses_one(quick, what):
    made = quick.ask().json
    problem(act(quick, made["id"], what, body={"force": True}), 422, "invalid_value")


@pytest.mark.parametrize("what", ACTS)
def test_a_stranger_steers_nothing_and_learns_nothing(quick, what):
    made = quick.ask().json
    strange = problem(act(quick, made["id"], what, key_of_api=quick.other.key), 404, "not_found")
    unknown = problem(act(quick, NOBODY, what, key_of_api=quick.other.key), 404, "not_found")
    assert strange | {"reference": ""} == unknown | {"reference": ""}
    assert quick.show(made["id"]).json["state"] == "requested"


@pytest.mark.parametrize("what", ACTS)
def test_a_key_that_may_only_read_steers_nothing(quick, what):
    made = quick.ask().json
    problem(act(quick, made["id"], what, key_of_api=quick.a_key("requests:read")), 403, "forbidden")
