"""The job engine in real processes on both databases: each due row has its effect once, whoever dies meanwhile."""

import base64
import os
import pickle
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from dbos import run_dbos_database_migrations
from sqlalchemy import make_url, select, update

from storage.database import Database, new_id, utcnow
from storage.due import lease
from tests.portal.worker.chores import Chore, Run, Toys
from tests.services.processes import ROOT, Server

SCHEMA = "jobs_toys"


@dataclass
class Workshop:
    """A database of chores, an engine database, and the workers that were started."""

    database: Database
    jobs_url: str
    folder: Path
    workers: list[Server] = field(default_factory=list)

    @property
    def gate(self) -> Path:
        return self.folder / "gate"

    def start(self, name: str, *, jobs_url: str | None = None) -> Server:
        url = self.database.url.render_as_string(hide_password=False)
        arguments = [url, jobs_url or self.jobs_url, SCHEMA, name, str(self.gate)]
        command = [sys.executable, "-m", "tests.portal.worker.chores", *arguments]
        server = Server(command, directory=ROOT, log=self.folder / f"{name}.log")
        self.workers.append(server)
        server.start(lambda: Path(f"{self.gate}.{name}.up").exists())
        return server

    def chore(self, kind: str) -> str:
        chore_id = new_id()
        with self.database.transaction() as session:
            session.add(Chore(id=chore_id, kind=kind, due_at=utcnow()))
        return chore_id

    def begun(self, worker: str) -> None:
        until(lambda: Path(f"{self.gate}.{worker}.begun").exists())

    def runs(self, chore_id: str) -> list[tuple[int, str]]:
        with self.database.reading() as session:
            wanted = select(Run).where(Run.chore_id == chore_id).order_by(Run.at)
            return [(run.attempt, run.worker) for run in session.scalars(wanted)]

    def row(self, chore_id: str) -> Chore:
        with self.database.reading() as session:
            return session.get_one(Chore, chore_id)

    def expire(self, chore_id: str) -> None:
        with self.database.transaction() as session:
            session.execute(
                update(Chore).where(Chore.id == chore_id).values(lease_until=utcnow() - timedelta(seconds=1))
            )

    def done(self, chore_id: str) -> bool:
        return self.row(chore_id).due_at is None

    def execute(self, statement: str, values: dict[str, object]) -> None:
        """Write into the engine's own tables, as whoever captured the database could."""
        url = make_url(self.jobs_url)
        if url.get_backend_name() == "sqlite":
            with sqlite3.connect(str(url.database), timeout=30) as connection:
                connection.execute(statement.format(schema=""), values)
            connection.close()
        else:
            plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
            with psycopg.connect(plain) as connection:
                for name in values:
                    statement = statement.replace(f":{name}", f"%({name})s")
                connection.execute(statement.format(schema=f"{SCHEMA}."), values)

    def workflow(self, workflow_id: str, more: str = "") -> tuple[str, ...]:
        """The status of an engine row, nothing when there is none."""
        url = make_url(self.jobs_url)
        wanted = "SELECT status FROM {schema}workflow_status WHERE workflow_uuid = "
        if url.get_backend_name() == "sqlite":
            connection = sqlite3.connect(str(url.database), timeout=30)
            try:
                return tuple(
                    row[0] for row in connection.execute(wanted.format(schema="") + "? " + more, (workflow_id,))
                )
            finally:
                connection.close()
        with psycopg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False)) as connection:
            found = connection.execute(wanted.format(schema=f"{SCHEMA}.") + "%s " + more, (workflow_id,))
            return tuple(row[0] for row in found)


