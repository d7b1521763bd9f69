"""Reading a trail for verification: page by page in the order of the tree, and never stopped by a row that cannot be
read.

Rules: a row whose columns no longer parse (somebody wrote nonsense into it) counts as altered, it does not end the
reading.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.orm import Session

from audit.merkle import leaf_hash
from audit.trail import AuditEvent, AuditPending, leaf_bytes
from audit.tree import AuditLeaf

READ_AT_ONCE = 1000
UNREADABLE = b""
"""Stands for the hash of an event whose row cannot be read: equal to no leaf."""

_NONSENSE = (ValueError, TypeError, AttributeError, StatementError)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafRow:
    """A leaf with the hash of the event it points to, None when that event is gone."""

    event_id: str
    leaf_hash: bytes
    event_hash: bytes | None


class LeafReader:
    """Reads the leaves of one organization forward, each with the present hash of its event."""

    def __init__(self, session: Session, org_id: str) -> None:
        """Start before the first leaf."""
        self._session = session
        self._org_id = org_id
        self._page: list[tuple[int, LeafRow]] = []
        self._after = -1

    def below(self, stop: int) -> dict[int, LeafRow]:
        """Return the unread leaves with an index below `stop`."""
        found: dict[int, LeafRow] = {}
        while (row := self._peek()) is not None and row[0] < stop:
            found[row[0]] = self._page.pop()[1]
        return found

    def rest(self) -> Iterator[tuple[int, LeafRow]]:
        """Yield every leaf not read yet."""
        while self._peek() is not None:
            yield self._page.pop()

    def _peek(self) -> tuple[int, LeafRow] | None:
        if not self._page:
            query = (
                select(AuditLeaf.index, AuditLeaf.event_id, AuditLeaf.leaf_hash)
                .where(AuditLeaf.org_id == self._org_id, AuditLeaf.index > self._after)
                .order_by(AuditLeaf.index)
                .limit(READ_AT_ONCE)
            )
            leaves = self._session.execute(query).all()
            hashes = event_hashes(self._session, [event_id for _, event_id, _ in leaves])
            self._page = [
                (index, LeafRow(event_id=event_id, leaf_hash=stored, event_hash=hashes.get(event_id)))
                for index, event_id, stored in reversed(leaves)
            ]
            self._after = leaves[-1][0] if leaves else self._after
        return self._page[-1] if self._page else None


def event_hashes(session: Session, event_ids: list[str]) -> dict[str, bytes]:
    """Return the present leaf hash of each event that still exists, UNREADABLE for a row that makes no sense."""
    query = select(AuditEvent).execution_options(populate_existing=True)
    try:
        events = session.scalars(query.where(AuditEvent.id.in_(event_ids))).all()
        return {event.id: leaf_hash(leaf_bytes(event)) for event in events}
    except DBAPIError:
        raise
    except _NONSENSE:
        if len(event_ids) == 1:
            return {event_ids[0]: UNREADABLE}
    middle = len(event_ids) // 2
    return event_hashes(session, event_ids[:middle]) | event_hashes(session, event_ids[middle:])


def unsealed_events(session: Session, org_id: str) -> Iterator[tuple[str, datetime | None, bytes | None]]:
    """Yield id, time and leaf hash of the organization's events without a leaf; None where the row makes no sense."""
    query = (
        select(AuditEvent.id)
        .outerjoin(AuditLeaf, AuditLeaf.event_id == AuditEvent.id)
        .where(AuditEvent.org_id == org_id, AuditLeaf.event_id.is_(None))
        .order_by(AuditEvent.at, AuditEvent.id)
    )
    for event_id in session.scalars(query).all():
        try:
            event = session.get(AuditEvent, event_id, populate_existing=True)
            if event is not None:
                yield event_id, event.at, leaf_hash(leaf_bytes(event))
        except DBAPIError:
            raise
        except _NONSENSE:
            yield event_id, None, None


def lost_events(session: Session, org_id: str) -> list[str]:
    """Return the ids of events that still wait for a leaf but are gone."""
    query = (
        select(AuditPending.event_id)
        .outerjoin(AuditEvent, AuditEvent.id == AuditPending.event_id)
        .where(AuditPending.org_id == org_id, AuditEvent.id.is_(None))
    )
    return list(session.scalars(query))
