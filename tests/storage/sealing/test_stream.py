import itertools
import secrets
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.sealing import stream
from storage.sealing.errors import (
    AlreadyUsed,
    KeyRefused,
    PayloadDamaged,
    RangeRefused,
    SealingError,
    TrailingData,
    Truncated,
)
from storage.sealing.stream import CHUNK, NONCE, SEALED_CHUNK, TAG, Decryptor, Encryptor

KEY = bytes(range(16))
BOUNDARIES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK - 1, 2 * CHUNK, 2 * CHUNK + 1, 3 * CHUNK]
LARGE = secrets.token_bytes(5 * CHUNK + 123)


def sealed(plaintext: bytes) -> bytes:
    return b"".join(stream.encrypt([plaintext], KEY))


def opened(payload: bytes) -> bytes:
    return b"".join(stream.decrypt([payload], KEY))


def cut(data: bytes, at: list[int]) -> Iterator[bytes]:
    edges = [0, *sorted(min(edge, len(data)) for edge in at), len(data)]
    return (data[start:end] for start, end in itertools.pairwise(edges))


@pytest.mark.parametrize("size", BOUNDARIES)
def test_what_was_sealed_opens_again_and_has_the_announced_size(size: int) -> None:
    plaintext = secrets.token_bytes(size)
    payload = sealed(plaintext)
    assert opened(payload) == plaintext
    assert len(payload) == stream.payload_size(size)
    assert stream.plaintext_size(len(payload)) == size


@pytest.mark.parametrize("size", [0, NONCE, NONCE + TAG - 1, NONCE + SEALED_CHUNK + 1, NONCE + SEALED_CHUNK + TAG])
def test_a_size_that_no_payload_has_is_refused(size: int) -> None:
    with pytest.raises(Truncated):
        stream.plaintext_size(size)


@given(st.integers(min_value=0, max_value=10**13))
def test_sizes_are_inverse(size: int) -> None:
    assert stream.plaintext_size(stream.payload_size(size)) == size


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(min_value=0, max_value=len(LARGE)),
    edges=st.lists(st.integers(min_value=0, max_value=len(LARGE)), max_size=8),
    payload_edges=st.lists(st.integers(min_value=0, max_value=len(LARGE)), max_size=8),
)
def test_the_way_the_bytes_arrive_changes_nothing(size: int, edges: list[int], payload_edges: list[int]) -> None:
    payload = b"".join(stream.encrypt(cut(LARGE[:size], edges), KEY))
    assert len(payload) == stream.payload_size(size)
    assert b"".join(stream.decrypt(cut(payload, payload_edges), KEY)) == LARGE[:size]


def test_bytearrays_and_memoryviews_may_be_reused_by_their_owner() -> None:
    encryptor = Encryptor(KEY)
    buffer = bytearray(1000)
    parts = []
    for i in range(200):
        buffer[:] = bytes([i]) * 1000
        parts.append(encryptor.update(memoryview(buffer)))
    payload = b"".join([*parts, encryptor.finish()])
    assert opened(payload) == b"".join(bytes([i]) * 1000 for i in range(200))


def test_two_payloads_of_one_plaintext_share_no_chunk() -> None:
    first, second = sealed(LARGE), sealed(LARGE)
    assert first[:NONCE] != second[:NONCE]
    assert not set(cut(first, [NONCE + i * SEALED_CHUNK for i in range(6)])) & set(
        cut(second, [NONCE + i * SEALED_CHUNK for i in range(6)])
    )


@pytest.mark.parametrize("size", BOUNDARIES)
def test_truncation_at_every_boundary_is_noticed(size: int) -> None:
    payload = sealed(LARGE[:size])
    edges = {NONCE, NONCE + TAG, len(payload) - TAG, len(payload) - 1, 0, 1}
    edges |= {NONCE + i * SEALED_CHUNK for i in range(4)}
    for end in {near for edge in edges for near in (edge - 1, edge, edge + 1) if 0 <= near < len(payload)}:
        with pytest.raises(PayloadDamaged):
            opened(payload[:end])


@pytest.mark.parametrize("kept", [1, 2, 3])
def test_truncation_between_two_chunks_is_called_truncation(kept: int) -> None:
    payload = sealed(LARGE[: 4 * CHUNK])
    with pytest.raises(Truncated):
        opened(payload[: NONCE + kept * SEALED_CHUNK])


@pytest.mark.parametrize("size", BOUNDARIES)
@pytest.mark.parametrize("tail", [b"\x00", b"\x00" * 16, b"\x00" * SEALED_CHUNK])
def test_appended_bytes_are_never_passed_over(size: int, tail: bytes) -> None:
    with pytest.raises(PayloadDamaged):
        opened(sealed(LARGE[:size]) + tail)


def test_bytes_after_an_exactly_full_last_chunk_are_called_trailing() -> None:
    with pytest.raises(TrailingData):
        opened(sealed(LARGE[:CHUNK]) + b"x")


def test_a_second_payload_behind_the_first_is_refused() -> None:
    payload = sealed(LARGE[: 2 * CHUNK])
    with pytest.raises(TrailingData):
        opened(payload + payload[NONCE:])


@pytest.mark.parametrize("order", [[1, 0, 2], [0, 2, 1], [0, 0, 1, 2], [0, 2], [1, 2], [0, 1, 1, 2], [2], [2, 1, 0]])
def test_swapped_repeated_or_dropped_chunks_are_refused(order: list[int]) -> None:
    payload = sealed(LARGE[: 3 * CHUNK])
    chunks = [payload[NONCE + i * SEALED_CHUNK : NONCE + (i + 1) * SEALED_CHUNK] for i in range(3)]
    with pytest.raises(PayloadDamaged):
        opened(payload[:NONCE] + b"".join(chunks[i] for i in order))


