"""Lists: stable under what comes meanwhile, filtered, and blind to what the key does not reach."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from records.cases import Case
from records.links import activate, newest_link
from records.messages import messages_of_request
from records.organizations import Team, current_notice
from records.requests import get_request
from storage.database import new_id, utcnow
from tests.portal.gateway.company import API_URL, NOBODY, a_body
from tests.portal.gateway.test_requests import problem
from tests.portal.gateway.test_steering import act
from tests.records.case_of_ana import a_filed_document

LISTS = ["requests", "cases", "contacts", "documents", "templates"]


def several(gateway, number):
    """Requests of as many cases, oldest first."""
    return [gateway.ask(a_body(external_ref=f"C-{at}"), idempotency=f"s-{at}").json for at in range(number)]


def listed(gateway, path, **options):
    answer = gateway.call("GET", f"/api/v1/{path}", **options)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer


def ids(answer):
    return [each["id"] for each in answer.json["data"]]


def follow(gateway, answer):
    """Read the next page at the address that the answer gives."""
    address = answer.json["next"]
    assert answer.headers["Link"] == f'<{address}>; rel="next"'
    assert address.startswith(f"{API_URL}/api/v1/")
    split = urlsplit(address)
    return gateway.call("GET", f"{split.path}?{split.query}")


@pytest.mark.parametrize("path", ["requests", "cases", "contacts"])
def test_pages_neither_repeat_nor_hide_what_was_there_when_more_comes(gateway, path):
    several(gateway, 5)
    everything = ids(listed(gateway, path))
    first = listed(gateway, f"{path}?limit=2")
    gateway.ask(a_body(external_ref="new"), idempotency="new")
    second = follow(gateway, first)
    third = follow(gateway, second)
    assert ids(first) + ids(second) + ids(third) == everything
    assert (len(everything), third.json["next"], third.headers.get("Link")) == (5, None, None)


def test_newest_come_first_with_all_that_one_shows(quick):
    made = several(quick, 3)
    data = listed(quick, "requests").json["data"]
    assert [each["id"] for each in data] == [each["id"] for each in reversed(made)]
    assert data[0] == quick.show(made[2]["id"]).json


def test_requests_are_found_by_state_case_and_reference(quick):
    one, two, _three = several(quick, 3)
    act(quick, one["id"], "cancel")
    assert ids(listed(quick, "requests?state=cancelled")) == [one["id"]]
    assert ids(listed(quick, f"requests?case_id={two['case_id']}")) == [two["id"]]
    assert ids(listed(quick, "requests?external_ref=C-1")) == [two["id"]]
    assert ids(listed(quick, "requests?external_ref=C-1&state=cancelled")) == []
    assert ids(listed(quick, "cases?external_ref=C-1")) == [two["case_id"]]
    assert ids(listed(quick, f"contacts?case_id={two['case_id']}")) == [two["contact_id"]]


def test_what_changed_since_is_found_and_the_rest_is_not(gateway):
    one, two = several(gateway, 2)
    with gateway.database.transaction() as session:
        for each in (one, two):
            found = get_request(session, org_id=gateway.company.org_id, request_id=each["id"])
            earlier = utcnow() - timedelta(days=2)
            found.case.updated_at = earlier
            for slot in found.slots:
                slot.changed_at = earlier
    since = (utcnow() - timedelta(days=1)).isoformat().replace("+00:00", "Z")
    with gateway.database.transaction() as session:
        for each in (one, two):
            for message in messages_of_request(session, each["id"]):
                message.changed_at = earlier
        link = newest_link(session, one["id"])
        notice = current_notice(session, gateway.company.org_id)
        activate(session, link_id=link.id, cookie_sha256=new_id() * 2, notice_id=notice.id, locale="es", now=utcnow())
    (found,) = listed(gateway, f"requests?updated_since={since}").json["data"]
    assert (found["id"], found["progress"]["status"]) == (one["id"], "opened")
    assert found["updated_at"] > since
    assert ids(listed(gateway, f"cases?updated_since={since}")) == [one["case_id"]]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=x",
        "state=open_sesame",
        "case_id=x",
        "surprise=1",
        "updated_since=yesterday",
        "updated_since=2026-01-01T00:00:00",
        "updated_since=1790000000",
        "updated_since=0001-01-01T00:00:00%2B23:00",
        "cursor=x",
        "cursor=%00",
        "cursor=MjAyNi0wMS0wMVQwMDowMDowMCB4",
        "cursor=" + "A" * 121,
        "external_ref=",
    ],
)
def test_a_parameter_that_breaks_its_rule_is_refused(quick, query):
    problem(quick.call("GET", f"/api/v1/requests?{query}"), 422, "invalid_value")


@pytest.mark.parametrize("text", ["%00", "%F0%9F%98%80", "'; DROP TABLE cases --", "%FF"])
def test_a_reference_of_strange_characters_finds_nothing(gateway, text):
    assert gateway.call("GET", f"/api/v1/requests?external_ref={text}").status_code in (200, 422)
    assert gateway.call("GET", f"/api/v1/templates/{text}").status_code == 404


def test_a_case_shows_its_requests_and_the_way_to_the_console(quick):
    made = quick.ask().json
    (told,) = listed(quick, "cases").json["data"]
    assert told == quick.call("GET", f"/api/v1/cases/{made['case_id']}").json
    assert (told["case_url"], told["title"], told["external_ref"]) == (made["case_url"], "Crédito 4711", "CRM-4711")
    (asked,) = told["requests"]
    assert (asked["id"], asked["progress"]["status"]) == (made["id"], "requested")


def test_templates_are_told_with_what_they_ask_for(quick):
    (told,) = listed(quick, "templates").json["data"]
    assert told == quick.call("GET", "/api/v1/templates/credito").json
    assert (told["key"], told["version"], told["link_days"]) == ("credito", 1, 7)
    assert [each["key"] for each in told["requirements"]] == ["ine", "domicilio"]
    assert told["requirements"][0]["sides"] == ["front", "back"]


def test_of_a_document_only_its_state_is_told(gateway):
    made = gateway.ask().json
    with gateway.database.transaction() as session:
        request = get_request(session, org_id=gateway.company.org_id, request_id=made["id"])
        document = a_filed_document(session, request.slots[0], utcnow())
        document.threat, document.mime, document.size, document.likeness = "Eicar", "image/jpeg", 4711, b"like"
    (told,) = listed(gateway, "documents").json["data"]
    assert told == gateway.call("GET", f"/api/v1/documents/{told['id']}").json
    assert set(told) == {
        *("id", "case_id", "request_id", "requirement", "side", "state", "review", "reason", "reason_page"),
        *("received_at", "judged_at"),
    }
    assert (told["requirement"], told["side"], told["state"], told["review"]) == ("ine", "front", "filed", "pending")
    assert ids(listed(gateway, f"documents?request_id={made['id']}&state=filed")) == [told["id"]]
    assert ids(listed(gateway, f"documents?case_id={NOBODY}")) == []


def everything_of(gateway, made):
    """One id of each kind that the company has."""
    with gateway.database.transaction() as session:
        request = get_request(session, org_id=gateway.company.org_id, request_id=made["id"])
        document = a_filed_document(session, request.slots[0], utcnow())
        return {
            "requests": made["id"],
            "cases": made["case_id"],
            "contacts": made["contact_id"],
            "documents": document.id,
        }


def test_a_stranger_lists_nothing_and_finds_nothing(quick):
    found = everything_of(quick, quick.ask().json)
    for path, row_id in found.items():
        assert ids(listed(quick, path, key=quick.other.key)) == []
        strange = problem(quick.call("GET", f"/api/v1/{path}/{row_id}", key=quick.other.key), 404, "not_found")
        unknown = problem(quick.call("GET", f"/api/v1/{path}/{NOBODY}", key=quick.other.key), 404, "not_found")
        assert strange | {"reference": ""} == unknown | {"reference": ""}
    for query in (
        f"requests?case_id={found['cases']}",
        "requests?external_ref=CRM-4711",
        "cases?external_ref=CRM-4711",
    ):
        assert ids(listed(quick, query, key=quick.other.key)) == []


def test_a_cursor_of_another_organization_opens_nothing(quick):
    several(quick, 3)
    address = listed(quick, "requests?limit=1").json["next"]
    assert ids(listed(quick, address.partition("/api/v1/")[2], key=quick.other.key)) == []


@pytest.mark.parametrize("path", LISTS)
def test_a_key_without_the_scope_lists_nothing(quick, path):
    scopes = {f"{each}:read" for each in LISTS} - {f"{path}:read"}
    problem(quick.call("GET", f"/api/v1/{path}", key=quick.a_key(*scopes)), 403, "forbidden")


@pytest.mark.parametrize("path", [f"/api/v1/{path}" for path in LISTS])
def test_without_a_key_no_list_is_told(quick, path):
    problem(quick.call("GET", path, key=""), 401, "api_key_refused")


def teams(gateway):
    with gateway.database.transaction() as session:
        found = [Team(org_id=gateway.company.org_id, name=name) for name in ("norte", "sur")]
        session.add_all(found)
        session.flush()
        return [team.id for team in found]


def test_a_key_of_another_team_sees_nothing_of_this_one(gateway):
    north, south = (gateway.a_key(team_id=team) for team in teams(gateway))
    found = everything_of(gateway, gateway.ask(key=north).json)
    for path, row_id in found.items():
        assert ids(listed(gateway, path, key=north)) == [row_id]
        assert ids(listed(gateway, path, key=south)) == []
        problem(gateway.call("GET", f"/api/v1/{path}/{row_id}", key=south), 404, "not_found")
        assert ids(listed(gateway, path)) == [row_id]
    for what in ("resend", "extend", "cancel"):
        problem(act(gateway, found["requests"], what, key_of_api=south), 404, "not_found")


def test_a_reference_of_another_team_does_not_open_its_case(quick):
    north, south = (quick.a_key(team_id=team) for team in teams(quick))
    quick.ask(key=north)
    problem(quick.ask(key=south), 409, "external_ref_taken")
    assert len(ids(listed(quick, "requests"))) == 1


def test_a_contact_of_another_team_cannot_be_asked(quick):
    north, south = (quick.a_key(team_id=team) for team in teams(quick))
    made = quick.ask(key=north).json
    body = {"contact_id": made["contact_id"], "template_key": "credito"}
    problem(quick.ask(body, key=south), 404, "not_found")


def test_a_case_that_was_handed_to_another_team_stays_in_sight_of_who_asked_in_it(quick):
    north_team, south_team = teams(quick)
    north, south = quick.a_key(team_id=north_team), quick.a_key(team_id=south_team)
    made = quick.ask(key=north).json
    with quick.database.transaction() as session:
        session.get_one(Case, made["case_id"]).team_id = south_team
    others = quick.ask({"contact_id": made["contact_id"], "template_key": "credito"}, key=south, idempotency="b").json
    assert ids(listed(quick, "requests", key=north)) == [made["id"]]
    (told,) = listed(quick, "cases", key=north).json["data"]
    assert [each["id"] for each in told["requests"]] == [made["id"]]
    assert set(ids(listed(quick, "requests", key=south))) == {made["id"], others["id"]}
    assert quick.ask(key=north, idempotency="again").status_code == 201
