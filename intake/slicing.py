"""A body from the network, cut into slices that are acknowledged one by one."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from intake.checksums import Checksum
from intake.errors import BodyCut, TooLarge
from intake.holds import Hold
from records.errors import Quota, QuotaExceeded

SLICE_BYTES = 16 * 1024 * 1024
"""A longer body becomes several slices, each acknowledged as soon as it is durable."""
SLICE_SECONDS = 30.0
"""A slow body is acknowledged this often, so that a cut costs little and a revocation stops it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """What a request says about the body that it brings."""

    length: int | None = None
    checksum: Checksum | None = None
    wake: Callable[[], None] = lambda: None
    """Ends a wait for the body's next chunk, from any thread."""


NOTHING = Announced()


class Body:
    """A body of unknown length, cut into slices. `taken` is what the last slice took; `cut` says how it ended.

    With a `checksum` it is one slice, which is whole and right or raises: BodyCut, ChecksumMismatch.
    """

    def __init__(self, chunks: Iterable[bytes], hold: Hold | None = None, checksum: Checksum | None = None) -> None:
        self._chunks = iter(chunks if checksum is None else checksum.demanded_of(chunks))
        self._hold = hold
        self._whole = checksum is not None
        self._next = b""
        self.cut = False
        self.taken = 0

    def more(self) -> bool:
        """Whether bytes are left: waits for the next chunk."""
        while not self._next:
            try:
                self._next = next(self._chunks)
            except StopIteration:
                return False
            except BodyCut:
                if self._whole:
                    raise
                self.cut = True
                return False
            self.demand()
        return True

    def demand(self) -> None:
        """Raise UploadBusy when another request took the upload over."""
        if self._hold is not None:
            self._hold.beat()

    def slice(self, *, room: int, limit: int, left: int) -> Iterator[bytes]:
        """Yield the chunks of one slice.

        Raises TooLarge at the first byte beyond `room` (`limit` is what it tells), QuotaExceeded beyond `left`.
        """
        self.taken = 0
        until = time.monotonic() + SLICE_SECONDS
        while not self._is_enough(until) and self.more():
            chunk, self._next = self._next, b""
            self.taken += len(chunk)
            if self.taken > room:
                raise TooLarge(limit)
            if self.taken > left:
                raise QuotaExceeded(Quota.LINK_BYTES)
            yield chunk

    def _is_enough(self, until: float) -> bool:
        if self._whole:
            return False
        return self.taken >= SLICE_BYTES or (self.taken > 0 and time.monotonic() >= until)
