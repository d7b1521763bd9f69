"""`python -m sandbox.travel --hours N`: let N hours pass for the running demo, without waiting for them.

Rules: nothing of the product knows of it; the rows of the sandbox database become N hours older, so that what is due in
N hours is due now. The trail, keys, signatures and whatever is filed keep their time: they are evidence. A night at the
customer's place stays a night: `organization reminders SLUG --opens 00:00 --closes 24:00 --rest-days none
--rest-on-holidays no` lets reminders leave at any hour.
"""

import argparse
import os
import sys
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Column, Table, select, update
from sqlalchemy.orm import Session

from migrations.models import metadata
from sandbox import refuse_in_production
from sandbox.launch.layout import REPOSITORY, Layout
from storage.database import Database, UtcDateTime

AGEING = frozenset(
    {
        *("document_requests", "slots", "upload_links", "visits", "uploads", "link_wishes"),
        *("messages", "message_attempts", "conversations", "breakers", "pair_turns"),
        *("inbound_events", "chat_windows", "intercepted_files"),
        *("reminder_plans", "received_notices", "escalations"),
    }
)
"""Tables whose every time moves; of the others with due rows only the due time does."""
FARTHEST = 24 * 400


def travel(database: Database, by: timedelta) -> int:
    """Make the rows older; return how many were touched."""
    touched = 0
    with database.transaction() as session:
        for table in metadata.sorted_tables:
            columns = [column for column in table.columns if _moves(table, column)]
            touched += _age(session, table, columns, by) if columns else 0
    return touched


def _moves(table: Table, column: Column[object]) -> bool:
    if not isinstance(column.type, UtcDateTime) or column.name == "lease_until":
        return False
    return column.name == "due_at" or table.name in AGEING


def _age(session: Session, table: Table, columns: list[Column[object]], by: timedelta) -> int:
    keys = list(table.primary_key)
    rows = session.execute(select(*keys, *columns)).all()
    for row in rows:
        times = zip(columns, row[len(keys) :], strict=True)
        moved = {column.name: value - by for column, value in times if value is not None}
        if moved:
            session.execute(update(table).where(*(key == row[i] for i, key in enumerate(keys))).values(**moved))
    return len(rows)


def main(arguments: list[str]) -> int:
    """Travel. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.travel", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--hours", type=float, required=True)
    parser.add_argument(
        "--root", type=Path, default=REPOSITORY / "var", help="folder of the demo, as `make run` has it"
    )
    parser.add_argument("--database-url", help="where the demo's rows are in PostgreSQL: as their owner reaches them")
    options = parser.parse_args(arguments)
    if not 0 < options.hours <= FARTHEST:
        parser.error(f"--hours goes from 0 to {FARTHEST}")
    if options.database_url is not None and os.environ.get("RESGUARDO_PROFILE") != "sandbox":
        parser.error("a database that is named must be a sandbox's: set RESGUARDO_PROFILE=sandbox")
    file = Layout(root=options.root).data / "resguardo.db"
    if options.database_url is None and not file.exists():
        parser.error(f"there is no {file}: start the demo first")
    database = Database(options.database_url or f"sqlite:///{file}")
    print(f"{travel(database, timedelta(hours=options.hours))} rows are {options.hours:g} hours older")
    database.dispose()
    return 0


if __name__ == "__main__":
    refuse_in_production()
    sys.exit(main(sys.argv[1:]))
