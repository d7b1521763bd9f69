"""Runs the migrations on the database of RESGUARDO_DATABASE_URL, with short lock waits on PostgreSQL."""

import os
from typing import Any, Literal

from alembic import context
from sqlalchemy import JSON, text

from migrations.models import metadata
from storage.database import Database, UtcDateTime

LOCK_TIMEOUT = "5s"
STATEMENT_TIMEOUT = "10min"


def _ours(name: str | None, kind: str, _parents: Any) -> bool:
    """Leave the job engine's tables alone: they are its own."""
    return name in metadata.tables if kind == "table" else True


def _render(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write our own column types by their short names; everything else as Alembic does."""
    if kind != "type" or not isinstance(item, UtcDateTime | JSON):
        return False
    return "UtcDateTime()" if isinstance(item, UtcDateTime) else "Json"


def _run() -> None:
    database = Database(os.environ["RESGUARDO_DATABASE_URL"])
    try:
        with database.engine.connect() as connection:
            if not database.is_sqlite:
                connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
                connection.execute(text(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'"))
                connection.commit()
            context.configure(
                connection=connection,
                target_metadata=metadata,
                include_name=_ours,
                compare_type=True,
                render_item=_render,
                render_as_batch=database.is_sqlite,
                transaction_per_migration=True,
            )
            with context.begin_transaction():
                context.run_migrations()
            connection.commit()
    finally:
        database.dispose()


_run()
