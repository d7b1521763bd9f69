"""An S3 store whose network or server fails: acknowledged means stored and whole; refused means nothing half done."""

import hashlib
import random
import threading
import time
from collections.abc import Iterator

import pytest

from storage.blobs import (
    BlobDamaged,
    BlobError,
    BlobExists,
    BlobMissing,
    BlobNameRefused,
    BlobStoreFull,
    BlobStoreUnavailable,
)
from storage.blobs.s3 import S3BlobStore
from tests.services.processes import free_port
from tests.services.weed import Weed
from tests.storage.blobs.fault_proxy import Fault, FaultProxy, running_proxy

MIB = 1024 * 1024
BIG = random.Random(11).randbytes(9 * MIB + 5)
SMALL = BIG[:70_000]
PASSING = [Fault.REFUSED, Fault.BROKEN, Fault.LOST_REQUEST, Fault.LOST_ANSWER, Fault.CUT_ANSWER]


@pytest.fixture
def proxy(weed: Weed) -> Iterator[FaultProxy]:
    """A proxy before the real server that breaks nothing yet."""
    with running_proxy(weed.port) as proxy:
        yield proxy


def store_at(s3_bucket, endpoint_url: str, **more) -> S3BlobStore:
    """Return a store with the right keys unless told otherwise."""
    settings = {
        "bucket": s3_bucket.name,
        "region": s3_bucket.region,
        "access_key": s3_bucket.access_key,
        "secret_key": s3_bucket.secret_key,
        "patience": 10.0,
    }
    return S3BlobStore(endpoint_url=endpoint_url, **(settings | more))


def unfinished(weed: Weed, bucket: str) -> int:
    """Count the multipart uploads that were begun and neither completed nor aborted."""
    client = weed.client()
    found = client.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
    client.close()
    return len(found)


@pytest.mark.parametrize("fault", PASSING)
@pytest.mark.parametrize("content", [SMALL, BIG], ids=["whole", "parts"])
def test_a_passing_fault_is_not_noticed_by_the_writer(
    s3_bucket, proxy: FaultProxy, fault: Fault, content: bytes
) -> None:
    store = store_at(s3_bucket, proxy.endpoint_url)
    for method in ("PUT", "POST"):
        proxy.first(2, fault, method)
        assert store.put(f"object/{method.lower()}", [content]) == len(content)
        assert b"".join(store.read(f"object/{method.lower()}")) == content


@pytest.mark.parametrize("fault", PASSING)
def test_a_passing_fault_is_not_noticed_by_the_reader(s3_bucket, proxy: FaultProxy, fault: Fault) -> None:
    store = store_at(s3_bucket, proxy.endpoint_url)
    store.put("a", [BIG])
    proxy.first(2, fault, "GET")
    assert b"".join(store.read("a")) == BIG
    proxy.first(1, fault, "GET")
    assert store.read_range("a", 8 * MIB - 50, 100) == BIG[8 * MIB - 50 : 8 * MIB + 50]
    proxy.first(1, fault, "GET", "list-type")
    assert list(store.names()) == ["a"]
    proxy.first(1, fault, "DELETE")
    store.delete("a")
    assert list(store.names()) == []


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.ERROR_IN_SUCCESS, Fault.BROKEN])
def test_a_completion_whose_answer_lies_is_checked(s3_bucket, weed: Weed, proxy: FaultProxy, fault: Fault) -> None:
    store = store_at(s3_bucket, proxy.endpoint_url)
    proxy.first(1, fault, "POST", "uploadId=")
    store.put("a", [BIG])
    assert b"".join(store.read("a")) == BIG
    assert unfinished(weed, s3_bucket.name) == 0


def test_a_success_that_always_holds_an_error_is_no_success(s3_bucket, weed: Weed, proxy: FaultProxy) -> None:
    store = store_at(s3_bucket, proxy.endpoint_url, patience=1.0)
    proxy.first(1000, Fault.ERROR_IN_SUCCESS, "POST", "uploadId=")
    with pytest.raises(BlobStoreUnavailable):
        store.put("a", [BIG])
    with pytest.raises(BlobMissing):
        store.size("a")
    assert unfinished(weed, s3_bucket.name) == 0


