"""A clock that a test can stop and move. Everything in the simulator asks it for the time."""

import threading
from datetime import UTC, datetime, timedelta


class Clock:
    """Follows the machine's clock plus an offset, or stands still when frozen. Wakes whoever waits when it is moved."""

    def __init__(self, *, frozen: bool = False) -> None:
        """Start at the machine's time."""
        self.moved = threading.Condition()
        self._offset = timedelta(0)
        self._frozen_at = datetime.now(UTC) if frozen else None

    @property
    def frozen(self) -> bool:
        """Whether time stands still."""
        return self._frozen_at is not None

    def now(self) -> datetime:
        """Return the simulated time, aware, UTC."""
        return (self._frozen_at or datetime.now(UTC)) + self._offset

    def advance(self, step: timedelta) -> None:
        """Move forward."""
        with self.moved:
            self._offset += step
            self.moved.notify_all()

    def freeze(self, frozen: bool) -> None:
        """Stop the clock, or let it run on from where it stands."""
        with self.moved:
            now = self.now()
            self._frozen_at, self._offset = (now, timedelta(0)) if frozen else (None, now - datetime.now(UTC))
            self.moved.notify_all()
