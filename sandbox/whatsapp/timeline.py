"""Runs things when their simulated time has come, one after the other, on one thread."""

import heapq
import itertools
import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from sandbox.whatsapp.clock import Clock

_LOG = logging.getLogger(__name__)
_GLANCE = 0.5
"""Longest nap, seconds: how late a change of the machine's clock is noticed."""


class Timeline:
    """A heap of tasks. `settle()` waits until nothing that is due is left, which makes tests exact."""

    def __init__(self, clock: Clock) -> None:
        """Make an idle timeline; `start()` begins to run it."""
        self._clock = clock
        self._tasks: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._busy = False
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="timeline", daemon=True)

    def start(self) -> None:
        """Begin to run tasks."""
        self._thread.start()

    def stop(self) -> None:
        """Run nothing more; returns when the task at work has ended (or after 15 s)."""
        with self._clock.moved:
            self._stopping = True
            self._clock.moved.notify_all()
        self._thread.join(15)

    def after(self, seconds: float, task: Callable[[], None]) -> None:
        """Run `task` in `seconds` of simulated time."""
        with self._clock.moved:
            heapq.heappush(self._tasks, (self._clock.now() + timedelta(seconds=seconds), next(self._order), task))
            self._clock.moved.notify_all()

    def clear(self) -> None:
        """Forget everything that was to happen."""
        with self._clock.moved:
            self._tasks.clear()
            self._clock.moved.notify_all()

    def settle(self, timeout: float = 20.0) -> bool:
        """Wait until nothing that is due is left; tells whether that happened within `timeout` real seconds."""
        with self._clock.moved:
            return self._clock.moved.wait_for(lambda: not self._busy and not self._due(), timeout)

    def _due(self) -> bool:
        return bool(self._tasks) and self._tasks[0][0] <= self._clock.now()

    def _run(self) -> None:
        while True:
            with self._clock.moved:
                while not self._stopping and not self._due():
                    self._clock.moved.wait(self._nap())
                if self._stopping:
                    return
                _, _, task = heapq.heappop(self._tasks)
                self._busy = True
            try:
                task()
            except Exception:  # noqa: BLE001 (a task that fails must not end the simulator)
                _LOG.exception("a task of the simulator failed")
            with self._clock.moved:
                self._busy = False
                self._clock.moved.notify_all()

    def _nap(self) -> float:
        if not self._tasks or self._clock.frozen:
            return _GLANCE
        return max(0.0, min(_GLANCE, (self._tasks[0][0] - self._clock.now()).total_seconds()))
