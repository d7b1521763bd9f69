"""What every blob store promises, asked of each of them."""

import random
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.blobs import (
    BlobDamaged,
    BlobError,
    BlobExists,
    BlobMissing,
    BlobNameRefused,
    BlobStore,
)
from storage.blobs.protocol import blocks

MIB = 1024 * 1024
BIG = random.Random(7).randbytes(20 * MIB + 12345)
SIZES = [0, 1, 65_536, MIB - 1, MIB, MIB + 1, 8 * MIB, 8 * MIB + 1, 16 * MIB, len(BIG)]

REFUSED = ["", "/", "/a", "a/", "a//b", "..", "a/../b", "a/./b", ".", "a.b", "A", "á", "a b", "a\n", "a\0", "a\\b"]
REFUSED += ["%2e", "-a", "a" * 201]


def in_pieces(content: bytes, size: int) -> Iterator[bytes]:
    """Cut content into pieces."""
    return (content[start : start + size] for start in range(0, len(content), size))


@pytest.mark.parametrize("size", SIZES)
def test_what_was_put_is_read_back(store: BlobStore, size: int) -> None:
    content = BIG[:size]
    assert store.put("a/b", in_pieces(content, 65_552)) == size
    assert b"".join(store.read("a/b")) == content
    assert store.size("a/b") == size


def test_a_buffer_may_be_reused_between_chunks(store: BlobStore) -> None:
    buffer = bytearray(700_000)

    def chunks() -> Iterator[memoryview]:
        for number in range(15):
            buffer[:] = bytes([number]) * len(buffer)
            yield memoryview(buffer)

    store.put("reused", chunks())
    assert b"".join(store.read("reused")) == b"".join(bytes([number]) * len(buffer) for number in range(15))


def test_one_chunk_may_be_larger_than_any_block(store: BlobStore) -> None:
    store.put("large", [BIG, b"", b"tail"])
    assert b"".join(store.read("large")) == BIG + b"tail"


def test_pieces_of_a_read_are_bounded(store: BlobStore) -> None:
    store.put("a", [BIG])
    assert max(map(len, store.read("a"))) <= 8 * MIB


def test_a_range_is_exact(store: BlobStore) -> None:
    store.put("a", [BIG])
    for start, length in [
        (0, 1),
        (0, len(BIG)),
        (MIB - 3, 7),
        (len(BIG) - 5, 5),
        (9 * MIB, 9 * MIB),
        (4, 0),
        (len(BIG), 0),
    ]:
        assert store.read_range("a", start, length) == BIG[start : start + length]


@pytest.mark.parametrize(("start", "length"), [(0, 11), (10, 1), (9, 2), (11, 0), (10**15, 1)])
def test_a_range_beyond_the_end_is_damage_not_a_shorter_answer(store: BlobStore, start: int, length: int) -> None:
    store.put("a", [b"0123456789"])
    with pytest.raises(BlobDamaged):
        store.read_range("a", start, length)


@pytest.mark.parametrize(("start", "length"), [(-1, 2), (0, -1)])
def test_a_negative_range_is_a_mistake_of_the_caller(store: BlobStore, start: int, length: int) -> None:
    store.put("a", [b"0123456789"])
    with pytest.raises(ValueError, match="range"):
        store.read_range("a", start, length)


@pytest.mark.parametrize("size", [10, 9 * MIB])
def test_nothing_is_overwritten(store: BlobStore, size: int) -> None:
    store.put("a", [BIG[:size]])
    with pytest.raises(BlobExists):
        store.put("a", [b"another"])
    with pytest.raises(BlobExists):
        store.put("a", [BIG[: 9 * MIB]])
    assert b"".join(store.read("a")) == BIG[:size]


@pytest.mark.parametrize("size", [1000, 9 * MIB])
def test_of_concurrent_writers_of_one_name_one_wins(store: BlobStore, size: int) -> None:
    together = threading.Barrier(8)
    outcomes: list[int | type[BlobError]] = []

    def write(number: int) -> None:
        def chunks() -> Iterator[bytes]:
            yield bytes([number]) * size
            together.wait(30)

        try:
            store.put("contested", chunks())
            outcomes.append(number)
        except BlobError as error:
            outcomes.append(type(error))

    writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    winners = [outcome for outcome in outcomes if isinstance(outcome, int)]
    assert len(winners) == 1
    assert outcomes.count(BlobExists) == 7
    assert b"".join(store.read("contested")) == bytes(winners) * size


