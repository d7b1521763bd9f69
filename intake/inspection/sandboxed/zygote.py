"""The warm process inside the sandbox: loads every library once and forks one guarded child for each document.

Rules: it refuses to start when it can see a network, an environment or the host's files; it parses nothing itself;
each child has its own process namespace, its own limits, only its own document and no capability; the zygote's user
namespace maps nobody, so that no child can make another one to gain any; a child's guardian, never the child, tells how
it ended.
"""

import gc
import os
import resource
import select
import signal
import socket
import sys
import threading
import time

from intake.inspection.sandboxed import jobs, kernel, landlock, syscalls
from intake.inspection.sandboxed.wire import READY, REQUEST_BYTES, End, Kind, Request, record

CONTROL = 0
BROKE_ON_DOCUMENT, OUT_OF_MEMORY, WALLS_FAILED = 1, 2, 3
"""How a child ends by itself when it does not finish."""

MOST_DESCRIPTORS = 1 << 20
MOST_TASKS = 256
"""Processes and threads of the zygote and all its children together (they share one user namespace)."""
WATCH_SECONDS = 0.025
HOST_FOLDERS = ("/etc", "/home", "/opt", "/root", "/run", "/srv", "/tmp", "/var")  # noqa: S108 - looked for, not used


def main() -> None:
    """Serve requests from the control socket on descriptor 0 until its other end closes."""
    refuse_a_leaky_sandbox()
    kernel.hide_from_siblings()
    kernel.own_user_namespace()
    jobs.prepare()
    gc.collect()
    gc.freeze()
    control = socket.socket(fileno=CONTROL)
    control.send(READY)
    while True:
        packet, descriptors, _, _ = socket.recv_fds(control, REQUEST_BYTES, 3)
        if not packet or len(descriptors) != 3:
            return
        threading.Thread(target=_guard, args=(packet, *descriptors), daemon=True).start()


def refuse_a_leaky_sandbox() -> None:
    """Exit when this process is not as isolated as it must be."""
    interfaces = [name for _, name in socket.if_nameindex()]
    leaks = {
        "root": os.getuid() == 0 or os.geteuid() == 0,
        "network": interfaces not in ([], ["lo"]),
        "files": any(_shows_more_than_the_interpreter(top) for top in HOST_FOLDERS),
        "environment": bool(set(os.environ) - {"PWD", "LC_CTYPE", "SHLVL", "_"}),
        "descriptors": any(_is_open(descriptor) for descriptor in range(3, 256)),
    }
    if any(leaks.values()):
        sys.exit("leaky sandbox: " + ", ".join(name for name, leaking in leaks.items() if leaking))


def _shows_more_than_the_interpreter(top: str) -> bool:
    """True when a folder of the host is here, other than as the way to an interpreter that is installed below it."""
    if not os.path.lexists(top):
        return False
    ways = {prefix.split("/")[2] for prefix in (sys.prefix, sys.base_prefix) if prefix.startswith(f"{top}/")}
    return not ways or set(os.listdir(top)) != ways


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _guard(packet: bytes, document: int, output: int, reply: int) -> None:
    """Run one child to its end and tell how it ended.

    One thread for each document: a process namespace is the thread's.
    """
    try:
        request = Request.decode(packet)
        kernel.next_child_gets_a_process_namespace()
        child = os.fork()
        if child == 0:
            _work(request, document, output, reply)
        end, detail = _watch(child, request, reply)
        os.write(reply, record(Kind.ENDED, end, detail))
    except OSError:
        return  # the trusted side sees a reply socket that closes without an end, and reaches no verdict
    finally:
        for descriptor in (document, output, reply):
            os.close(descriptor)


def _work(request: Request, document: int, output: int, reply: int) -> None:
    """Be the child: give up everything, do the job. Never returns."""
    status = WALLS_FAILED
    try:
        gc.disable()  # it would only copy the zygote's pages
        _close_all_but(1, 2, document, output, reply)
        kernel.die_with_parent()
        _bound(request)
        kernel.drop_everything()
        landlock.close_everything()
        syscalls.refuse_what_no_document_needs()
        status = BROKE_ON_DOCUMENT
        jobs.perform(request, document, output, socket.socket(fileno=reply))
        status = 0
    except MemoryError:
        status = OUT_OF_MEMORY
    finally:
        os._exit(status)


def _close_all_but(*kept: int) -> None:
    """Close the control socket and every descriptor that belongs to another document."""
    start = 0
    for descriptor in sorted(kept):
        os.closerange(start, descriptor)
        start = descriptor + 1
    os.closerange(start, MOST_DESCRIPTORS)


def _bound(request: Request) -> None:
    limits = request.limits
    for what, most in (
        (resource.RLIMIT_AS, limits.address_space),
        (resource.RLIMIT_DATA, limits.memory),
        (resource.RLIMIT_CPU, request.cpu_seconds),
        (resource.RLIMIT_FSIZE, limits.output_bytes),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_NPROC, MOST_TASKS),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_STACK, 8 << 20),
    ):
        resource.setrlimit(what, (most, most))


def _watch(child: int, request: Request, reply: int) -> tuple[End, int]:
    """Wait for the child; kill it when it outgrows its memory or its wall time (processor time ends it by itself).

    A closed reply socket kills it too: the trusted side has given it up.
    """
    limits = request.limits
    deadline = time.monotonic() + request.wall_seconds
    killed: End | None = None
    with open(os.pidfd_open(child), "rb", buffering=0) as handle:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        poll.register(reply, 0)
        while handle.fileno() not in (woken := dict(poll.poll(WATCH_SECONDS * 1000))):
            late = reply in woken or time.monotonic() > deadline
            if late or _resident(child) > limits.memory:
                killed = End.STARVED if late else End.OVER_LIMITS
                os.kill(child, signal.SIGKILL)
                break
        _, status = os.waitpid(child, 0)
    if killed is not None:
        return killed, 0
    code = os.waitstatus_to_exitcode(status)
    if code == WALLS_FAILED:
        return End.STARVED, 0
    if code in (OUT_OF_MEMORY, -signal.SIGXCPU, -signal.SIGKILL, -signal.SIGXFSZ):
        return End.OVER_LIMITS, abs(code)
    return (End.FINISHED, 0) if code == 0 else (End.CRASHED, abs(code))


def _resident(pid: int) -> int:
    """Bytes of memory that the process holds now; 0 where /proc is not to be had (RLIMIT_DATA then stands alone)."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as pages:
            return int(pages.read().split()[1]) * resource.getpagesize()
    except (OSError, IndexError, ValueError):
        return 0
