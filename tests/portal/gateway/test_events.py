"""Events by API: what webhooks tell, in the order of the trail, to whoever reaches what they are about."""

import pytest

from records.crm.events import CrmEvent
from records.crm.types import CrmType
from storage.database import new_id, utcnow
from tests.portal.gateway.company import NOBODY
from tests.portal.gateway.test_lists import follow, ids, listed, teams
from tests.portal.gateway.test_requests import problem


def told(gateway, number, *, company=None, **about):
    """Write events as the courier derives them."""
    with gateway.database.transaction() as session:
        rows = [
            CrmEvent(
                org_id=(company or gateway.company).org_id,
                leaf=leaf,
                audit_event_id=new_id(),
                type=CrmType.REQUEST_CREATED if leaf % 2 == 0 else CrmType.REQUEST_SENT,
                at=utcnow(),
                created_at=utcnow(),
                data={"organization": "valle"},
                **about,
            )
            for leaf in range(number)
        ]
        session.add_all(rows)
        session.flush()
        return [f"evt_{row.id}" for row in rows]


def test_events_come_in_the_order_of_the_trail(gateway):
    made = gateway.ask().json
    written = told(gateway, 5, case_id=made["case_id"], request_id=made["id"])
    first = listed(gateway, "events?limit=2")
    second = follow(gateway, first)
    third = follow(gateway, second)
    assert ids(first) + ids(second) + ids(third) == written
    assert third.json["next"] is None
    event = first.json["data"][0]
    assert (event["type"], event["data"]["case_url"]) == ("request.created", made["case_url"])
    assert event["data"]["request_id"] == made["id"]


def test_who_saw_one_event_asks_for_what_came_after(quick):
    written = told(quick, 4)
    assert ids(listed(quick, f"events?after={written[1]}")) == written[2:]
    assert ids(listed(quick, "events?type=request.sent")) == written[1::2]
    assert ids(listed(quick, f"events?request_id={NOBODY}")) == []


@pytest.mark.parametrize("after", ["x", "", "%00", "evt_" + "0" * 31])
def test_what_is_no_event_is_refused(quick, after):
    problem(quick.call("GET", f"/api/v1/events?after={after}"), 422, "invalid_value")


def test_a_stranger_is_told_nothing_not_even_that_an_event_exists(quick):
    (written,) = told(quick, 1)
    assert ids(listed(quick, "events", key=quick.other.key)) == []
    strange = problem(quick.call("GET", f"/api/v1/events?after={written}", key=quick.other.key), 404, "not_found")
    unknown = problem(quick.call("GET", "/api/v1/events?after=evt_" + "0" * 32, key=quick.other.key), 404, "not_found")
    assert strange | {"reference": ""} == unknown | {"reference": ""}


def test_a_key_of_another_team_is_told_nothing_of_this_one(quick):
    north, south = (quick.a_key(team_id=team) for team in teams(quick))
    made = quick.ask(key=north).json
    (written,) = told(quick, 1, case_id=made["case_id"], request_id=made["id"])
    assert ids(listed(quick, "events", key=north)) == [written]
    assert ids(listed(quick, "events", key=south)) == []


def test_a_key_without_the_scope_is_told_nothing(quick):
    problem(quick.call("GET", "/api/v1/events", key=quick.a_key("requests:read")), 403, "forbidden")
