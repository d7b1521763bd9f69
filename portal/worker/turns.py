"""Side by side or alone: a job that may have killed its worker runs without company, so that only it is to blame."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """Lets many jobs of one process run together, or one alone. Who asks to be alone goes before who comes later."""

    def __init__(self) -> None:
        """Nobody runs."""
        self._changed = threading.Condition()
        self._together = 0
        self._alone = False
        self._waiting = 0

    @contextmanager
    def taken(self, *, alone: bool) -> Iterator[None]:
        """Wait for a turn and hold it."""
        self._begin(alone=alone)
        try:
            yield
        finally:
            self._end(alone=alone)

    def _begin(self, *, alone: bool) -> None:
        with self._changed:
            if not alone:
                self._changed.wait_for(lambda: not self._alone and not self._waiting)
                self._together += 1
                return
            self._waiting += 1
            try:
                self._changed.wait_for(lambda: not self._alone and not self._together)
            finally:
                self._waiting -= 1
            self._alone = True

    def _end(self, *, alone: bool) -> None:
        with self._changed:
            if alone:
                self._alone = False
            else:
                self._together -= 1
            self._changed.notify_all()