def test_a_chunk_of_another_payload_under_the_same_file_key_is_refused() -> None:
    first, second = sealed(LARGE[: 2 * CHUNK]), sealed(LARGE[: 2 * CHUNK])
    with pytest.raises(PayloadDamaged):
        opened(first[: NONCE + SEALED_CHUNK] + second[NONCE + SEALED_CHUNK :])


def test_an_empty_last_chunk_after_a_full_one_is_refused() -> None:
    nonce = bytes(16)
    cipher = stream._cipher(KEY, nonce)
    forged = nonce + cipher.encrypt(stream._nonce(0, last=False), bytes(CHUNK), None)
    forged += cipher.encrypt(stream._nonce(1, last=True), b"", None)
    with pytest.raises(PayloadDamaged):
        opened(forged)
    with pytest.raises(SealingError):
        list(stream.decrypt_range(reader(forged), len(forged), KEY, 0, 1))


def test_a_decryptor_that_refused_gives_nothing_more() -> None:
    payload = bytearray(sealed(LARGE))
    payload[NONCE] ^= 1
    decryptor = Decryptor(KEY)
    with pytest.raises(PayloadDamaged):
        decryptor.update(payload)
    with pytest.raises(AlreadyUsed):
        decryptor.update(b"")
    with pytest.raises(AlreadyUsed):
        decryptor.finish()


def test_an_encryptor_finishes_once() -> None:
    encryptor = Encryptor(KEY)
    encryptor.finish()
    with pytest.raises(AlreadyUsed):
        encryptor.finish()
    with pytest.raises(AlreadyUsed):
        encryptor.update(b"x")


@pytest.mark.parametrize("size", [0, 15, 17, 32])
def test_a_file_key_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(KeyRefused):
        Encryptor(bytes(size))
    with pytest.raises(KeyRefused):
        Decryptor(bytes(size))


def test_another_file_key_opens_nothing() -> None:
    with pytest.raises(PayloadDamaged):
        b"".join(stream.decrypt([sealed(b"x")], bytes(16)))


class reader:
    def __init__(self, payload: bytes) -> None:
        self.payload = payload
        self.read = 0

    def __call__(self, offset: int, length: int) -> bytes:
        self.read += length
        return self.payload[offset : offset + length]


LARGE_PAYLOAD = sealed(LARGE)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_range_is_the_slice(data: st.DataObject) -> None:
    size = data.draw(st.sampled_from([0, 1, CHUNK, CHUNK + 1, 2 * CHUNK, len(LARGE)]))
    start = data.draw(st.integers(0, size))
    length = data.draw(st.integers(0, size - start))
    payload = LARGE_PAYLOAD if size == len(LARGE) else sealed(LARGE[:size])
    got = b"".join(stream.decrypt_range(reader(payload), len(payload), KEY, start, length))
    assert got == LARGE[start : start + length]


def test_a_long_range_is_read_in_batches() -> None:
    plaintext = secrets.token_bytes(40 * CHUNK)
    payload = sealed(plaintext)
    parts = list(stream.decrypt_range(reader(payload), len(payload), KEY, 5, len(plaintext) - 9))
    assert b"".join(parts) == plaintext[5:-4]
    assert max(map(len, parts)) <= stream.BATCH * CHUNK


def test_a_range_reads_only_what_it_touches() -> None:
    read_at = reader(LARGE_PAYLOAD)
    list(stream.decrypt_range(read_at, len(LARGE_PAYLOAD), KEY, CHUNK + 5, 10))
    assert read_at.read == NONCE + SEALED_CHUNK + 123 + TAG


@pytest.mark.parametrize(("start", "length"), [(-1, 1), (0, -1), (0, len(LARGE) + 1), (len(LARGE) + 1, 0)])
def test_a_range_outside_the_plaintext_is_refused(start: int, length: int) -> None:
    with pytest.raises(RangeRefused):
        list(stream.decrypt_range(reader(LARGE_PAYLOAD), len(LARGE_PAYLOAD), KEY, start, length))


def test_a_truncated_object_is_noticed_by_a_range_far_from_its_end() -> None:
    cut_off = LARGE_PAYLOAD[: NONCE + 3 * SEALED_CHUNK]
    with pytest.raises(Truncated):
        list(stream.decrypt_range(reader(cut_off), len(cut_off), KEY, 0, 1))
    with pytest.raises(Truncated):
        list(stream.decrypt_range(reader(cut_off), len(LARGE_PAYLOAD), KEY, 0, 1))


def test_a_flip_spoils_only_the_ranges_that_touch_it() -> None:
    damaged = bytearray(LARGE_PAYLOAD)
    damaged[NONCE + 2 * SEALED_CHUNK + 7] ^= 4
    read_at = reader(bytes(damaged))
    assert b"".join(stream.decrypt_range(read_at, len(damaged), KEY, CHUNK, CHUNK)) == LARGE[CHUNK : 2 * CHUNK]
    with pytest.raises(PayloadDamaged):
        list(stream.decrypt_range(read_at, len(damaged), KEY, 2 * CHUNK, 1))


def test_memory_stays_constant_over_256_megabytes() -> None:
    block = secrets.token_bytes(1 << 20)
    tracemalloc.start()
    try:
        payload = stream.encrypt((block for _ in range(256)), KEY)
        total = sum(len(plain) for plain in stream.decrypt(payload, KEY))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == 256 << 20
    assert peak < 8 << 20
