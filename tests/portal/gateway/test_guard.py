"""The guard of the REST API: rates with their headers, networks, rotated secrets, and JSON where something is sent."""

import re
from datetime import timedelta
from ipaddress import ip_network

import pytest

from portal.web.rates import PER_MINUTE, Rates, Subject
from records.apikeys import ApiKey
from storage.database import utcnow
from tests.portal.gateway.company import NOBODY, a_body
from tests.portal.gateway.test_requests import count, problem


def few(gateway, **most):
    """The gateway with small limits."""
    limits = {**PER_MINUTE, **{Subject(name): limit for name, limit in most.items()}}
    return gateway.beside(rates=Rates(b"k" * 32, per_minute=limits))


def fields(answer, name):
    """The members of a structured-field list: {"key": {"r": 1, "t": 60}}."""
    found = re.findall(r'"([a-z]+)"((?:;[a-z]=\d+)+)', answer.headers[name])
    return {who: dict(part.split("=") for part in rest[1:].split(";")) for who, rest in found}


def from_address(gateway, address, *, forwarded=None, **options):
    headers = {"X-Forwarded-For": forwarded} if forwarded is not None else {}
    peer = {"REMOTE_ADDR": address}
    return gateway.call("GET", "/api/v1/templates", headers=headers, environ_base=peer, **options)


def test_every_answer_tells_what_is_left(quick):
    gateway = few(quick, api_key=3, api_organization=10)
    answers = [gateway.show(NOBODY) for _ in range(2)]
    assert fields(answers[0], "RateLimit-Policy") == {
        "key": {"q": "3", "w": "60"},
        "organization": {"q": "10", "w": "60"},
    }
    assert [fields(each, "RateLimit")["key"]["r"] for each in answers] == ["2", "1"]
    assert 0 <= int(fields(answers[0], "RateLimit")["key"]["t"]) <= 60


def test_a_flood_of_one_key_is_refused_and_told_when_to_come_back(quick):
    gateway = few(quick, api_key=2)
    answers = [gateway.show(NOBODY) for _ in range(3)]
    assert [each.status_code for each in answers] == [404, 404, 429]
    problem(answers[2], 429, "too_many_requests")
    assert 1 <= int(answers[2].headers["Retry-After"]) <= 60
    assert fields(answers[2], "RateLimit")["key"]["r"] == "0"
    assert gateway.show(NOBODY, key=gateway.a_key()).status_code == 404
    assert gateway.show(NOBODY, key=gateway.other.key).status_code == 404


def test_many_keys_of_one_organization_share_its_limit(quick):
    gateway = few(quick, api_organization=2)
    answers = [gateway.show(NOBODY, key=gateway.a_key()) for _ in range(3)]
    assert [each.status_code for each in answers] == [404, 404, 429]
    assert gateway.show(NOBODY, key=gateway.other.key).status_code == 404


def test_guessing_keys_is_limited_by_address(quick):
    gateway = few(quick, address=2)
    answers = [from_address(gateway, "203.0.113.7", key="rsg_live_guess") for _ in range(3)]
    assert [each.status_code for each in answers] == [401, 401, 429]
    assert from_address(gateway, "203.0.113.8").status_code == 200


def test_a_call_that_was_refused_for_its_rate_has_no_effect_and_keeps_its_key_free(quick):
    gateway = few(quick, api_key=1)
    gateway.show(NOBODY)
    problem(gateway.ask(), 429, "too_many_requests")
    assert quick.ask().headers.get("Idempotency-Replayed") is None


