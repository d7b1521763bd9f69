"""A process that counts in its own transactions: `python writer.py URL TIMES` prints what it committed."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from sqlalchemy import text

from storage.database import Database, new_id


def main(url: str, times: str) -> None:
    """Read the counter, write it and a note, commit, tell; again."""
    database = Database(url)
    lock = "" if database.is_sqlite else " FOR UPDATE"
    for _ in range(int(times)):
        with database.transaction() as session:
            value = session.execute(text(f"SELECT value FROM counter WHERE name = 'tally'{lock}")).scalar_one()
            session.execute(text("UPDATE counter SET value = :value WHERE name = 'tally'"), {"value": value + 1})
            session.execute(text("INSERT INTO note (id, counter) VALUES (:id, 'tally')"), {"id": new_id()})
        os.writev(1, [f"{value + 1}\n".encode()])
    database.dispose()


if __name__ == "__main__":
    main(*sys.argv[1:])
