"""The Linux calls that Python 3.11 does not offer, each as one small function."""

import ctypes
import os

CLONE_NEWPID = 0x20000000
CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38
CAPABILITY_VERSION_3 = 0x20080522
SIGKILL = 9

_libc = ctypes.CDLL(None, use_errno=True)


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilityData(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def own_user_namespace() -> None:
    """Give the caller, which must be single-threaded, a user namespace of its own. Raises OSError."""
    _check(_libc.unshare(CLONE_NEWUSER))


def next_child_gets_a_process_namespace() -> None:
    """Give the next child of the calling thread a process namespace of its own. Raises OSError; works once a thread."""
    _check(_libc.unshare(CLONE_NEWPID))


def die_with_parent() -> None:
    """Ask the kernel to kill the caller when its parent ends. Raises OSError."""
    _check(_libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))


def drop_everything() -> None:
    """Give up every capability and any way to gain one. Raises OSError."""
    _check(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    header = _CapabilityHeader(version=CAPABILITY_VERSION_3, pid=0)
    _check(_libc.capset(ctypes.byref(header), (_CapabilityData * 2)()))


def hide_from_siblings() -> None:
    """Forbid other processes of the same user to trace the caller or read its memory. Raises OSError."""
    _check(_libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