@pytest.mark.parametrize(
    ("networks", "address", "passes"),
    [
        (["203.0.113.0/24"], "203.0.113.7", True),
        (["203.0.113.0/24"], "203.0.114.7", False),
        (["203.0.113.0/24"], "::ffff:203.0.113.7", True),
        (["2001:db8::/48"], "2001:db8:0:1::7", True),
        (["2001:db8::/48"], "2001:db8:1::7", False),
        (["198.51.100.7/32", "2001:db8::/48"], "198.51.100.7", True),
        (["0.0.0.0/0"], "2001:db8::7", False),
        ([], "203.0.113.7", True),
        (["203.0.113.0/24"], "", False),
    ],
)
def test_a_stolen_key_is_worth_nothing_outside_its_networks(quick, networks, address, passes):
    answer = from_address(quick, address, key=quick.a_key(networks=networks))
    if passes:
        assert answer.status_code == 200
    else:
        problem(answer, 403, "address_refused")


def test_an_address_that_the_sender_wrote_itself_does_not_count(quick):
    key = quick.a_key(networks=["203.0.113.0/24"])
    problem(from_address(quick, "198.51.100.1", forwarded="203.0.113.7", key=key), 403, "address_refused")
    behind = quick.beside(proxies=[ip_network("10.0.0.0/8")])
    assert from_address(behind, "10.0.0.5", forwarded="203.0.113.7", key=key).status_code == 200
    assert from_address(behind, "10.0.0.5", forwarded="198.51.100.1, 203.0.113.7", key=key).status_code == 200
    problem(from_address(behind, "10.0.0.5", forwarded="203.0.113.7, 198.51.100.1", key=key), 403, "address_refused")
    problem(from_address(behind, "10.0.0.5", key=key), 403, "address_refused")
    problem(from_address(behind, "10.0.0.5", forwarded="203.0.113.7, 10.0.0.9x", key=key), 403, "address_refused")


def test_a_key_remembers_that_it_was_offered_from_elsewhere(quick):
    key = quick.a_key(networks=["203.0.113.0/24"])
    from_address(quick, "198.51.100.1", key=key)
    with quick.database.reading() as session:
        row = session.get_one(ApiKey, key.split("_")[2])
    assert row.refused_at is not None
    assert row.last_used_at is None


def test_both_secrets_work_while_they_overlap_and_then_the_new_one_alone(quick):
    with quick.database.transaction() as session:
        row = session.get_one(ApiKey, quick.company.key_id)
        new = row.rotate(overlap=timedelta(hours=1), now=utcnow())
    assert quick.show(NOBODY).status_code == quick.show(NOBODY, key=new).status_code == 404
    with quick.database.transaction() as session:
        session.get_one(ApiKey, quick.company.key_id).previous_until = utcnow() - timedelta(seconds=1)
    problem(quick.show(NOBODY), 401, "api_key_refused")
    assert quick.show(NOBODY, key=new).status_code == 404


def test_a_replay_after_rotation_is_the_same_answer(quick):
    made = quick.ask().json
    with quick.database.transaction() as session:
        new = session.get_one(ApiKey, quick.company.key_id).rotate(overlap=timedelta(0), now=utcnow())
    assert quick.ask(key=new).json == made


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""])
def test_a_body_that_does_not_say_json_is_refused_unread(quick, kind):
    answer = quick.ask(data=b'{"template_key": "credito"}', content_type=kind)
    problem(answer, 415, "unsupported_media_type")
    assert count(quick, ApiKey) == [2]


def test_a_body_above_the_limit_is_refused(quick):
    problem(quick.ask(a_body(title="x" * 70_000)), 413, "too_large")


def test_whoever_has_no_key_is_told_how_to_offer_one(quick):
    assert quick.show(NOBODY, key="").headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_a_method_that_does_not_exist_is_a_problem_that_names_those_that_do(quick, method):
    answer = quick.call(method, "/api/v1/requests")
    problem(answer, 405, "method_not_allowed")
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


def test_looking_changes_nothing(quick):
    made = quick.ask().json
    before = quick.show(made["id"]).json
    for path in ("requests", "cases", "contacts", "documents", "templates", "events", f"requests/{made['id']}"):
        for method in ("GET", "HEAD"):
            assert quick.call(method, f"/api/v1/{path}").status_code == 200
    assert quick.show(made["id"]).json == before