@pytest.mark.parametrize("size", [1000, 9 * MIB])
def test_an_upload_cut_short_leaves_nothing(store: BlobStore, size: int) -> None:
    class PhoneGone(OSError):
        pass

    def chunks() -> Iterator[bytes]:
        yield BIG[:size]
        raise PhoneGone

    with pytest.raises(PhoneGone):
        store.put("cut", chunks())
    with pytest.raises(BlobMissing):
        store.size("cut")
    assert list(store.names()) == []
    store.put("cut", [b"second try"])
    assert b"".join(store.read("cut")) == b"second try"


def test_an_unfinished_object_is_invisible(store: BlobStore) -> None:
    def chunks() -> Iterator[bytes]:
        for piece in in_pieces(BIG, MIB):
            with pytest.raises(BlobMissing):
                store.size("growing")
            yield piece
        assert list(store.names()) == []

    store.put("growing", chunks())
    assert store.size("growing") == len(BIG)


def test_what_is_missing_says_so(store: BlobStore) -> None:
    for ask in (
        lambda: store.size("nowhere"),
        lambda: next(store.read("nowhere")),
        lambda: store.read_range("nowhere", 0, 1),
        lambda: store.read_range("nowhere", 0, 0),
    ):
        with pytest.raises(BlobMissing):
            ask()


def test_deleting_is_idempotent_and_final(store: BlobStore) -> None:
    store.put("a/b", [b"bytes"])
    store.delete("a/b")
    store.delete("a/b")
    store.delete("never/there")
    with pytest.raises(BlobMissing):
        store.size("a/b")
    assert list(store.names()) == []


def test_names_are_listed_by_prefix(store: BlobStore) -> None:
    names = {"a/b/c", "a/d", "ab", "b/1", "b/2"}
    for name in names:
        store.put(name, [b"x"])
    assert set(store.names()) == names
    assert set(store.names("a")) == {"a/b/c", "a/d", "ab"}
    assert set(store.names("a/")) == {"a/b/c", "a/d"}
    assert set(store.names("b/2")) == {"b/2"}
    assert set(store.names("c")) == set()


def test_a_long_listing_is_complete(store: BlobStore) -> None:
    names = {f"many/{number:04x}" for number in range(1100)}
    for name in names:
        store.put(name, [b""])
    listed = list(store.names("many/"))
    assert len(listed) == len(names)
    assert set(listed) == names


@pytest.mark.parametrize("name", REFUSED)
def test_a_name_that_could_leave_the_store_is_refused(store: BlobStore, name: str) -> None:
    for ask in (
        lambda: store.put(name, [b"x"]),
        lambda: next(store.read(name)),
        lambda: store.read_range(name, 0, 1),
        lambda: store.size(name),
        lambda: store.delete(name),
    ):
        with pytest.raises(BlobNameRefused):
            ask()


@pytest.mark.parametrize("prefix", ["/", "../", "a//", "a/..", "*", "A", "a\n"])
def test_a_prefix_that_no_name_can_have_is_refused(store: BlobStore, prefix: str) -> None:
    with pytest.raises(BlobNameRefused):
        list(store.names(prefix))


def test_the_longest_name_works(store: BlobStore) -> None:
    name = "a/" + "b" * 198
    store.put(name, [b"x"])
    assert list(store.names("a/")) == [name]
    assert store.size(name) == 1


def test_a_healthy_store_passes_its_check_and_keeps_nothing_of_it(store: BlobStore) -> None:
    store.check()
    store.check()
    assert list(store.names()) == []


def test_one_store_serves_many_threads(store: BlobStore) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(5):
                name = f"threads/{number}/{turn}"
                content = bytes([number]) * (100_000 * turn + 1)
                store.put(name, [content])
                assert b"".join(store.read(name)) == content
                if turn % 2:
                    store.delete(name)
        except BaseException as error:  # noqa: BLE001 (carried to the test's own thread)
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(set(store.names("threads/"))) == 8 * 3


@given(st.lists(st.binary(max_size=40), max_size=20), st.integers(1, 17))
def test_blocks_keep_every_byte_and_have_one_size(chunks: list[bytes], size: int) -> None:
    found = [bytes(block) for block in blocks(chunks, size)]
    assert b"".join(found) == b"".join(chunks)
    assert all(len(block) == size for block in found[:-1])
    assert all(0 < len(block) <= size for block in found)
