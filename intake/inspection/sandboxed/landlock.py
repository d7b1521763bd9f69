"""A second wall from another part of the kernel: no file can be opened, no port reached, no process signalled.

Rules: descriptors that are open already stay usable, nothing new is opened but the source of random numbers; every
right that the kernel knows is taken; a kernel without landlock is told to whoever runs the system (`abi`), and the
other walls stand alone. Numbers are those of linux/landlock.h, equal on all machines.
"""

import ctypes
import os

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
VERSION_FLAG = 1
RULE_PATH_BENEATH = 1
READ_FILE = 1 << 2
RANDOM = "/dev/urandom"

_libc = ctypes.CDLL(None, use_errno=True)


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def abi() -> int:
    """Return the version of landlock that this kernel speaks, 0 where it has none or has it switched off."""
    return max(0, int(_libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(VERSION_FLAG))))


def close_everything() -> None:
    """Take every file, port, abstract socket and foreign process from the caller, which has no new privileges.

    Does nothing where there is no landlock. Raises OSError.
    """
    version = abi()
    if version == 0:
        return
    rights = _Ruleset(files=_files(version), network=0b11 if version >= 4 else 0, scoped=0b11 if version >= 6 else 0)
    ruleset = _called(CREATE_RULESET, ctypes.byref(rights), ctypes.c_size_t(ctypes.sizeof(rights)), ctypes.c_uint32(0))
    try:
        random = os.open(RANDOM, os.O_PATH | os.O_CLOEXEC)  # qpdf reads an encrypted file only with random numbers
        try:
            beneath = _PathBeneath(allowed=READ_FILE, parent=random)
            _called(ADD_RULE, ruleset, RULE_PATH_BENEATH, ctypes.byref(beneath), ctypes.c_uint32(0))
        finally:
            os.close(random)
        _called(RESTRICT_SELF, ruleset, ctypes.c_uint32(0))
    finally:
        os.close(ruleset)


def _files(version: int) -> int:
    """Every right over files: 13 in version 1, then moving (2), truncating (3) and commanding devices (5)."""
    return (1 << (13 + (version >= 2) + (version >= 3) + (version >= 5))) - 1


def _called(number: int, *arguments: object) -> int:
    result = int(_libc.syscall(number, *arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), "landlock")
    return result
