"""The sandbox: what a parser can see and do, and what the trusted side believes of it."""

import contextlib
import errno
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from intake.inspection import walls, zygotes
from intake.inspection.answers import Child, collect, judged
from intake.inspection.limits import Limits
from intake.inspection.memory import Memory
from intake.inspection.sandbox import Sandbox
from intake.inspection.sandboxed.wire import MIMES, REASONS, End, Kind, record
from intake.inspection.verdicts import HashDisagreement, Mime, Reason, SandboxUnavailable
from intake.inspection.zygotes import Zygote
from tests.intake.inspection import documents

PROBE = """
import ctypes, json, os, socket
def attempt(action):
    try:
        action()
    except OSError as error:
        return error.errno
    return 0
print(json.dumps({
    "uid": [os.getuid(), os.geteuid(), os.getgid(), *os.getgroups()],
    "interfaces": [name for _, name in socket.if_nameindex()],
    "root": sorted(os.listdir("/")),
    "environment": sorted(os.environ),
    "connect": attempt(lambda: socket.create_connection(("127.0.0.1", 8700), timeout=1)),
    "write": [attempt(lambda: open(where + "/x", "w")) for where in ("/", "/app", "/usr", "/tmp", "/dev/shm")],
    "keys": [os.path.exists(path) for path in ("/etc/passwd", "/root", "/home", HOME)],
    "setuid": attempt(lambda: os.setuid(0)),
    "processes": sorted(int(name) for name in os.listdir("/proc") if name.isdigit()) if os.path.isdir("/proc") else [],
}))
"""


HARDENED = (
    walls.START.replace("from intake.inspection.sandboxed.zygote import main\nmain()", "")
    + """
import ctypes, json, os, socket
from intake.inspection.sandboxed import kernel, syscalls
def attempt(action):
    try:
        action()
    except OSError as error:
        return error.errno
    return 0
kernel.own_user_namespace()
first, second = socket.socketpair()
kernel.drop_everything()
syscalls.refuse_what_no_document_needs()
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *arguments):
    libc.syscall(syscalls.MACHINES[os.uname().machine][2].get(name, syscalls.SHARED.get(name)), *arguments)
    return ctypes.get_errno()
first.send(b"x")
print(json.dumps({
    "reply": second.recv(1).decode(),
    "capabilities": [line.split()[1] for line in open("/proc/self/status") if line.startswith(("CapEff", "CapPrm"))],
    "socket": attempt(socket.socket),
    "exec": attempt(lambda: os.execv("/usr/bin/true", ["true"])),
    "namespace": attempt(kernel.own_user_namespace),
    "others": {name: call(name, 0, 0, 0) for name in ("ptrace", "mount", "bpf", "keyctl", "io_uring_setup", "setns")},
}))
"""
)


def test_a_child_can_start_no_program_open_no_socket_and_gain_nothing() -> None:
    command = next(walls.commands())
    run = subprocess.run([*command[:-1], HARDENED], capture_output=True, check=True, env={"PATH": "/usr/bin:/bin"})
    seen = json.loads(run.stdout)
    assert seen["reply"] == "x"
    assert set(seen["capabilities"]) == {"0000000000000000"}
    assert seen["socket"] == seen["exec"] == seen["namespace"] == errno.EPERM
    assert set(seen["others"].values()) == {errno.EPERM}


def probed(command: list[str]) -> dict[str, object]:
    """Run the probe in place of the zygote."""
    changed = walls.must_change_user(command)
    run = subprocess.run(
        [*command[:-1], PROBE.replace("HOME", repr(str(Path.cwd() / "storage")))],
        capture_output=True,
        check=True,
        env={"PATH": "/usr/bin:/bin", "SECRET": "key"},
        user=walls.NOBODY if changed else None,
        group=walls.NOBODY if changed else None,
        extra_groups=[] if changed else None,
    )
    return json.loads(run.stdout)


