"""The courier's small rounds about sending: what it forgets, and what it says of itself."""

from datetime import datetime

from records.alarms import open_alarms
from records.budgets import forget_conversations
from records.pacing import forget_turns
from storage.database import Database


def forget(database: Database, now: datetime) -> None:
    """Delete turns that are over and people who no longer count for a budget."""
    with database.transaction() as session:
        forget_turns(session, now=now)
        forget_conversations(session, now=now)


def words(database: Database) -> dict[str, str]:
    """Return what the courier's sign of life says: how many alarms nobody has closed, of all companies."""
    with database.reading() as session:
        return {"alarms": str(open_alarms(session))}
