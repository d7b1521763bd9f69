"""What transactions, reading and times promise on both engines."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, ForeignKey, Integer, MetaData, String, Table, insert, make_url, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, StatementError

from portal.web.errors import code_of
from storage.database import Database, DatabaseBusy, Json, UtcDateTime, engine, new_id, utcnow

METADATA = MetaData()
COUNTER = Table("counter", METADATA, Column("name", String(40), primary_key=True), Column("value", Integer))
NOTE = Table(
    "note",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("counter", ForeignKey("counter.name")),
    Column("at", UtcDateTime),
    Column("fields", Json),
)
WRITER = Path(__file__).with_name("writer.py")


@pytest.fixture
def rows(empty_database_url: str) -> Iterator[Database]:
    """A Database with two tables of this test, on both engines in turn."""
    database = Database(empty_database_url)
    METADATA.create_all(database.engine)
    with database.transaction() as session:
        session.execute(insert(COUNTER).values(name="tally", value=0))
    yield database
    database.dispose()


def tally(database: Database) -> int:
    """Return what the counter says."""
    with database.reading() as session:
        return int(session.execute(select(COUNTER.c.value).where(COUNTER.c.name == "tally")).scalar_one())


def add_one(session: Any) -> None:
    """Read the counter, then write it: what loses counts unless writers take turns."""
    value = session.execute(select(COUNTER.c.value).where(COUNTER.c.name == "tally").with_for_update()).scalar_one()
    session.execute(update(COUNTER).where(COUNTER.c.name == "tally").values(value=value + 1))


def test_a_transaction_commits_when_it_ends(rows: Database) -> None:
    with rows.transaction() as session:
        add_one(session)
    assert tally(rows) == 1


def test_a_transaction_that_raises_changes_nothing(rows: Database) -> None:
    def fail_after_writing() -> None:
        with rows.transaction() as session:
            add_one(session)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_writing()
    assert tally(rows) == 0
    with rows.transaction() as session:
        add_one(session)
    assert tally(rows) == 1


def test_what_is_not_committed_is_not_seen(rows: Database) -> None:
    with rows.transaction() as session:
        add_one(session)
        session.flush()
        assert tally(rows) == 0
    assert tally(rows) == 1


def test_reading_refuses_to_write(rows: Database) -> None:
    with pytest.raises(DBAPIError, match=r"read.?only"), rows.reading() as session:
        session.execute(update(COUNTER).values(value=99))
    assert tally(rows) == 0


def test_a_connection_that_was_read_with_writes_again(rows: Database) -> None:
    assert tally(rows) == 0
    with rows.transaction() as session:
        add_one(session)
    assert tally(rows) == 1


def test_readers_do_not_wait_for_a_writer(rows: Database) -> None:
    with rows.transaction() as session:
        add_one(session)
        session.flush()
        began = time.monotonic()
        assert tally(rows) == 0
        assert time.monotonic() - began < 2


def test_threads_that_read_and_write_lose_no_count(rows: Database) -> None:
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(20):
                with rows.transaction() as session:
                    add_one(session)
        except BaseException as error:  # noqa: BLE001 (carried to the test's own thread)
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert tally(rows) == 160


def test_processes_that_read_and_write_lose_no_count(rows: Database) -> None:
    url = rows.url.render_as_string(hide_password=False)
    writers = [
        subprocess.Popen([sys.executable, WRITER, url, "60"], stderr=subprocess.PIPE, text=True) for _ in range(3)
    ]
    for writer in writers:
        _, errors = writer.communicate(timeout=90)
        assert writer.returncode == 0, errors
    assert tally(rows) == 180


def test_a_killed_writer_leaves_whole_transactions_and_no_lock(rows: Database) -> None:
    url = rows.url.render_as_string(hide_password=False)
    with subprocess.Popen([sys.executable, WRITER, url, "1000000"], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        acknowledged = 0
        for line in writer.stdout:
            acknowledged = int(line)
            if acknowledged >= 25:
                writer.kill()
                break
        acknowledged = max([acknowledged, *map(int, writer.stdout.read().split())])
    began = time.monotonic()
    with rows.transaction() as session:
        add_one(session)
    assert time.monotonic() - began < 5
    counted = tally(rows) - 1
    assert acknowledged <= counted <= acknowledged + 1
    with rows.reading() as session:
        assert len(session.execute(select(NOTE.c.id)).all()) == counted


def test_a_foreign_key_must_exist(rows: Database) -> None:
    with pytest.raises(IntegrityError), rows.transaction() as session:
        session.execute(insert(NOTE).values(id=new_id(), counter="nobody", at=utcnow(), fields={}))


def test_a_time_without_a_zone_is_refused(rows: Database) -> None:
    naive = datetime(2026, 11, 22, 10, 0)  # noqa: DTZ001
    with pytest.raises(StatementError, match="without a zone"), rows.transaction() as session:
        session.execute(insert(NOTE).values(id=new_id(), at=naive))
    with pytest.raises(StatementError, match="without a zone"), rows.reading() as session:
        session.execute(select(NOTE).where(NOTE.c.at > naive))


@pytest.mark.parametrize("hours", [-6, 0, 5.5, 14])
def test_a_time_comes_back_as_the_same_instant_in_utc(rows: Database, hours: float) -> None:
    at = datetime(2026, 11, 22, 23, 59, 59, 123456, tzinfo=timezone(timedelta(hours=hours)))
    with rows.transaction() as session:
        session.execute(insert(NOTE).values(id="a", at=at))
        session.execute(insert(NOTE).values(id="b", at=None))
    with rows.reading() as session:
        found = {row.id: row.at for row in session.execute(select(NOTE.c.id, NOTE.c.at))}
        later = session.execute(select(NOTE.c.id).where(NOTE.c.at > at - timedelta(microseconds=1))).scalars().all()
        assert list(later) == ["a"]
        assert session.execute(select(NOTE.c.id).where(NOTE.c.at > at)).all() == []
    assert found["a"] == at
    assert found["a"].tzinfo is UTC
    assert found["b"] is None


def test_times_sort_by_instant_whatever_their_zone(rows: Database) -> None:
    instants = [datetime(2026, 11, 22, 12, n, tzinfo=timezone(timedelta(hours=9 - 3 * n))) for n in range(6)]
    with rows.transaction() as session:
        for number, at in enumerate(instants):
            session.execute(insert(NOTE).values(id=str(number), at=at))
    with rows.reading() as session:
        ordered = list(session.execute(select(NOTE.c.id).order_by(NOTE.c.at)).scalars())
    assert ordered == [str(number) for number, _ in sorted(enumerate(instants), key=lambda pair: pair[1])]


def test_a_json_document_keeps_its_text(rows: Database) -> None:
    fields = {"título": "Acción № 7 🗂", "list": ["a", "b"], "nested": {"n": 1}}
    with rows.transaction() as session:
        session.execute(insert(NOTE).values(id="a", fields=fields))
    with rows.reading() as session:
        assert session.execute(select(NOTE.c.fields)).scalar_one() == fields


def test_ids_are_random_and_of_one_shape() -> None:
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(len(one) == 32 and set(one) <= set("0123456789abcdef") for one in ids)


def test_now_is_aware_and_utc() -> None:
    assert utcnow().tzinfo is UTC


def test_sqlite_writes_through_to_the_disk_and_forgets_what_was_deleted(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'a.db'}")
    settings = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1, "busy_timeout": 15_000}
    for opened in (database.transaction, database.reading):
        with opened() as session:
            for name, value in settings.items():
                assert session.execute(text(f"PRAGMA {name}")).scalar_one() == value, name
    database.dispose()


def test_sqlite_takes_the_write_lock_when_a_transaction_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two that read first and write later would deadlock: "database is locked" at once, whatever the timeout."""
    path = f"sqlite:///{tmp_path / 'a.db'}"
    first, second = Database(path), Database(path)
    METADATA.create_all(first.engine)
    with first.transaction() as writing:
        writing.execute(text("SELECT 1"))
        monkeypatch.setattr(engine, "BUSY_TIMEOUT_MS", 50)
        with pytest.raises(OperationalError, match="locked"), second.transaction() as session:
            session.execute(text("SELECT 1"))
    with second.transaction() as session:
        session.execute(insert(COUNTER).values(name="x", value=1))
    first.dispose()
    second.dispose()


