import hashlib
import itertools
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.sealing import stream
from storage.sealing.contexts import DocumentContext
from storage.sealing.errors import AlreadyUsed
from storage.sealing.pipeline import BLOCK, SealedStream, regroup
from storage.sealing.seal import Sealed, Sealing
from storage.sealing.unseal import PrivateKey, unseal_bytes

SIZES = [0, 1, stream.CHUNK, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK + 77]


def hash_threads() -> int:
    return sum(thread.name == "sealing-hash" for thread in threading.enumerate())


@pytest.mark.parametrize("size", SIZES)
def test_one_pass_seals_and_measures_both_sides(size: int, identity: PrivateKey, context: DocumentContext) -> None:
    plaintext = secrets.token_bytes(size)
    sealing = Sealing.to([identity.public()], context)
    sealed = SealedStream(sealing, [plaintext])
    payload = b"".join(sealed)
    assert unseal_bytes(Sealed(header=sealing.header, payload=payload), identity, context) == plaintext
    assert (sealed.plaintext.sha256, sealed.plaintext.size) == (hashlib.sha256(plaintext).digest(), size)
    assert (sealed.payload.sha256, sealed.payload.size) == (hashlib.sha256(payload).digest(), len(payload))
    assert hash_threads() == 0


def test_there_are_no_digests_before_the_end(identity: PrivateKey, context: DocumentContext) -> None:
    sealed = SealedStream(Sealing.to([identity.public()], context), [bytes(BLOCK)] * 5)
    blocks = iter(sealed)
    next(blocks)
    for measure in ("plaintext", "payload"):
        with pytest.raises(AlreadyUsed):
            getattr(sealed, measure)
    assert len(list(blocks)) == 5
    with pytest.raises(AlreadyUsed):
        next(iter(sealed))


def test_the_plaintext_is_not_hashed_unless_asked(identity: PrivateKey, context: DocumentContext) -> None:
    sealed = SealedStream(Sealing.to([identity.public()], context), [b"x"], hash_plaintext=False)
    assert len(b"".join(sealed)) == sealed.payload.size
    with pytest.raises(AlreadyUsed):
        _ = sealed.plaintext


def test_an_abandoned_stream_leaves_no_thread_behind(identity: PrivateKey, context: DocumentContext) -> None:
    blocks = iter(SealedStream(Sealing.to([identity.public()], context), itertools.repeat(bytes(BLOCK))))
    for _ in range(6):
        next(blocks)
    assert hash_threads() > 0
    blocks.close()  # type: ignore[attr-defined]
    assert hash_threads() == 0


def test_a_source_that_breaks_leaves_no_digest_and_no_thread(identity: PrivateKey, context: DocumentContext) -> None:
    def broken() -> Iterator[bytes]:
        yield from [bytes(BLOCK)] * 6
        raise ConnectionResetError

    sealed = SealedStream(Sealing.to([identity.public()], context), broken())
    with pytest.raises(ConnectionResetError):
        list(sealed)
    with pytest.raises(AlreadyUsed):
        _ = sealed.payload
    assert hash_threads() == 0


def test_a_source_that_reuses_its_buffer_is_hashed_and_sealed_as_it_was(
    identity: PrivateKey, context: DocumentContext
) -> None:
    def reusing() -> Iterator[memoryview]:
        buffer = bytearray(BLOCK)
        for i in range(12):
            buffer[:] = bytes([i]) * BLOCK
            yield memoryview(buffer)

    sealing = Sealing.to([identity.public()], context)
    sealed = SealedStream(sealing, reusing())
    payload = b"".join(sealed)
    plaintext = b"".join(bytes([i]) * BLOCK for i in range(12))
    assert sealed.plaintext.sha256 == hashlib.sha256(plaintext).digest()
    assert unseal_bytes(Sealed(header=sealing.header, payload=payload), identity, context) == plaintext


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=12), st.integers(1, 30))
def test_regrouping_keeps_every_byte_in_blocks_of_one_size(chunks: list[bytes], size: int) -> None:
    blocks = list(regroup(chunks, size))
    assert b"".join(blocks) == b"".join(chunks)
    assert all(len(block) == size for block in blocks[:-1])
    assert all(0 < len(block) <= size for block in blocks)


PROGRAM = """
import itertools, resource, secrets
from storage.sealing.contexts import DocumentContext
from storage.sealing.pipeline import SealedStream
from storage.sealing.seal import Sealing
from storage.sealing.unseal import PrivateKey, decrypt

identity, context = PrivateKey.generate(), DocumentContext(org="o", doc="d", part="p")
block = secrets.token_bytes(1 << 20)

def peak(count):
    sealing = Sealing.to([identity.public()], context)
    payload = SealedStream(sealing, itertools.repeat(block, count))
    assert sum(map(len, decrypt(sealing.header, payload, identity, context))) == count << 20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

before = peak(20)
print(peak(400) - before)
"""


def test_memory_stays_flat_over_400_megabytes_sealed_and_opened() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=120)
    assert int(done.stdout) <= 8 * 1024, "KiB"
