"""Start a program in a cell: a mount and a process namespace of its own, in which it can change next to nothing.

Rules: the whole file system is read-only to it, its own code included, so that a captured process leaves nothing
behind that another would run. Of the installation's folders (data, keys, job databases, sockets, logs, the process
manager's scripts) it sees what its row of the catalogue names and no more; of that it writes what the row says. Keys
other than its own stay out of sight; so do the job engines' databases (whoever writes there decides what a worker
runs) and the opener's socket, which only the console meets (an event alone opens nothing for whoever cannot ask).
`/dev/shm`, where temporary files go too, is a memory of its own. `/proc` shows the cell's own processes only (else
`/proc/PID/root` of a sibling would show its keys); `/dev` holds no disks. As root the capabilities go too, except
those that the program names. The inspector must still be able to start its inner sandbox: as root that needs a plain
mount of `/proc`, since bubblewrap covers parts of its own and the kernel then refuses a new one further in.
bubblewrap's keeper stays outside the process namespace, for its root is the whole machine's.
"""

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path

from sandbox.launch.layout import Layout
from sandbox.launch.programs import Program

PROBE_SECONDS = 20
SHM = "/dev/shm"  # noqa: S108 (clamd and gunicorn keep what must not reach a disk there)


class Isolation(StrEnum):
    """How programs can be kept apart on this machine."""

    ROOT = "root"
    USER = "user"
    INSECURE_NONE = "none"


INNER = (
    "bwrap --unshare-all --die-with-parent --ro-bind /usr /usr --symlink usr/lib /lib --symlink usr/lib64 /lib64 "
    "--proc /proc --dev /dev --cap-drop ALL /usr/bin/true"
)
"""The shape of the inspector's inner sandbox, tried inside a cell."""


def probe() -> tuple[Isolation, str]:
    """Try out which isolation works here. Return it, with the reason when none does."""
    if not shutil.which("bwrap"):
        return Isolation.INSECURE_NONE, "bubblewrap is not installed"
    wanted = Isolation.ROOT if os.geteuid() == 0 else Isolation.USER
    with tempfile.TemporaryDirectory(prefix="resguardo-probe-") as folder:
        layout = Layout(root=Path(folder))
        layout.make()
        for role in ("inspector", "courier"):
            (layout.keys / role).mkdir()
            (layout.keys / role / "key").write_text(role)
        look = f"! touch {layout.root}/written 2>&- && ls {layout.keys} && {_as_nobody(wanted)}{INNER}"
        program = Program(name="probe", role="inspector", command=("sh", "-c", look), runs_inner_sandbox=True)
        tried = subprocess.run(
            list(cell(program, layout, wanted)), capture_output=True, text=True, timeout=PROBE_SECONDS, check=False
        )
        layout.remove_passing()
    if tried.returncode == 0 and tried.stdout.split() == ["inspector"]:
        return wanted, ""
    reason = tried.stderr.strip().splitlines()
    return Isolation.INSECURE_NONE, reason[-1] if reason else "the namespace did not keep what it should"


def script(program: Program, layout: Layout, isolation: Isolation) -> str:
    """Return the shell script that starts `program`: nothing inherited but what stands here.

    The namespace keepers ignore SIGTERM and SIGINT, the program takes them: so it can end in order and its keeper
    reports how it ended.
    """
    command = ["env", "-i", *(f"{name}={value}" for name, value in sorted(program.environment.items()))]
    return (
        f"#!/bin/sh\n# Made by sandbox.launch at every start.\ntrap '' TERM INT\nexec {shlex.join(command)} \\\n  "
        + (f"{shlex.join(cell(program, layout, isolation))}\n")
    )


def cell(program: Program, layout: Layout, isolation: Isolation) -> Iterator[str]:
    """Yield the words of the command that runs `program` in its cell."""
    yield from ("setpriv", "--pdeathsig", "KILL")
    if isolation is not Isolation.INSECURE_NONE:
        yield from ("bwrap", "--die-with-parent", "--unshare-pid", "--ro-bind", "/", "/")
        yield from ("--dev", "/dev", "--tmpfs", SHM, *_sight(program, layout))
        bare = isolation is Isolation.ROOT and program.runs_inner_sandbox
        yield from (() if bare else ("--proc", "/proc"))
        if isolation is Isolation.ROOT and not bare:  # root owns the kernel's settings there, without any capability
            yield from ("--ro-bind", "/proc/sys", "/proc/sys")
        yield "--"
        if bare:
            yield from ("sh", "-c", 'mount -t proc proc /proc && exec "$@"', "sh")
        if isolation is Isolation.ROOT:
            yield from _fewer_capabilities(program)
    yield from ("env", "--default-signal=TERM,INT", *program.command)


def _fewer_capabilities(program: Program) -> tuple[str, ...]:
    kept = ["+dac_override"]  # the project may lie in another user's 0700 home
    if program.runs_inner_sandbox:  # it starts its children as nobody and must be able to end them
        kept += ["+setuid", "+setgid", "+kill"]
    return ("setpriv", "--bounding-set", ",".join(["-all", *kept]), "--inh-caps", "-all", "--ambient-caps", "-all")


def _sight(program: Program, layout: Layout) -> Iterator[str]:
    """Yield the mounts: empty folders over the installation's own, and over those what the program may see."""
    shown = {layout.keys / program.role: "--ro-bind", layout.keys / "public": "--ro-bind"}
    shown |= dict.fromkeys(program.reads, "--ro-bind")
    shown |= dict.fromkeys((layout.jobs / program.role, *program.writes), "--bind")
    shown = {path: how for path, how in shown.items() if path.exists()}
    hidden = [path for path in _private(layout) if path not in shown]
    for path in sorted({*shown, *hidden}, key=lambda path: len(path.parts)):  # what lies inside comes later
        yield from ((shown[path], str(path), str(path)) if path in shown else ("--tmpfs", str(path)))
    for path in hidden:
        yield from ("--remount-ro", str(path))


def _private(layout: Layout) -> Sequence[Path]:
    data = (layout.data, layout.data / "blobs", layout.jobs, layout.simulator)
    passing = (layout.run, layout.sockets, layout.control, layout.opener, layout.scanner)
    return tuple(dict.fromkeys((*data, layout.keys, layout.log, *passing)))


def _as_nobody(isolation: Isolation) -> str:
    return "setpriv --reuid 65534 --regid 65534 --clear-groups " if isolation is Isolation.ROOT else ""