def test_a_writer_whose_turn_does_not_come_is_told_to_try_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "TURN_S", 0.1)
    database = Database(f"sqlite:///{tmp_path / 'a.db'}")
    refused: list[BaseException] = []

    def write() -> None:
        try:
            with database.transaction():
                pass
        except BaseException as error:  # noqa: BLE001 (carried to the test's own thread)
            refused.append(error)

    with database.transaction():
        second = threading.Thread(target=write)
        second.start()
        second.join()
    assert [type(error) for error in refused] == [DatabaseBusy]
    assert code_of(refused[0]) == "unavailable"
    with database.transaction() as session:
        assert session.execute(text("SELECT 1")).scalar_one() == 1
    database.dispose()


def test_postgres_commits_reach_the_disk_even_where_the_server_would_not_wait(
    postgres_database: str, postgres_url: str
) -> None:
    name = make_url(postgres_database).database
    owner = Database(postgres_url)
    with owner.transaction() as session:
        session.execute(text(f'ALTER DATABASE "{name}" SET synchronous_commit = off'))
    owner.dispose()
    asked = make_url(postgres_database).update_query_dict({"options": "-c application_name=resguardo-test"})
    database = Database(asked.render_as_string(hide_password=False))
    with database.transaction() as session:
        assert session.execute(text("SHOW synchronous_commit")).scalar_one() == "on"
        assert session.execute(text("SHOW application_name")).scalar_one() == "resguardo-test"
    database.dispose()


def test_a_killed_connection_is_replaced(postgres_database: str) -> None:
    database, other = Database(postgres_database), Database(postgres_database)
    with database.reading() as session:
        victim = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
    with other.transaction() as session:
        session.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": victim})
    with database.reading() as session:
        assert session.execute(text("SELECT 1")).scalar_one() == 1
    database.dispose()
    other.dispose()
