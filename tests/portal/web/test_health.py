"""Readiness by what the workers say of themselves: silent, away or with old signatures means not ready."""

from datetime import timedelta

import pytest

from portal.web.health import NotReady, worker_checks
from records.heartbeats import HEARTBEAT_LIFE, Heartbeat, InspectionState, beat, inspection
from storage.database import Database, utcnow

FRESH = (utcnow() - timedelta(hours=30)).isoformat()
STATES = {
    "stale": {"scanner": "stale", "signatures": "27001"},
    "away": {"scanner": "away", "error": "ScannerUnavailable"},
    "a word of another version": {"scanner": "splendid"},
    "nothing": {},
}


def says(database: Database, details: dict[str, str], *, ago: timedelta = timedelta(0)) -> None:
    with database.transaction() as session:
        beat(session, "inspector", now=utcnow() - ago, details=details)


def test_a_fresh_scanner_is_ready_and_tells_the_age_of_its_signatures(sqlite_database: Database) -> None:
    says(sqlite_database, {"scanner": "ok", "signatures_at": FRESH})
    assert worker_checks(sqlite_database)["inspector"]() == "ok, signatures 1 d old"


@pytest.mark.parametrize("words", STATES)
def test_readiness_turns_red_with_the_scanner(sqlite_database: Database, words: str) -> None:
    says(sqlite_database, STATES[words])
    with pytest.raises(NotReady, match="signatures stale" if words == "stale" else "scanner away"):
        worker_checks(sqlite_database)["inspector"]()
    with sqlite_database.reading() as session:
        expected = InspectionState.STALE if words == "stale" else InspectionState.AWAY
        assert inspection(session, now=utcnow()) == expected


def test_a_silent_inspector_is_away_whatever_it_said_last(sqlite_database: Database) -> None:
    with sqlite_database.reading() as session:
        assert inspection(session, now=utcnow()) == InspectionState.AWAY
        assert session.get(Heartbeat, "inspector") is None
    says(sqlite_database, {"scanner": "ok"}, ago=HEARTBEAT_LIFE + timedelta(seconds=1))
    with pytest.raises(NotReady, match="silent"):
        worker_checks(sqlite_database)["inspector"]()
    with sqlite_database.reading() as session:
        assert inspection(session, now=utcnow()) == InspectionState.AWAY