@pytest.mark.parametrize(
    "command", list(walls.commands()), ids=lambda command: "userns" if "--unshare-user" in command else "root"
)
def test_a_parser_sees_no_network_no_files_no_environment_and_is_nobody(command: list[str]) -> None:
    seen = probed(command)
    assert set(seen["uid"]) == {walls.NOBODY}
    assert seen["interfaces"] in ([], ["lo"])
    assert set(seen["root"]) <= {"app", "bin", "dev", "lib", "lib64", "proc", "usr", Path(sys.prefix).parts[1]}
    assert set(seen["environment"]) <= {"LC_CTYPE", "PWD"}
    assert seen["connect"] != 0
    assert all(seen["write"])
    assert not any(seen["keys"])
    assert seen["setuid"] != 0
    assert len(seen["processes"]) <= 2


def test_without_bubblewrap_nothing_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zygotes, "commands", lambda: iter([["/nowhere/bwrap"]]))
    with Sandbox() as sandbox, pytest.raises(SandboxUnavailable):
        sandbox.start()


def test_a_sandbox_whose_walls_leak_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    unwalled = [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(Path.cwd())!r})\n" + walls.START]
    monkeypatch.setattr(zygotes, "commands", lambda: iter([unwalled]))
    with Sandbox() as sandbox, pytest.raises(SandboxUnavailable, match="leaky sandbox"):
        sandbox.start()


@pytest.fixture
def jpeg() -> Iterator[Memory]:
    content = documents.a_jpeg()
    with Memory.of([content], len(content)) as memory:
        yield memory


def test_a_lost_zygote_is_started_again(jpeg: Memory) -> None:
    with Sandbox() as sandbox:
        for _ in range(2):
            with sandbox.examined(jpeg, "jpg", Limits()) as found:
                assert found.reason is Reason.EXAMINED
            os.kill(sandbox._zygote._process.pid, signal.SIGKILL)
            sandbox._zygote._process.wait()


def test_closing_the_sandbox_leaves_no_process_behind() -> None:
    sandbox = Sandbox()
    sandbox.start()
    pid = sandbox._zygote._process.pid
    sandbox.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_bomb_does_not_disturb_the_next_document(sandbox: Sandbox, jpeg: Memory) -> None:
    bomb = documents.a_pdf_bomb(600)
    with Memory.of([bomb], len(bomb)) as memory, sandbox.examined(memory, "pdf", Limits()) as found:
        assert found.reason is Reason.SCAN_LIMITS
    with sandbox.examined(jpeg, "jpg", Limits()) as found:
        assert found.reason is Reason.EXAMINED


@contextlib.contextmanager
def a_child(*packets: bytes, patience: float = 1.0) -> Iterator[Child]:
    """The trusted side of a child that says exactly this and goes."""

    class Gone:
        def answered(self) -> None:
            return

        def silent(self) -> None:
            return

    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        for packet in packets:
            theirs.send(packet)
        theirs.shutdown(socket.SHUT_WR)
        yield Child(ours, Gone(), time.monotonic() + patience)


GOOD = record(Kind.EXAMINED, REASONS.index(Reason.EXAMINED), MIMES.index(Mime.JPEG), 1, 320, 240, 0)
FINISHED = record(Kind.ENDED, End.FINISHED)


@pytest.mark.parametrize(
    "packets",
    [
        (),
        (GOOD,),
        (FINISHED,),
        (GOOD, GOOD, FINISHED),
        (GOOD, record(Kind.PART, 5, 0), FINISHED),
        (GOOD, record(Kind.PAGE, 1, 1, 1), FINISHED),
        (GOOD[:-1], FINISHED),
        (GOOD + b"x", FINISHED),
        (b"clean", FINISHED),
        (record(77), FINISHED),
        (GOOD, record(Kind.ENDED, End.STARVED)),
        (GOOD, record(Kind.ENDED, 99)),
    ],
)
def test_an_answer_out_of_turn_or_a_lost_child_is_no_verdict(packets: tuple[bytes, ...]) -> None:
    with a_child(*packets) as child, pytest.raises(SandboxUnavailable):
        collect(child)


