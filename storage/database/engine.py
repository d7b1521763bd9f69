"""Connections and transactions on SQLite (embedded) and PostgreSQL (scaled out), durable before they answer."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from sqlalchemy import create_engine, event, make_url
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

BUSY_TIMEOUT_MS = 15_000
"""How long SQLite waits for another process's write lock, milliseconds."""


READING = "resguardo_reading"
READ_ONLY = {"postgresql_readonly": True}


class Database:
    """One engine of one process.

    On SQLite every writing transaction begins IMMEDIATE, behind one lock of this process: an unfair file lock
    starves writers for up to a second otherwise. WAL and `synchronous=FULL`: a commit that returned is on disk.
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
                self.url, pool_size=pool_size, max_overflow=20, pool_pre_ping=True, hide_parameters=True
            )
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)
        self._write_lock = threading.Lock()

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Open a writing transaction: committed when the block ends, rolled back when it raises."""
        with self._write_lock if self.is_sqlite else nullcontext(), self._sessions.begin() as session:
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
    connection.exec_driver_sql(f"PRAGMA query_only={'ON' if reading else 'OFF'}")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
