"""INSERT with ON CONFLICT, which both databases know and SQLAlchemy spells once for each."""

from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from storage.database.base import Base


def insert_into(session: Session, model: type[Base]) -> Any:
    """Return the INSERT of the session's database: it offers `on_conflict_do_nothing` and `on_conflict_do_update`."""
    return (postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert)(model)