def test_a_lost_answer_does_not_hide_that_another_was_first(s3_bucket, proxy: FaultProxy) -> None:
    store = store_at(s3_bucket, proxy.endpoint_url)
    store.put("a", [b"first"])
    for content in (b"first", SMALL, BIG):
        proxy.first(2, Fault.LOST_ANSWER, "PUT")
        with pytest.raises(BlobExists):
            store.put("a", [content])
    assert b"".join(store.read("a")) == b"first"


@pytest.mark.parametrize("content", [SMALL, BIG], ids=["whole", "parts"])
def test_bytes_changed_on_the_way_are_sent_again(s3_bucket, proxy: FaultProxy, content: bytes) -> None:
    store = store_at(s3_bucket, proxy.endpoint_url)
    proxy.first(1, Fault.FLIPPED, "PUT")
    store.put("a", [content])
    assert b"".join(store.read("a")) == content


@pytest.mark.parametrize("content", [SMALL, BIG], ids=["whole", "parts"])
def test_bytes_always_changed_on_the_way_are_never_stored(
    s3_bucket, weed: Weed, proxy: FaultProxy, content: bytes
) -> None:
    store = store_at(s3_bucket, proxy.endpoint_url, patience=1.0)
    proxy.first(1000, Fault.FLIPPED, "PUT")
    with pytest.raises(BlobDamaged):
        store.put("a", [content])
    with pytest.raises(BlobMissing):
        store.size("a")
    assert unfinished(weed, s3_bucket.name) == 0


@pytest.mark.parametrize("content", [SMALL, BIG], ids=["whole", "parts"])
@pytest.mark.parametrize(
    ("fault", "error"),
    [(Fault.FULL, BlobStoreFull), (Fault.EXPIRED, BlobStoreUnavailable), (Fault.REFUSED, BlobStoreUnavailable)],
)
def test_a_lasting_fault_is_told_and_leaves_nothing(
    s3_bucket, weed: Weed, proxy: FaultProxy, fault: Fault, error: type[BlobError], content: bytes
) -> None:
    store = store_at(s3_bucket, proxy.endpoint_url, patience=1.0)
    proxy.first(1000, fault, "PUT")
    began = time.monotonic()
    with pytest.raises(error):
        store.put("a", [content])
    assert time.monotonic() - began < 10
    proxy.first(0, fault, "PUT")
    assert list(store.names()) == []
    assert unfinished(weed, s3_bucket.name) == 0
    store.put("a", [content])
    assert store.size("a") == len(content)


def test_an_object_replaced_while_it_is_read_is_damaged_not_mixed(s3_bucket, weed: Weed) -> None:
    store = store_at(s3_bucket, s3_bucket.endpoint_url)
    store.put("a", [BIG])
    reading = store.read("a")
    next(reading)
    intruder = weed.client()
    intruder.put_object(Bucket=s3_bucket.name, Key="a", Body=bytes(len(BIG)))
    intruder.close()
    with pytest.raises(BlobDamaged):
        list(reading)


def test_a_bit_that_flips_on_the_servers_disk_is_never_returned(s3_bucket, weed: Weed) -> None:
    store = store_at(s3_bucket, s3_bucket.endpoint_url, patience=0.1)
    store.put("a", [BIG])
    needle = BIG[2 * MIB : 2 * MIB + 32]
    flipped = 0
    for volume in weed.data.glob("*.dat"):
        content = volume.read_bytes()
        at = content.find(needle)
        if at >= 0:
            with volume.open("r+b") as file:
                file.seek(at)
                file.write(bytes([needle[0] ^ 1]))
            flipped += 1
    assert flipped == 1
    with pytest.raises((BlobStoreUnavailable, BlobDamaged)):
        list(store.read("a"))


@pytest.mark.parametrize("wrong", [{"secret_key": "wrong"}, {"access_key": "unknown"}])
def test_a_wrong_setting_fails_the_check_at_once(s3_bucket, wrong: dict[str, str]) -> None:
    store = store_at(s3_bucket, s3_bucket.endpoint_url, **wrong)
    began = time.monotonic()
    with pytest.raises(BlobStoreUnavailable):
        store.check()
    with pytest.raises(BlobStoreUnavailable):
        store.put("a", [b"x"])
    assert time.monotonic() - began < 8


