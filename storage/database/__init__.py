"""Rows: engine, transactions, the declarative base and the column types that every model uses."""

from storage.database.base import Base, Json, NewId, UtcDateTime, new_id, utcnow
from storage.database.engine import Database, DatabaseBusy
from storage.database.inserting import insert_into

__all__ = ["Base", "Database", "DatabaseBusy", "Json", "NewId", "UtcDateTime", "insert_into", "new_id", "utcnow"]