class Evil:
    """Runs a command when it is unpickled."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (f"touch {self.witness}",)


def planted(witness: Path) -> str:
    return base64.b64encode(pickle.dumps(Evil(witness))).decode()


def until(holds: Callable[[], bool], seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def migrated(url: str) -> str:
    run_dbos_database_migrations(url, schema=SCHEMA)
    return url


@pytest.fixture
def workshop(empty_database_url: str, tmp_path: Path) -> Iterator[Workshop]:
    database = Database(empty_database_url)
    Toys.metadata.create_all(database.engine)
    jobs = f"sqlite:///{tmp_path / 'jobs.db'}" if database.is_sqlite else empty_database_url
    workshop = Workshop(database, migrated(jobs), tmp_path)
    yield workshop
    workshop.gate.touch()
    for worker in workshop.workers:
        worker.stop()
    database.dispose()


def test_every_due_row_has_its_effect_once(workshop):
    chores = [workshop.chore("ok") for _ in range(12)]
    later = workshop.chore("fails_first")
    postponed = workshop.chore("postponed_first")
    worker = workshop.start("one")
    until(lambda: all(workshop.done(each) for each in [*chores, later, postponed]))
    assert [workshop.runs(each) for each in chores] == [[(1, "one")]] * 12
    assert workshop.runs(later) == [(2, "one")]
    assert workshop.runs(postponed) == [(2, "one")]
    row = workshop.row(chores[0])
    assert (row.attempt, row.takeovers, row.lease_until) == (1, 0, None)
    worker.stop()
    after = workshop.chore("ok")
    workshop.start("two")
    until(lambda: workshop.done(after))
    assert [workshop.runs(each) for each in chores] == [[(1, "one")]] * 12


def test_a_row_that_is_not_due_yet_waits(workshop):
    chore_id = workshop.chore("ok")
    with workshop.database.transaction() as session:
        session.execute(update(Chore).where(Chore.id == chore_id).values(due_at=utcnow() + timedelta(hours=1)))
    workshop.start("one")
    seen = workshop.chore("ok")
    until(lambda: workshop.done(seen))
    assert workshop.runs(chore_id) == []


def test_who_lost_the_lease_changes_nothing(workshop):
    chore_id = workshop.chore("gated")
    workshop.start("one")
    workshop.begun("one")
    with workshop.database.transaction() as session:
        (other,) = lease(session, Chore, now=utcnow() + timedelta(minutes=5), limit=1)
    workshop.gate.touch()
    until(lambda: workshop.workflow(f"chore-{chore_id}-1") == ("SUCCESS",))
    assert workshop.runs(chore_id) == []
    row = workshop.row(chore_id)
    assert (row.attempt, other.attempt, row.takeovers) == (2, 2, 1)
    assert row.due_at is not None


def test_a_killed_workers_rows_are_taken_over_when_their_lease_ends(workshop, tmp_path):
    """Another machine has another engine database: only the row tells it what to do."""
    chore_id = workshop.chore("gated")
    first = workshop.start("one")
    workshop.begun("one")
    first.kill()
    workshop.gate.touch()
    elsewhere = migrated(f"sqlite:///{tmp_path / 'elsewhere.db'}")
    workshop.start("two", jobs_url=elsewhere)
    other = workshop.chore("ok")
    until(lambda: workshop.done(other))
    assert workshop.runs(chore_id) == []  # the lease still lives
    workshop.expire(chore_id)
    until(lambda: workshop.done(chore_id))
    assert workshop.runs(chore_id) == [(2, "two")]
    workshop.start("three")  # the first comes back and finds its own workflow unfinished
    until(lambda: workshop.workflow(f"chore-{chore_id}-1") == ("SUCCESS",))
    assert workshop.runs(chore_id) == [(2, "two")]
    assert workshop.row(chore_id).takeovers == 1


def test_a_killed_worker_goes_on_in_its_next_life(workshop):
    chore_id = workshop.chore("gated")
    first = workshop.start("one")
    workshop.begun("one")
    first.kill()
    workshop.gate.touch()
    workshop.start("two")
    until(lambda: workshop.done(chore_id))
    assert workshop.runs(chore_id) == [(1, "two")]


@pytest.mark.parametrize("serialization", ["py_pickle", None])
def test_a_planted_pickle_row_is_refused_and_good_jobs_run(workshop, serialization, tmp_path):
    """A row chooses its own decoder: code that it carries must not run in a worker."""
    witness = tmp_path / "witness"
    worker = workshop.start("one")
    good = workshop.chore("ok")
    until(lambda: workshop.done(good))
    until(lambda: workshop.workflow(f"chore-{good}-1") == ("SUCCESS",))
    worker.kill()
    values = {"evil": "chore-evil-1", "good": f"chore-{good}-1", "inputs": planted(witness), "decoder": serialization}
    copied = "name, executor_id, application_version, application_name, created_at, updated_at"
    workshop.execute(
        f"INSERT INTO {{schema}}workflow_status (workflow_uuid, inputs, serialization, status, {copied}) "
        f"SELECT :evil, :inputs, :decoder, 'PENDING', {copied} "
        "FROM {schema}workflow_status WHERE workflow_uuid = :good",
        values,
    )
    workshop.start("two")
    taken = ("PENDING", "ERROR")  # it was queued for recovery, and then taken out of the queue to be decoded
    until(lambda: workshop.workflow("chore-evil-1", "AND queue_name IS NOT NULL") in {(each,) for each in taken})
    after = [workshop.chore("ok") for _ in range(3)]
    until(lambda: all(workshop.done(each) for each in after))
    assert [workshop.runs(each) for each in after] == [[(1, "two")]] * 3
    assert not witness.exists()
    assert workshop.workflow("chore-evil-1") != ("SUCCESS",)


def test_the_planted_row_would_run_code_where_pickle_is_read(tmp_path):
    """The plant is real: it is what the engine's default decoder would have executed."""
    witness = tmp_path / "witness"
    pickle.loads(base64.b64decode(planted(witness)))
    assert witness.exists()