def test_what_others_keep_in_the_bucket_is_not_listed(s3_bucket, weed: Weed) -> None:
    store = store_at(s3_bucket, s3_bucket.endpoint_url)
    store.put("ours", [b"x"])
    other = weed.client()
    for key in ("Theirs.txt", "vault/.probe/1", "a b"):
        other.put_object(Bucket=s3_bucket.name, Key=key, Body=b"x")
    other.close()
    assert list(store.names()) == ["ours"]


def test_prefixes_keep_two_stores_of_one_bucket_apart(s3_bucket) -> None:
    one, two = (store_at(s3_bucket, s3_bucket.endpoint_url, prefix=prefix) for prefix in ("one", "two"))
    one.put("a", [b"1"])
    with pytest.raises(BlobMissing):
        two.size("a")
    two.put("a", [b"2"])
    one.delete("a")
    assert list(one.names()) == []
    assert list(two.names()) == ["a"]
    with pytest.raises(BlobNameRefused):
        store_at(s3_bucket, s3_bucket.endpoint_url, prefix="../one")


def test_a_missing_bucket_is_no_empty_store(s3_bucket) -> None:
    store = store_at(s3_bucket, s3_bucket.endpoint_url, bucket="no-such-bucket")
    with pytest.raises(BlobStoreUnavailable):
        list(store.names())


def test_no_server_at_all_is_told_within_the_patience(s3_bucket) -> None:
    store = store_at(s3_bucket, f"http://127.0.0.1:{free_port()}", patience=1.0)
    for ask in (store.check, lambda: store.size("a"), lambda: list(store.names()), lambda: store.delete("a")):
        began = time.monotonic()
        with pytest.raises(BlobStoreUnavailable):
            ask()
        assert 0.3 < time.monotonic() - began < 8


def test_a_server_that_overwrites_fails_the_check(s3_bucket, proxy: FaultProxy) -> None:
    """Stands for servers that ignore If-None-Match: the proxy answers success to the second writer."""
    store = store_at(s3_bucket, proxy.endpoint_url)
    puts = 0

    def rule(method: str, _path: str) -> Fault | None:
        nonlocal puts
        puts += method == "PUT"
        return Fault.EMPTY_SUCCESS if method == "PUT" and puts == 2 else None

    proxy.rule = rule
    with pytest.raises(BlobStoreUnavailable, match="overwrites"):
        store.check()


def test_keys_never_show_in_messages(s3_bucket) -> None:
    store = store_at(s3_bucket, s3_bucket.endpoint_url, secret_key="a-secret-that-is-wrong")
    with pytest.raises(BlobStoreUnavailable) as refused:
        store.check()
    assert "a-secret-that-is-wrong" not in f"{store!r} {vars(store)} {refused.value!r} {refused.value.__cause__!r}"


def test_a_server_killed_amid_writes_loses_nothing_acknowledged(s3_bucket, weed: Weed) -> None:
    store = store_at(s3_bucket, s3_bucket.endpoint_url, patience=60.0)
    acknowledged: dict[str, bytes] = {}
    failures: list[BlobError] = []
    enough = threading.Event()

    def write(number: int) -> None:
        size = 10 * MIB if number == 0 else 50_000
        turn = 0
        while not enough.is_set():
            name = f"writer{number}/{turn}"
            try:
                content = random.Random(name).randbytes(size)
                store.put(name, [content])
                acknowledged[name] = hashlib.sha256(content).digest()
            except BlobError as error:
                failures.append(error)
            turn += 1

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    wait_for(lambda: len(acknowledged) > 20)
    weed.server.kill()
    before = len(acknowledged)
    weed.start()
    wait_for(lambda: len(acknowledged) > before + 8)
    enough.set()
    for writer in writers:
        writer.join()
    assert failures == []
    for name, digest in acknowledged.items():
        assert hashlib.sha256(b"".join(store.read(name))).digest() == digest, name
    assert set(store.names()) == set(acknowledged)


def wait_for(condition, within: float = 90) -> None:
    """Poll until a condition holds."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)
