"""Due rows: lease, attempt, take-over. The row is the truth under whatever engine runs the work.

A row is due when `due_at` has come and nobody holds a living lease. Leasing it raises `attempt`; every later effect
commits with `WHERE attempt = mine` and while the lease is unsettled, so that a worker which lost its lease changes
nothing, and neither does one that does its work a second time after the effect was committed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Index, Select, or_, select, update
from sqlalchemy.orm import Mapped, Session, declared_attr, mapped_column

LEASE = timedelta(seconds=45)
"""Life of a lease. A dead worker's row is taken over within 60 s: this plus the poll of the next one."""


class LostLease(Exception):
    """Another attempt owns the row now; this one must change nothing."""

    code = "lost_lease"


class Due:
    """Columns of a row that waits for a worker. `due_at` NULL means: nothing to do."""

    due_at: Mapped[datetime | None] = mapped_column(default=None)
    lease_until: Mapped[datetime | None] = mapped_column(default=None)
    attempt: Mapped[int] = mapped_column(default=0)
    takeovers: Mapped[int] = mapped_column(default=0)
    """How often a lease ran out under a worker that died or hung: what kills its worker again and again is parked."""

    @declared_attr.directive
    def __table_args__(cls) -> Any:
        """Index what the poll reads."""
        return (Index(None, "due_at", "lease_until"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to work on one row, until somebody raises its attempt."""

    id: str
    attempt: int


def lease(
    session: Session, model: type[Due], *, now: datetime, limit: int, life: timedelta = LEASE, only: Any = None
) -> list[Lease]:
    """Take up to `limit` due rows of `model`, oldest due first, each with a new attempt number.

    `only` is an extra SQL condition. Two workers never get the same row: PostgreSQL skips rows locked by another,
    SQLite's transactions begin IMMEDIATE.
    """
    table: Any = model
    wanted: Select[Any] = (
        select(table.id, table.attempt, table.lease_until)
        .where(table.due_at <= now, or_(table.lease_until.is_(None), table.lease_until <= now))
        .order_by(table.due_at, table.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    if only is not None:
        wanted = wanted.where(only)
    leases = []
    for row in session.execute(wanted).all():
        values = {"attempt": row.attempt + 1, "lease_until": now + life}
        if row.lease_until is not None:
            values["takeovers"] = table.takeovers + 1
        session.execute(
            update(table)
            .where(table.id == row.id, table.attempt == row.attempt)
            .values(**values)
            .execution_options(synchronize_session=False)
        )
        leases.append(Lease(id=row.id, attempt=row.attempt + 1))
    return leases


def any_due(session: Session, model: type[Due], *, now: datetime, only: Any = None) -> bool:
    """Whether `lease` would find a row: a read, so that an idle poll never takes the write lock."""
    table: Any = model
    wanted = select(table.id).where(table.due_at <= now, or_(table.lease_until.is_(None), table.lease_until <= now))
    if only is not None:
        wanted = wanted.where(only)
    return session.execute(wanted.limit(1)).first() is not None


def renew(session: Session, model: type[Due], held: Lease, *, now: datetime, life: timedelta = LEASE) -> None:
    """Prolong a lease that is still ours. Raises LostLease."""
    _fenced(session, model, held, {"lease_until": now + life})


def settle(session: Session, model: type[Due], held: Lease, *, due_at: datetime | None = None) -> None:
    """End a lease that is still ours: nothing more to do, or again at `due_at`. Raises LostLease.

    Call it first in the transaction of the effect: on both databases it locks the row until that commits.
    """
    _fenced(session, model, held, {"lease_until": None, "due_at": due_at})


def _fenced(session: Session, model: type[Due], held: Lease, values: dict[str, Any]) -> None:
    table: Any = model
    changed: Any = session.execute(
        update(table)
        .where(table.id == held.id, table.attempt == held.attempt, table.lease_until.is_not(None))
        .values(**values)
        .execution_options(synchronize_session="fetch")
    )
    if changed.rowcount != 1:
        raise LostLease(f"{table.__tablename__} {held.id} attempt {held.attempt}")
