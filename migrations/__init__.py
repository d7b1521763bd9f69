"""The schema's history (Alembic), the same on SQLite and PostgreSQL."""
