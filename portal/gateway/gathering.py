"""Deliveries that arrive together are committed together: one of them carries all that wait, the others wait for it.

Rules: nobody is answered before the commit that holds their updates; if a joint commit fails, each delivery is tried by
itself, so that none can spoil another's.
"""

import threading
from collections import deque
from contextlib import suppress

from notifications.inbound.storing import Delivery, store
from portal.web.application import transaction
from storage.database import utcnow

TOGETHER = 64
"""Deliveries of one commit: enough to save most of the waiting, few enough to keep each wait short."""


class _Waiting:
    """A delivery on its way into the database."""

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery
        self.taken = False
        self.stored = False


class Gathering:
    """The deliveries of one process. Safe to share between threads."""

    def __init__(self) -> None:
        """Nothing waits yet."""
        self._waiting: deque[_Waiting] = deque()
        self._turn = threading.Lock()

    def store(self, delivery: Delivery) -> None:
        """Return once the updates are committed. Raises what the database raises."""
        mine = _Waiting(delivery)
        self._waiting.append(mine)
        with self._turn:
            while not mine.taken:
                together = [self._waiting.popleft() for _ in range(min(TOGETHER, len(self._waiting)))]
                for each in together:
                    each.taken = True
                with suppress(Exception):  # each then tries by itself, and raises what comes of that
                    _store(together)
        if not mine.stored:
            _store([mine])


def _store(together: list[_Waiting]) -> None:
    with transaction() as session:
        store(session, [each.delivery for each in together], now=utcnow())
    for each in together:
        each.stored = True
