"""Who writes to which upload right now, within this process: one body an upload, a few a link.

The database is what makes a second writer harmless (a slice commits only at the offset it was sent for); holds only
answer a second writer early, and keep one link from occupying every thread. A holder that has shown no progress for a
few seconds has probably lost its phone: the next request takes the upload over, and the old one stops. A phone that
comes back before that says so by asking where its upload stands: the holder then keeps what it has and lets go.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue

from intake.errors import UploadBusy

PATIENCE = 5.0
"""Seconds without a chunk after which a hold may be taken over."""
LETTING_GO = 2.0
"""Seconds that whoever asks a holder to let go waits for it; what takes longer is taken over."""
BODIES_OF_A_LINK = 8
"""Bodies that may stream through one link at a time, in one process."""

Told = Callable[[bool], None]
"""Hears whether there was a holder, once there is none."""


class Hold:
    """One body that streams into one upload."""

    __slots__ = ("_clock", "asked", "last", "lost", "waiting", "wake")

    def __init__(self, clock: Callable[[], float], wake: Callable[[], None]) -> None:
        self._clock = clock
        self.last = clock()
        self.lost = self.asked = False
        self.wake = wake
        self.waiting: list[Told] = []

    def beat(self) -> None:
        """Say that a chunk came. Raises UploadBusy when another request took the upload over."""
        if self.lost:
            raise UploadBusy("taken over")
        self.last = self._clock()


class Holds:
    """The holds of one process. Safe to share between threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[str, Hold] = {}
        self._bodies: dict[str, int] = {}

    @contextmanager
    def hold(self, upload_id: str, link_id: str, wake: Callable[[], None] = lambda: None) -> Iterator[Hold]:
        """Hold an upload while the block runs; `wake` ends a wait for its next chunk, from any thread.

        Raises UploadBusy: held and alive, or too many bodies of this link.
        """
        mine = self._take(upload_id, link_id, wake)
        try:
            yield mine
        finally:
            self._release(upload_id, link_id, mine)

    @contextmanager
    def place(self, link_id: str) -> Iterator[None]:
        """Count a body that streams into no upload while the block runs. Raises UploadBusy: too many of this link."""
        with self._lock:
            self._count(link_id)
        try:
            yield
        finally:
            with self._lock:
                self._uncount(link_id)

    def ask(self, upload_id: str, told: Told) -> None:
        """Ask the holder of an upload to let go; `told` hears once that it did (True), or that there was none."""
        with self._lock:
            holder = self._held.get(upload_id)
            if holder is not None:
                holder.asked = True
                holder.waiting.append(told)
        if holder is None:
            told(False)
        else:
            holder.wake()

    def let_go(self, upload_id: str) -> bool:
        """Ask the holder of an upload to let go and wait for it a while. False when there was none."""
        held: SimpleQueue[bool] = SimpleQueue()
        self.ask(upload_id, held.put)
        try:
            return held.get(timeout=LETTING_GO)
        except Empty:
            return True

    def _take(self, upload_id: str, link_id: str, wake: Callable[[], None]) -> Hold:
        with self._lock:
            other = self._held.get(upload_id)
            if other is not None and not other.asked and self._clock() - other.last < PATIENCE:
                raise UploadBusy(f"upload {upload_id}")
            self._count(link_id)
            if other is not None:
                other.lost = True
            mine = self._held[upload_id] = Hold(self._clock, wake)
            return mine

    def _release(self, upload_id: str, link_id: str, mine: Hold) -> None:
        with self._lock:
            if self._held.get(upload_id) is mine:
                del self._held[upload_id]
            self._uncount(link_id)
        for told in mine.waiting:
            told(True)

    def _count(self, link_id: str) -> None:
        if self._bodies.get(link_id, 0) >= BODIES_OF_A_LINK:
            raise UploadBusy(f"link {link_id}")
        self._bodies[link_id] = self._bodies.get(link_id, 0) + 1

    def _uncount(self, link_id: str) -> None:
        self._bodies[link_id] -= 1
        if not self._bodies[link_id]:
            del self._bodies[link_id]
