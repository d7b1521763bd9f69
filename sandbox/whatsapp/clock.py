"""A clock that a test can stop and move. Everything in the simulator asks it for the time."""

import threading
from datetime import UTC, datetime, timedelta


class Clock:
    """Follows the machine's clock plus an offset, or stands still when frozen. Wakes whoever waits when it is moved."""

    def __init__(self, *, frozen: bool = False, start: datetime | None = None) -> None:
        """Start at `start` (aware), or at the machine's time."""
        now = datetime.now(UTC)
        self.moved = threading.Condition()
        self._offset = (start or now) - now
        self._frozen_at: datetime | None = None
        if frozen:
            self._frozen_at, self._offset = (start or now).astimezone(UTC), timedelta(0)

    @property
    def frozen(self) -> bool:
        """Whether time stands still."""
        return self._frozen_at is not None

    @property
    def ahead(self) -> timedelta:
        """How far it is from the machine's clock."""
        return self.now() - datetime.now(UTC)

    def now(self) -> datetime:
        """Return the simulated time, aware, UTC."""
        return (self._frozen_at or datetime.now(UTC)) + self._offset

    def advance(self, step: timedelta) -> None:
        """Move forward. Raises ValueError on a step back: what happened has happened."""
        if step < timedelta(0):
            raise ValueError("time only moves forward")
        with self.moved:
            self._offset += step
            self.moved.notify_all()

    def freeze(self, frozen: bool) -> None:
        """Stop the clock, or let it run on from where it stands."""
        with self.moved:
            now = self.now()
            self._frozen_at, self._offset = (now, timedelta(0)) if frozen else (None, now - datetime.now(UTC))
            self.moved.notify_all()
