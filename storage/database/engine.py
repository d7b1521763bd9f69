"""Connections and transactions on SQLite (embedded) and PostgreSQL (scaled out), durable before they answer."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import create_engine, event, make_url
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

BUSY_TIMEOUT_MS = 15_000
"""How long SQLite waits for another process's write lock, milliseconds."""
AGAIN_S = 0.001
"""How often it looks whether that lock is free, seconds."""
PRIMARY_CODE = 0xFF
"""What an extended result code of SQLite is masked with."""
TURN_S = 15.0
"""How long a writer waits for its turn within this process, seconds: as long as for other processes."""
DURABLE = "-c synchronous_commit=on"
"""What the server is told with every connection, whatever its own configuration says."""

READING = "resguardo_reading"
READ_ONLY = {"postgresql_readonly": True}


class DatabaseBusy(PoolTimeout):
    """Other writers of this process held SQLite's write lock for too long: to be tried again, like a full pool."""


class Database:
    """One engine of one process.

    On SQLite every writing transaction begins IMMEDIATE, behind one lock of this process: an unfair file lock
    starves writers for up to a second otherwise. A commit that returned is on disk: WAL and `synchronous=FULL` on
    SQLite, `synchronous_commit=on` on PostgreSQL.
    """

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        """Make the engine for `url` (sqlite:///path or postgresql+psycopg://...); nothing connects yet."""
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            self.engine = create_engine(
                self.url, pool_size=pool_size, max_overflow=20, pool_timeout=30, hide_parameters=True
            )
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        else:
            self.engine = create_engine(
                self.url,
                pool_size=pool_size,
                max_overflow=20,
                pool_pre_ping=True,
                hide_parameters=True,
                connect_args={"options": f"{self.url.query.get('options', '')} {DURABLE}".strip()},
            )
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)
        self._write_lock = threading.Lock()

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Open a writing transaction: committed when the block ends, rolled back when it raises.

        Raises DatabaseBusy when its turn does not come.
        """
        with self._turn(), self._sessions.begin() as session:
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a transaction that only reads: the database refuses to write in it, and it takes no write lock.

        What was loaded stays usable afterwards, as it was read; nothing more can be loaded through it.
        """
        with self._sessions() as session:
            session.connection(execution_options={READING: True, **({} if self.is_sqlite else READ_ONLY)})
            try:
                yield session
            finally:
                session.expunge_all()  # a rollback would expire what was loaded
                session.rollback()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self.is_sqlite:
            yield
            return
        if not self._write_lock.acquire(timeout=TURN_S):
            raise DatabaseBusy("the write lock of this process was not free in time")
        try:
            yield
        finally:
            self._write_lock.release()

    def dispose(self) -> None:
        """Close every pooled connection (after a fork, at shutdown)."""
        self.engine.dispose()


def _prepare_sqlite(connection: Any, _record: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself; _begin_sqlite does
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Any) -> None:
    reading = connection.get_execution_options().get(READING, False)
    sqlite: sqlite3.Connection = connection.connection.dbapi_connection
    sqlite.execute(f"PRAGMA query_only={'ON' if reading else 'OFF'}")
    if reading:
        sqlite.execute("BEGIN")
        return
    sqlite.execute("PRAGMA busy_timeout=0")
    try:
        if not _began_in_turn(sqlite):
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # raises what SQLAlchemy makes of it
    finally:
        sqlite.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")


def _began_in_turn(sqlite: sqlite3.Connection) -> bool:
    """Wait for the write lock in short steps: SQLite's own grow to 100 ms, while another process writes for 5."""
    until = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            sqlite.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & PRIMARY_CODE != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                return False
            time.sleep(AGAIN_S)
        else:
            return True
