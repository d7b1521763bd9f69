"""Code that took over a parser tries to get out of its child: every wall is tried from inside, with the real guard."""

import errno
import json
import textwrap
from collections.abc import Callable

import pytest

from intake.inspection import walls, zygotes
from intake.inspection.limits import Limits
from intake.inspection.memory import Memory
from intake.inspection.sandbox import Sandbox
from intake.inspection.sandboxed import landlock
from intake.inspection.verdicts import Reason, SandboxUnavailable

Captured = Callable[..., dict[str, object]]

CAPTURED = """
import ctypes, json, os, resource, signal, socket, threading
from intake.inspection.sandboxed import jobs, zygote
from intake.inspection.sandboxed.wire import Kind, record
libc = ctypes.CDLL(None, use_errno=True)
def attempt(action):
    try:
        action()
    except OSError as error:
        return error.errno
    return 0
def attack(document, output, reply):
{attack}
def perform(request, document, output, reply):
    found = json.dumps(attack(document, output, reply)).encode()
    os.lseek(output, 0, os.SEEK_SET)
    os.write(output, found)
    reply.send(record(Kind.PART, len(found), 0))
    reply.send(record(Kind.EXAMINED, 0, 1, 1, 1, 1, 1))
jobs.perform = perform
zygote.main()
"""
DOCUMENT = b"somebody's document"


@pytest.fixture
def captured(monkeypatch: pytest.MonkeyPatch) -> Captured:
    """Run the lines of an attack as the parser of one document and return what it found."""

    def run(attack: str, limits: Limits | None = None) -> dict[str, object]:
        script = CAPTURED.replace("{attack}", textwrap.indent(textwrap.dedent(attack), "    "))
        start = walls.START.replace("from intake.inspection.sandboxed.zygote import main\nmain()", script)
        commands = [[*command[:-1], start] for command in walls.commands()]
        monkeypatch.setattr(zygotes, "commands", lambda: iter(commands))
        document = Memory.of([DOCUMENT], len(DOCUMENT))
        with Sandbox() as sandbox, document, sandbox.examined(document, "jpg", limits or Limits()) as found:
            if found.reason is not Reason.EXAMINED:
                return {"ended": str(found.reason)}
            return dict(json.loads(b"".join(found.chunks(found.parts[0]))))

    return run


def test_a_captured_parser_opens_no_file_and_lists_no_folder(captured: Captured) -> None:
    seen = captured("""
        opened = {path: attempt(lambda: os.open(path, os.O_RDONLY)) for path in
                  ("/", "/etc/passwd", "/usr/lib/os-release", "/proc/self/maps", "/proc/1/mem", "/app", "/dev/null")}
        made = {path: attempt(lambda: os.open(path + "/x", os.O_CREAT | os.O_WRONLY)) for path in ("/", "/usr", "/dev")}
        return {"opened": opened, "made": made, "random": attempt(lambda: os.open("/dev/urandom", os.O_RDONLY))}
    """)
    refusals = {errno.EACCES, errno.ENOENT, errno.EROFS} if landlock.abi() else {errno.ENOENT, errno.EROFS, 0}
    assert set(seen["opened"].values()) <= refusals
    assert set(seen["made"].values()) <= refusals
    assert seen["opened"]["/etc/passwd"] != 0
    assert seen["random"] == 0


@pytest.mark.skipif(not landlock.abi(), reason="this kernel has no landlock")
def test_the_second_wall_alone_refuses_files_that_the_first_one_shows(captured: Captured) -> None:
    seen = captured("""
        return {"seen": os.path.exists("/usr/lib/os-release"),
                "opened": attempt(lambda: open("/usr/lib/os-release")),
                "listed": attempt(lambda: os.listdir("/usr"))}
    """)
    assert seen == {"seen": True, "opened": errno.EACCES, "listed": errno.EACCES}


def test_a_captured_parser_reaches_no_network_and_starts_no_program(captured: Captured) -> None:
    seen = captured("""
        return {"tcp": attempt(lambda: socket.socket()),
                "unix": attempt(lambda: socket.socket(socket.AF_UNIX)),
                "raw": attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)),
                "pair": attempt(lambda: socket.socketpair()),
                "exec": attempt(lambda: os.execv("/usr/bin/true", ["true"])),
                "namespace": -libc.unshare(0x10000000) and ctypes.get_errno(),
                "memory": attempt(lambda: os.memfd_create("x"))}
    """)
    assert set(seen.values()) == {errno.EPERM}


def test_a_fork_bomb_has_no_second_process_and_threads_still_work(captured: Captured) -> None:
    seen = captured("""
        done = []
        thread = threading.Thread(target=lambda: done.append(1))
        thread.start()
        thread.join()
        ctypes.set_errno(0)
        clone3 = libc.syscall(435, ctypes.create_string_buffer(88), 88), ctypes.get_errno()
        return {"fork": attempt(os.fork), "thread": done, "clone3": clone3[1],
                "tasks": resource.getrlimit(resource.RLIMIT_NPROC)[0]}
    """)
    assert seen == {"fork": errno.EPERM, "thread": [1], "clone3": errno.ENOSYS, "tasks": 256}


def test_a_captured_parser_signals_nobody(captured: Captured) -> None:
    seen = captured("""
        return {"me": os.getpid(), "all": attempt(lambda: os.kill(-1, signal.SIGKILL)),
                "others": sorted({attempt(lambda: os.kill(pid, 0)) for pid in range(2, 400)})}
    """)
    assert seen == {"me": 1, "all": errno.ESRCH, "others": [errno.ESRCH]}


def test_a_captured_parser_holds_its_own_document_and_nobody_elses(captured: Captured) -> None:
    seen = captured("""
        held = [fd for fd in range(1024) if attempt(lambda: os.fstat(fd)) == 0]
        return {"held": len(held), "mine": os.pread(document, 100, 0).decode(),
                "known": sorted({1, 2, document, output, reply.fileno()}) == held,
                "change": attempt(lambda: os.pwrite(document, b"x", 0))}
    """)
    assert seen == {"held": 5, "mine": DOCUMENT.decode(), "known": True, "change": errno.EPERM}


def test_a_captured_parser_cannot_lift_its_bounds(captured: Captured) -> None:
    seen = captured("""
        def lift(name):
            try:
                resource.setrlimit(getattr(resource, name), (1 << 40, 1 << 40))
            except ValueError:  # what Python makes of EPERM
                return "refused"
        return {name: lift(name) for name in
                ("RLIMIT_AS", "RLIMIT_DATA", "RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_NPROC", "RLIMIT_NOFILE")}
    """)
    assert set(seen.values()) == {"refused"}


def test_a_captured_parser_that_computes_or_grows_without_end_is_killed(captured: Captured) -> None:
    for attack in ("while True: pass", "taken = []\nwhile True: taken.append(bytearray(1 << 20))"):
        assert captured(attack, Limits(examine_cpu_seconds=1)) == {"ended": "scan_limits"}


def test_memory_that_no_bound_of_the_kernel_counts_is_seen_by_the_watchdog(captured: Captured) -> None:
    grow = """
        import mmap
        shared = mmap.mmap(-1, 400 << 20, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS)
        for at in range(0, len(shared), 4096):
            shared[at] = 1
        while True:
            pass
    """
    assert captured(grow, Limits(memory=200 << 20, examine_cpu_seconds=20)) == {"ended": "scan_limits"}


def test_a_captured_parser_that_sleeps_gets_no_verdict(captured: Captured) -> None:
    with pytest.raises(SandboxUnavailable):
        captured("import time\ntime.sleep(60)", Limits(examine_seconds=1))
