"""The platform's budget of management calls: so many for an account in an hour."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, update
from sqlalchemy.orm import Session

from records.templates import TemplateAccount

CALLS_AN_HOUR = 180
"""Of the 200 that the platform allows an account. Source: Business Management API, rate limits."""


def claim_call(session: Session, account_id: str, now: datetime) -> bool:
    """Count one call of this hour; False when there is none left. Locks the account."""
    hour = _hour(now)
    begun: Any = session.execute(
        update(TemplateAccount)
        .where(TemplateAccount.id == account_id, or_(TemplateAccount.hour.is_(None), TemplateAccount.hour < hour))
        .values(hour=hour, calls=1)
        .execution_options(synchronize_session=False)
    )
    if begun.rowcount == 1:
        return True
    counted: Any = session.execute(
        update(TemplateAccount)
        .where(TemplateAccount.id == account_id, TemplateAccount.calls < CALLS_AN_HOUR)
        .values(calls=TemplateAccount.calls + 1)
        .execution_options(synchronize_session=False)
    )
    return bool(counted.rowcount == 1)


def next_hour(now: datetime) -> datetime:
    """Return when there are calls again."""
    return _hour(now) + timedelta(hours=1)


def _hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)
