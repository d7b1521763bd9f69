"""One pass over a document: seal it, hash plaintext and payload on the way, and hand the payload to whoever stores it.

Rules: constant memory (a few MiB whatever the size); blocks of about 1 MiB; the digests exist only once every byte was
taken. From `THREAD_FROM` bytes on the hashes run in threads of their own beside encryption and writing (hashlib and the
cipher release the interpreter lock above 2 KiB), which is worth about a factor of 1.6 on two cores; small documents
never start a thread.
"""

import hashlib
import queue
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from storage.sealing.errors import AlreadyUsed
from storage.sealing.seal import Sealing
from storage.sealing.stream import Data

BLOCK = 1 << 20
THREAD_FROM = 2 * BLOCK

_AHEAD = 4  # blocks a hash may lag behind


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """SHA-256 and size in bytes of what went by."""

    sha256: bytes
    size: int


class SealedStream:
    """Iterate once over the payload of the joined `chunks`; then `plaintext` and `payload` hold digests and sizes.

    Closing the iterator early, or an error of the source, ends the threads; there are no digests then.
    """

    def __init__(self, sealing: Sealing, chunks: Iterable[Data], *, hash_plaintext: bool = True) -> None:
        self._encryptor = sealing.encryptor()
        self._chunks = chunks
        self._hash_plaintext = hash_plaintext
        self._started = False
        self._plaintext: Measure | None = None
        self._payload: Measure | None = None

    @property
    def plaintext(self) -> Measure:
        """Digest and size of the document. Raises AlreadyUsed before the end, or if it was not to be hashed."""
        return _measured(self._plaintext)

    @property
    def payload(self) -> Measure:
        """Digest and size of the sealed payload. Raises AlreadyUsed before the end."""
        return _measured(self._payload)

    def __iter__(self) -> Iterator[bytes]:
        if self._started:
            raise AlreadyUsed("a sealed stream is read once")
        self._started = True
        plaintext = _Hash() if self._hash_plaintext else None
        payload = _Hash()
        try:
            for sealed in self._sealed(plaintext):
                payload.update(sealed)
                yield sealed
            self._plaintext = plaintext.measure() if plaintext else None
            self._payload = payload.measure()
        finally:
            for hashing in (plaintext, payload):
                if hashing:
                    hashing.close()

    def _sealed(self, plaintext: "_Hash | None") -> Iterator[bytes]:
        for block in regroup(self._chunks):
            if plaintext:
                plaintext.update(block)
            if sealed := self._encryptor.update(block):
                yield sealed
        yield self._encryptor.finish()


def regroup(chunks: Iterable[Data], size: int = BLOCK) -> Iterator[bytes]:
    """Yield the same bytes in blocks of `size` (the last one shorter); an exact `bytes` block passes uncopied."""
    held = bytearray()
    for chunk in chunks:
        if not held and len(chunk) == size and isinstance(chunk, bytes):
            yield chunk
            continue
        view = memoryview(chunk).cast("B")
        while len(view):
            taken = min(len(view), size - len(held))
            held += view[:taken]
            view = view[taken:]
            if len(held) == size:
                yield bytes(held)
                held.clear()
    if held:
        yield bytes(held)


class _Hash:
    """SHA-256 that moves to a thread once the input is large enough to pay for one."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._size = 0
        self._thread: threading.Thread | None = None
        self._blocks: queue.Queue[bytes | None] = queue.Queue(maxsize=_AHEAD)

    def update(self, block: bytes) -> None:
        self._size += len(block)
        if self._thread is None and self._size < THREAD_FROM:
            self._hash.update(block)
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="sealing-hash", daemon=True)
            self._thread.start()
        self._blocks.put(block)

    def measure(self) -> Measure:
        self.close()
        return Measure(sha256=self._hash.digest(), size=self._size)

    def close(self) -> None:
        if self._thread is not None:
            self._blocks.put(None)
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while (block := self._blocks.get()) is not None:
            self._hash.update(block)


def _measured(measure: Measure | None) -> Measure:
    if measure is None:
        raise AlreadyUsed("a sealed stream is measured once it was read to its end")
    return measure
