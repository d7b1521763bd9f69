"""Rows: engine, transactions, the declarative base and the column types that every model uses."""

from storage.database.base import Base, Json, NewId, UtcDateTime, new_id, utcnow
from storage.database.engine import Database, DatabaseBusy

__all__ = ["Base", "Database", "DatabaseBusy", "Json", "NewId", "UtcDateTime", "new_id", "utcnow"]
