"""The bubblewrap command lines that wall in the zygote: no network, no host files, no environment, an unprivileged uid.

Rules: real root builds the walls itself and drops to `NOBODY` inside them; anyone else uses a user namespace; only the
interpreter, the libraries and this package's code are visible, read-only; the process list is mounted where the
kernel allows.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

NOBODY = 65534
CODE = Path(__file__).parent
START = """
import ctypes.util, sys
ctypes.util.find_library = lambda name: None  # it would run ldconfig and gcc; libmagic.so.1 is then taken by name
sys.path.insert(0, "/app")
from intake.inspection.sandboxed.zygote import main
main()
"""
SYSTEM_LINKS = (("usr/lib", "/lib"), ("usr/lib64", "/lib64"), ("usr/bin", "/bin"))


def commands() -> Iterator[list[str]]:
    """Yield the ways to start the zygote on this machine, the preferred one first; all of them isolate alike."""
    for processes in [["--proc", "/proc"], []]:
        if _is_real_root():
            yield [*_as_root(), *processes, *_rest(), *_drop_to_nobody(), *_python()]
        yield [*_as_user(), *processes, *_rest(), *_python()]


def must_change_user(command: list[str]) -> bool:
    """True when root has to start this command as `NOBODY`, because its user namespace alone would keep the
    host's uid 0."""
    return "--unshare-user" in command and _is_real_root()


def _is_real_root() -> bool:
    """Root over the whole id range, as opposed to root inside somebody's user namespace."""
    if os.geteuid() != 0:
        return False
    try:
        return Path("/proc/self/uid_map").read_text().split() == ["0", "0", "4294967295"]
    except OSError:
        return True


_NAMESPACES = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
_COMMON = ["--die-with-parent", "--new-session", "--clearenv", "--hostname", "sandbox"]


def _as_root() -> list[str]:
    keep = ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_SETPCAP"]
    return ["bwrap", *_NAMESPACES, *_COMMON, *keep]


def _as_user() -> list[str]:
    user = ["--unshare-user", "--uid", str(NOBODY), "--gid", str(NOBODY), "--cap-drop", "ALL"]
    return ["bwrap", *user, *_NAMESPACES, *_COMMON]


def _rest() -> list[str]:
    random = "/dev/urandom"  # qpdf opens an encrypted file only with a source of random numbers
    arguments = ["--ro-bind", "/usr", "/usr", "--perms", "0755", "--dir", "/dev", "--dev-bind", random, random]
    for target, name in SYSTEM_LINKS:
        if Path(name).exists():
            arguments += ["--symlink", target, name]
    made: set[Path] = set()
    for path in dict.fromkeys(Path(prefix).resolve() for prefix in (sys.prefix, sys.base_prefix)):
        if not path.is_relative_to("/usr"):
            arguments += [*_readable_parents(path, made), "--ro-bind", str(path), str(path)]
    inside = Path("/app/intake/inspection")
    return [*arguments, *_readable_parents(inside, made), "--ro-bind", str(CODE), str(inside), "--remount-ro", "/"]


def _readable_parents(path: Path, made: set[Path]) -> list[str]:
    """Make the folders above a mount point enterable for `NOBODY`; bubblewrap would make them 0700."""
    arguments: list[str] = []
    for parent in reversed(path.parents[:-1]):
        if parent not in made:
            made.add(parent)
            arguments += ["--perms", "0755", "--dir", str(parent)]
    return arguments


def _drop_to_nobody() -> list[str]:
    user = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    return ["/usr/bin/setpriv", *user, "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"]


def _python() -> list[str]:
    return [f"{Path(sys.prefix).resolve()}/bin/python3", "-I", "-B", "-c", START]