def test_a_child_that_was_killed_after_its_answer_is_not_believed() -> None:
    with a_child(GOOD, record(Kind.ENDED, End.OVER_LIMITS)) as child:
        assert collect(child)[0] is None


def test_one_silent_child_is_given_up_alone_and_a_silent_zygote_as_a_whole() -> None:
    zygote = Zygote.start()
    try:
        for silent in (1, 2):
            assert zygote.is_alive(), silent
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with ours, theirs:
                with pytest.raises(SandboxUnavailable):
                    collect(Child(ours, zygote, time.monotonic() + 0.1))
                assert theirs.recv(1) == b"", "the guardian sees that nobody listens any more"
        assert not zygote.is_alive()
    finally:
        zygote.close()


def test_an_answer_between_two_silences_keeps_the_zygote() -> None:
    zygote = Zygote.start()
    try:
        for _ in range(3):
            zygote.silent()
            zygote.answered()
        assert zygote.is_alive()
    finally:
        zygote.close()


def test_a_child_whose_answer_nobody_wants_is_killed_and_the_others_go_on() -> None:
    slow = documents.a_pdf(pages=400)
    with Sandbox(children=2) as sandbox, Memory.of([slow], len(slow)) as document:
        assert sandbox.works()
        zygote = sandbox._zygote
        pages = sandbox.pages(document, Mime.PDF, Limits(preview_pages=400))
        assert next(pages).number == 1
        alive = children_of(zygote._process.pid)
        pages.close()
        assert sandbox.works()
        deadline = time.monotonic() + 10
        while len(children_of(zygote._process.pid)) >= len(alive):
            assert time.monotonic() < deadline, "the child goes on for nobody"
            time.sleep(0.05)
        assert sandbox._zygote is zygote
        assert zygote.is_alive()


def children_of(pid: int) -> set[int]:
    """Every process below one, on this side of the walls."""
    found: set[int] = set()
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, tasks.read_text().split()):
            found |= {child} | children_of(child)
    return found


@pytest.mark.parametrize(
    "numbers",
    [
        (999, 1, 1, 320, 240, 0, 0),
        (0, 999, 1, 320, 240, 0, 0),
        (0, 0, 1, 320, 240, 0, 0),
        (0, 1, 0, 320, 240, 0, 0),
        (0, 1, 501, 320, 240, 0, 0),
        (0, 1, 1, 1 << 31, 1 << 31, 0, 0),
        (0, 1, 1, 320, 240, 3, 0),
        (0, 1, 1, 320, 240, 0, 1 << 20),
    ],
    ids=["reason", "type", "no type", "no pages", "pages", "pixels", "parts", "remarks"],
)
def test_numbers_out_of_bounds_are_no_verdict(numbers: tuple[int, ...]) -> None:
    output = os.memfd_create("output")
    try:
        with pytest.raises(SandboxUnavailable):
            judged(numbers, [], output, Limits())
    finally:
        os.close(output)


def test_parts_longer_than_the_output_are_no_verdict() -> None:
    output = os.memfd_create("output")
    try:
        with pytest.raises(SandboxUnavailable):
            judged((0, 1, 1, 320, 240, 1, 0), [(4096, 0)], output, Limits())
    finally:
        os.close(output)


def test_the_memory_of_a_document_cannot_be_changed_by_who_reads_it(jpeg: Memory) -> None:
    with pytest.raises(PermissionError):
        os.pwrite(jpeg.descriptor, b"x", 0)
    with pytest.raises(PermissionError):
        os.ftruncate(jpeg.descriptor, 0)


@pytest.mark.parametrize("announced", [9, 11, 0])
def test_a_source_that_is_longer_or_shorter_than_announced_is_refused(announced: int) -> None:
    with pytest.raises(HashDisagreement):
        Memory.of([b"12345", b"67890"], announced)


def test_a_zygote_that_is_gone_cannot_be_written_to() -> None:
    zygote = Zygote.start()
    zygote.close()
    assert not zygote.is_alive()
