"""Recording events: what is kept, what is refused, and the bytes that are hashed."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import select

from audit import AuditEvent, Event, record
from audit.errors import EventRefused
from audit.trail import AuditPending, leaf_bytes

NOW = datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=UTC)


def an_event(session, **changes):
    fields = {"org_id": "acme", "actor_id": "eva", "subject_id": "d" * 32, "case_id": "c" * 32, "now": NOW} | changes
    return record(session, fields.pop("event", Event.STAFF_DOCUMENT_VIEWED), **fields)


def test_an_event_commits_and_waits_for_its_leaf(database):
    with database.transaction() as session:
        event_id = an_event(session, details={"page": 1, "preview": True}).id
    with database.reading() as session:
        stored = session.get_one(AuditEvent, event_id)
        assert (stored.event, stored.at, stored.details) == (
            "staff:document:viewed",
            NOW,
            {"page": 1, "preview": True},
        )
        assert session.scalars(select(AuditPending.event_id)).all() == [event_id]


def test_an_event_vanishes_with_the_transaction_of_its_effect(sqlite_database):
    with suppress(RuntimeError), sqlite_database.transaction() as session:
        an_event(session)
        raise RuntimeError
    with sqlite_database.reading() as session:
        assert session.scalars(select(AuditEvent.id)).all() == []
        assert session.scalars(select(AuditPending.event_id)).all() == []


def test_the_hashed_bytes_are_the_documented_ones(sqlite_database):
    with sqlite_database.transaction() as session:
        event = an_event(session, details={"pages": 3, "commitment": "ab", "again": False})
        event.id = "e" * 32
        assert leaf_bytes(event) == (
            b'{"actor":"eva","at":"2026-03-04T05:06:07.000089Z","case":"cccccccccccccccccccccccccccccccc",'
            b'"details":{"again":false,"commitment":"ab","pages":3},"event":"staff:document:viewed",'
            b'"format":"resguardo/audit/v1","id":"eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee","org":"acme",'
            b'"subject":"dddddddddddddddddddddddddddddddd"}'
        )
        session.rollback()


def test_the_hashed_bytes_are_the_same_after_a_round_trip(database):
    mexico = timezone(timedelta(hours=-6))
    with database.transaction() as session:
        event = an_event(session, now=NOW.astimezone(mexico), details={"zz": 1, "a": "x", "big": 2**53 - 1})
        before = leaf_bytes(event)
    with database.reading() as session:
        assert leaf_bytes(session.get_one(AuditEvent, event.id)) == before
        assert json.loads(before)["at"].endswith("Z")


@pytest.mark.parametrize(
    "details",
    [
        {"note": "x" * 201},
        {"note": "line\r\nbreak"},
        {"note": "nul\x00"},
        {"note": "tab\t"},
        {"note": "name of a person: Sofía"},
        {"note": "\u202egnp.exe"},
        {"nested": {"a": 1}},
        {"list": [1]},
        {"float": 1.5},
        {"none": None},
        {"huge": 2**53},
        {"Camel": 1},
        {"a b": 1},
        {"": 1},
        {1: 1},
        {"k" * 41: 1},
        {f"k{number}": number for number in range(25)},
    ],
)
def test_free_text_and_nested_values_are_refused(sqlite_database, details):
    with sqlite_database.transaction() as session:
        with pytest.raises(EventRefused):
            an_event(session, details=details)
        assert not session.new


@pytest.mark.parametrize("field", ["org_id", "actor_id", "subject_id", "case_id"])
@pytest.mark.parametrize("value", ["", "two words", "line\nbreak", "x" * 65, "ñ", 5])
def test_malformed_ids_are_refused(sqlite_database, field, value):
    with sqlite_database.transaction() as session, pytest.raises(EventRefused):
        an_event(session, **{field: value})


def test_log_injection_through_an_organization_id_is_refused(sqlite_database):
    with sqlite_database.transaction() as session, pytest.raises(EventRefused):
        an_event(session, org_id="acme\n0\nAAAA")


def test_a_naive_time_is_refused(sqlite_database):
    with sqlite_database.transaction() as session, pytest.raises(ValueError, match="zone"):
        an_event(session, now=NOW.replace(tzinfo=None))


def test_an_unknown_event_is_refused(sqlite_database):
    with sqlite_database.transaction() as session, pytest.raises(ValueError, match="not a valid Event"):
        an_event(session, event="staff:everything:erased")
