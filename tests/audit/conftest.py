"""A trail to work with: events of two organizations, sealed by a custodian's signer."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from audit import Event, record
from audit.checkpoints import CheckpointSigner
from audit.sequencing import seal_pending

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
SIGNER = CheckpointSigner("resguardo", bytes(range(32)))


class Trail:
    """Records and seals through real transactions; time moves one second an event."""

    def __init__(self, database):
        self.database = database
        self.signer = SIGNER
        self.now = NOW

    def add(self, count, org_id="acme", case_id="case1"):
        ids = []
        with self.database.transaction() as session:
            for number in range(count):
                self.now += timedelta(seconds=1)
                ids.append(
                    record(
                        session,
                        Event.STAFF_DOCUMENT_VIEWED,
                        org_id=org_id,
                        actor_id="eva",
                        subject_id=f"document{number}",
                        case_id=case_id,
                        details={"page": number},
                        now=self.now,
                    ).id
                )
        return ids

    def seal(self, limit=2000):
        with self.database.transaction() as session:
            return seal_pending(session, self.signer, self.now, limit)

    def grow(self, *batches, org_id="acme"):
        """Record and seal batch after batch; return the ids of the events in the order of their leaves."""
        ids = []
        for count in batches:
            ids += self.add(count, org_id)
            self.seal()
        return ids

    def sql(self, statement, **values):
        """What somebody with the database password does."""
        with self.database.transaction() as session:
            session.execute(text(statement), values)


@pytest.fixture
def trail(database):
    return Trail(database)


@pytest.fixture
def quick_trail(sqlite_database):
    return Trail(sqlite_database)
