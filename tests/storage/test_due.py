"""Due rows: leased by one, renewed and settled only by whoever holds the lease, and settled once."""

from datetime import UTC, datetime, timedelta

import pytest

from records.uploads import QuarantineKey
from storage.database import Database, new_id
from storage.due import LEASE, Lease, LostLease, any_due, lease, renew, settle

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + LEASE + timedelta(seconds=1)


@pytest.fixture
def row_id(database: Database) -> str:
    row = QuarantineKey(id=new_id(), day=NOW.date(), public=b"", inspector_signature=b"", created_at=NOW, due_at=NOW)
    with database.transaction() as session:
        session.add(row)
    return row.id


def taken(database: Database, now: datetime = NOW) -> list[Lease]:
    with database.transaction() as session:
        return lease(session, QuarantineKey, now=now, limit=5)


def row(database: Database, row_id: str) -> QuarantineKey:
    with database.reading() as session:
        return session.get_one(QuarantineKey, row_id)


def test_a_leased_row_is_nobody_elses_until_the_lease_ends(database: Database, row_id: str) -> None:
    assert taken(database) == [Lease(id=row_id, attempt=1)]
    assert taken(database, NOW + LEASE - timedelta(seconds=1)) == []
    assert taken(database, LATER) == [Lease(id=row_id, attempt=2)]
    assert row(database, row_id).takeovers == 1


def test_a_row_is_not_due_before_its_time(database: Database, row_id: str) -> None:
    early = NOW - timedelta(seconds=1)
    assert taken(database, early) == []
    with database.reading() as session:
        assert not any_due(session, QuarantineKey, now=early)
        assert any_due(session, QuarantineKey, now=NOW)


def test_a_renewed_lease_lives_on(database: Database, row_id: str) -> None:
    (held,) = taken(database)
    with database.transaction() as session:
        renew(session, QuarantineKey, held, now=NOW + timedelta(seconds=30))
    assert taken(database, LATER) == []


def test_whoever_lost_the_lease_neither_renews_nor_settles(database: Database, row_id: str) -> None:
    (lost,) = taken(database)
    taken(database, LATER)
    for change in (renew, settle):
        with pytest.raises(LostLease), database.transaction() as session:
            change(session, QuarantineKey, lost, **({"now": LATER} if change is renew else {}))
    assert row(database, row_id).lease_until == LATER + LEASE


def test_a_settled_lease_is_settled_once_and_renewed_no_more(database: Database, row_id: str) -> None:
    """A worker that died after its commit and does the work again must not have its effect twice."""
    (held,) = taken(database)
    with database.transaction() as session:
        settle(session, QuarantineKey, held)
    for change in (renew, settle):
        with pytest.raises(LostLease), database.transaction() as session:
            change(session, QuarantineKey, held, **({"now": NOW} if change is renew else {}))
    assert row(database, row_id).due_at is None


def test_a_postponed_row_comes_again(database: Database, row_id: str) -> None:
    (held,) = taken(database)
    with database.transaction() as session:
        settle(session, QuarantineKey, held, due_at=LATER)
    assert taken(database) == []
    assert taken(database, LATER) == [Lease(id=row_id, attempt=2)]
    assert row(database, row_id).takeovers == 0
