"""API keys and scopes: only a living key of the right scope passes, and the refusals look alike."""

from datetime import timedelta

import pytest

from records.apikeys import ApiKey, create_api_key
from storage.database import utcnow
from tests.portal.gateway.company import NOBODY, a_company


def refusal(answer):
    assert answer.status_code == 401
    assert answer.mimetype == "application/problem+json"
    return {name: value for name, value in answer.json.items() if name != "reference"}


@pytest.mark.parametrize("path", [f"/api/v1/requests/{NOBODY}"])
def test_without_a_key_nothing_is_told(quick, path):
    assert refusal(quick.call("GET", path, key=""))["code"] == "api_key_refused"


def test_every_bad_key_looks_alike(quick):
    key = quick.company.key
    head, _, secret = key.rpartition("_")
    offered = ["x", "rsg_live_", f"{head}_", f"{head}_{secret[:-1]}", f"{head}_{secret}x", key.replace("live", "test")]
    offered += [f"rsg_live_{'0' * 32}_{secret}", f"rsg_live_{quick.other.key_id}_{secret}", key.upper(), f"{head}_ñ"]
    expected = refusal(quick.show(NOBODY, key=""))
    assert all(refusal(quick.show(NOBODY, key=each)) == expected for each in offered)


@pytest.mark.parametrize("header", ["Basic {}", "bearer", "{}", "Bearer: {}"])
def test_only_the_bearer_scheme_carries_a_key(quick, header):
    answer = quick.app.test_client().get(
        f"/api/v1/requests/{NOBODY}", headers={"Authorization": header.format(quick.company.key)}
    )
    refusal(answer)


def test_a_key_in_the_address_is_no_key(quick):
    refusal(quick.call("GET", f"/api/v1/requests/{NOBODY}?api_key={quick.company.key}", key=""))


def test_who_holds_no_key_never_waits_for_writers_nor_keeps_them_waiting(quick):
    with quick.database.transaction():
        assert refusal(quick.show(NOBODY, key=quick.company.key + "x"))["code"] == "api_key_refused"


def test_a_key_says_when_it_was_used_but_not_at_every_call(quick):
    def last_used():
        with quick.database.reading() as session:
            return session.get_one(ApiKey, quick.company.key_id).last_used_at

    quick.show(NOBODY)
    first = last_used()
    assert utcnow() - first < timedelta(minutes=1)
    quick.show(NOBODY)
    assert last_used() == first


def test_an_expired_key_is_refused(quick):
    gone = a_company(quick.database, "gone", expires_at=utcnow() - timedelta(seconds=1))
    assert refusal(quick.show(NOBODY, key=gone.key)) == refusal(quick.show(NOBODY, key=""))


def test_a_revoked_key_is_refused_from_the_next_call_on(quick):
    assert quick.show(NOBODY).status_code == 404
    with quick.database.transaction() as session:
        session.get_one(ApiKey, quick.company.key_id).revoked_at = utcnow()
    refusal(quick.show(NOBODY))


@pytest.mark.parametrize(("scope", "method"), [("requests:read", "POST"), ("requests:write", "GET")])
def test_a_key_without_the_scope_is_forbidden(quick, scope, method):
    with quick.database.transaction() as session:
        _, key = create_api_key(session, org_id=quick.company.org_id, name="half", scopes=[scope], now=utcnow())
    answer = quick.ask(key=key) if method == "POST" else quick.show(NOBODY, key=key)
    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")


def test_the_register_knows_when_a_key_was_last_used(quick):
    quick.show(NOBODY)
    with quick.database.reading() as session:
        assert session.get_one(ApiKey, quick.company.key_id).last_used_at is not None


def test_no_key_is_stored_in_clear(quick):
    with quick.database.reading() as session:
        row = session.get_one(ApiKey, quick.company.key_id)
    secret = quick.company.key.split("_", 3)[3]  # the secret may hold underscores itself
    assert all(secret not in str(value) for value in vars(row).values())
