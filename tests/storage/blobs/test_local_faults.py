"""A folder store whose process is killed or whose disk fails: what it acknowledged is there, whole, nothing else is."""

import os
import re
import stat
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage.blobs import (
    BlobDamaged,
    BlobExists,
    BlobStoreUnavailable,
    LocalBlobStore,
)
from tests.services.processes import required
from tests.storage.blobs.writer import content_of

WRITER = Path(__file__).with_name("writer.py")
SIZE = 5 * 1024 * 1024 + 17
"""Bytes of an object that is written beside the caller's thread."""


def run_writer(root: Path, *, count: int, size: int = SIZE, under: list[str] | None = None) -> list[list[str]]:
    """Run the writing process to its end, however it ends, and return its lines."""
    command = [*(under or []), sys.executable, WRITER, root, str(count), str(size)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert "Traceback" not in done.stderr, done.stderr
    return [line.split() for line in done.stdout.splitlines()]


def injected(fault: str) -> list[str]:
    """Return the command that runs another with a fault of the kernel."""
    return [required("strace"), "-f", "-qq", "-o", "/dev/null", "-e", f"inject={fault}"]


def assert_whole(root: Path, lines: list[list[str]], size: int = SIZE) -> None:
    """Check that every acknowledged object is there, every visible one is whole, and what is left over can be swept."""
    store = LocalBlobStore(root)
    visible = set(store.names())
    for name in visible:
        assert b"".join(store.read(name)) == content_of(name, size), name
    assert {line[1] for line in lines if line[0] == "stored"} <= visible
    assert not visible & {line[1] for line in lines if line[0] == "refused"}
    store.sweep(datetime.now(UTC) + timedelta(seconds=5))
    assert list((root / "incoming").iterdir()) == []
    assert set(store.names()) == visible


@pytest.mark.parametrize(
    "call", ["write:signal=KILL", "fsync:signal=KILL", "link,linkat:signal=KILL", "unlink:signal=KILL"]
)
@pytest.mark.parametrize("when", [1, 2, 3, 7])
def test_a_process_killed_at_any_step_leaves_no_partial_object(tmp_path: Path, call: str, when: int) -> None:
    root = tmp_path / "blobs"
    lines = run_writer(root, count=3, under=injected(f"{call}:when={when}"))
    (root / "incoming").mkdir(parents=True, exist_ok=True)
    (root / "objects").mkdir(exist_ok=True)
    assert len([line for line in lines if line[0] == "stored"]) < 3 or when > 3
    assert_whole(root, lines)


def test_an_acknowledgement_follows_every_sync_in_order(tmp_path: Path) -> None:
    """What a power cut could take back: the bytes, the name, or a folder that either lies in."""
    root, trace = tmp_path / "blobs", tmp_path / "trace"
    calls = "trace=fsync,link,linkat,mkdir,mkdirat,writev,unlink"
    tracer = [required("strace"), "-f", "-y", "-o", str(trace), "-e", calls]
    for turn in range(2):  # the second process finds the folders and syncs them again
        if turn:
            (path,) = (root / "objects").glob("*/*")
            path.unlink()
        assert run_writer(root, count=1, under=tracer) == [["stored", "object/0"]]
        done = trace.read_text().splitlines()
        (path,) = (root / "objects").glob("*/*")

        def at(pattern: str, done: list[str] = done) -> list[int]:
            return [number for number, line in enumerate(done) if re.search(pattern, line)]

        (linked,), (acknowledged,) = at(f' link.*"{path}"'), at(r"writev\(1.*stored")
        assert at(f"fsync.*<{root / 'incoming'}/")[0] < linked
        for directory in (root.parent, root, root / "objects", path.parent):
            changed = at(f'(mkdir.*"|link.*, "){directory}/[^/"]+"')
            assert changed
            assert any(max(changed) < number < acknowledged for number in at(f"fsync.*<{directory}>")), directory


@pytest.mark.parametrize("when", range(1, 11))
def test_a_failed_sync_is_not_acknowledged(tmp_path: Path, when: int) -> None:
    lines = run_writer(tmp_path / "blobs", count=3, under=injected(f"fsync:error=EIO:when={when}"))
    assert [line[2] for line in lines if line[0] == "refused"] == ["blob_store_unavailable"]
    assert len(lines) == 3
    assert_whole(tmp_path / "blobs", lines)


@pytest.mark.parametrize("when", ["1", "4", "6", "2+"])
def test_a_write_that_finds_no_room_is_told_apart(tmp_path: Path, when: str) -> None:
    size = 3 * SIZE
    fault = injected(f"write:error=ENOSPC:when={when}")
    lines = run_writer(tmp_path / "blobs", count=2, size=size, under=fault)
    assert {line[2] for line in lines if line[0] == "refused"} == {"blob_store_full"}
    assert len(lines) == 2
    assert_whole(tmp_path / "blobs", lines, size)


def test_a_full_disk_refuses_and_serves_again_once_there_is_room(tmp_path: Path) -> None:
    root = tmp_path / "disk" / "blobs"
    root.parent.mkdir()
    script = """
import sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from storage.blobs import BlobMissing, BlobStoreFull, LocalBlobStore
store = LocalBlobStore(Path(sys.argv[1]))
store.check()
store.put("first", [bytes(2_000_000)])
for attempt in range(2):
    try:
        store.put("second", [bytes(500_000)] * 20)
    except BlobStoreFull as error:
        print(error.code)
    print(sorted(store.names()), list((store._root / "incoming").iterdir()))
store.delete("first")
store.put("third", [bytes(2_000_000)])
print(sorted(store.names()))
"""
    bubble = [required("bwrap"), "--dev-bind", "/", "/", "--size", "4000000", "--tmpfs", root.parent]
    command = [*bubble, sys.executable, "-c", script, root, WRITER.parents[3]]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout.splitlines() == ["blob_store_full", "['first'] []"] * 2 + ["['third']"], done.stderr


def test_a_failing_source_is_not_taken_for_a_failing_disk(local_store: LocalBlobStore) -> None:
    def chunks() -> Iterator[bytes]:
        yield bytes(100)
        raise OSError(28, "the sender's own disk is full")

    with pytest.raises(OSError, match="the sender's own disk"):
        local_store.put("a", chunks())


def test_a_truncated_object_is_damaged(local_store: LocalBlobStore, tmp_path: Path) -> None:
    local_store.put("a", [bytes(3_000_000)])
    (path,) = (tmp_path / "blobs" / "objects").glob("*/a")
    reading = local_store.read("a")
    next(reading)
    os.truncate(path, 1_500_000)
    with pytest.raises(BlobDamaged):
        list(reading)
    with pytest.raises(BlobDamaged):
        local_store.read_range("a", 0, 3_000_000)


def test_only_the_owner_can_look_in(local_store: LocalBlobStore, tmp_path: Path) -> None:
    local_store.put("a/b", [b"sealed"])
    for path in [tmp_path / "blobs", *(tmp_path / "blobs").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_an_unmounted_disk_is_not_an_empty_store(tmp_path: Path) -> None:
    store = LocalBlobStore(tmp_path / "not-mounted" / "blobs")
    for ask in (
        store.check,
        lambda: store.put("a", [b"x"]),
        lambda: store.size("a"),
        lambda: store.delete("a"),
        lambda: list(store.names()),
        lambda: list(store.read("a")),
    ):
        with pytest.raises(BlobStoreUnavailable):
            ask()


def test_what_others_left_in_the_folder_is_not_listed(local_store: LocalBlobStore, tmp_path: Path) -> None:
    local_store.put("ours", [b"x"])
    (path,) = (tmp_path / "blobs" / "objects").glob("*/ours")
    path.with_name("Theirs~").write_text("x")
    path.with_name("..swp").write_text("x")
    assert list(local_store.names()) == ["ours"]


def test_a_folder_that_cannot_be_written_fails_the_check(tmp_path: Path) -> None:
    (tmp_path / "blobs").write_text("in the way")
    with pytest.raises(BlobStoreUnavailable):
        LocalBlobStore(tmp_path / "blobs").check()


def test_the_sweep_spares_what_is_being_written(local_store: LocalBlobStore, tmp_path: Path) -> None:
    abandoned = tmp_path / "blobs" / "incoming" / "left-by-a-crash"
    abandoned.write_bytes(b"half")
    swept = []

    def chunks() -> Iterator[bytes]:
        yield b"first half, "
        swept.append(local_store.sweep(datetime.now(UTC) + timedelta(hours=1)))
        yield b"second half"

    local_store.put("a", chunks())
    assert swept == [1]
    assert not abandoned.exists()
    assert b"".join(local_store.read("a")) == b"first half, second half"


def test_the_sweep_leaves_recent_files(local_store: LocalBlobStore, tmp_path: Path) -> None:
    recent = tmp_path / "blobs" / "incoming" / "recent"
    recent.write_bytes(b"half")
    assert local_store.sweep(datetime.now(UTC) - timedelta(hours=1)) == 0
    assert recent.exists()


def test_a_planted_link_is_not_followed_when_writing(local_store: LocalBlobStore, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    local_store.put("a", [b"x"])
    (path,) = (tmp_path / "blobs" / "objects").glob("*/a")
    path.unlink()
    path.symlink_to(elsewhere)
    with pytest.raises(BlobExists):
        local_store.put("a", [b"secret"])
    assert not elsewhere.exists()


def test_a_store_holds_no_more_than_a_few_blocks_in_memory(local_store: LocalBlobStore) -> None:
    produced = 0

    def chunks() -> Iterator[bytes]:
        nonlocal produced
        for _ in range(200):
            produced += 1
            yield bytes(1024 * 1024)

    tracemalloc.start()
    local_store.put("a", chunks())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert produced == 200
    assert peak < 16 * 1024 * 1024
