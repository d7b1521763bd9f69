"""Files of secret keys: 32 random bytes a line in standard base64, readable by their owner only.

Rules: a file that others could read or swap is refused like a missing one (permissions, owner, symbolic link, writable
folder), and so is a key that was plainly not drawn at random. A key file is complete and durable before its name
exists.
"""

import base64
import binascii
import os
import secrets
import stat
from collections.abc import Sequence
from pathlib import Path

from storage.sealing.errors import KeyRefused
from storage.sealing.keymaterial import KEY, checked

MAX_KEYS = 64

_MAX_FILE = 64 * 64


def create(path: Path, keys: Sequence[bytes] = ()) -> tuple[bytes, ...]:
    """Write a new key file (0600, a folder it makes 0700) and return its keys; without `keys` one is drawn.

    The file appears at once, fsynced with its folder. Raises KeyRefused if it exists already or a key is weak,
    OSError if it cannot be written.
    """
    chosen = tuple(keys) or (secrets.token_bytes(KEY),)
    temporary = _write_beside(path, chosen)
    try:
        os.link(temporary, path, follow_symlinks=False)
    except FileExistsError:
        raise KeyRefused("the key file exists already") from None
    finally:
        os.unlink(temporary)
    _sync_folder(path.parent)
    return chosen


def append(path: Path, key: bytes = b"") -> tuple[bytes, ...]:
    """Add a key as the last line (the one that signs or seals from then on), atomically, and return all keys."""
    keys = (*read_all(path), key or secrets.token_bytes(KEY))
    os.replace(_write_beside(path, keys), path)
    _sync_folder(path.parent)
    return keys


def read(path: Path) -> bytes:
    """Return the only key of a file. Raises KeyRefused if it holds more, or is not safe."""
    keys = read_all(path)
    if len(keys) != 1:
        raise KeyRefused("the key file holds more than one key")
    return keys[0]


def read_all(path: Path) -> tuple[bytes, ...]:
    """Return every key of a file, oldest first. Raises KeyRefused with the reason; no message holds a key."""
    try:
        text = _read_guarded(path).decode("ascii")
    except UnicodeDecodeError:
        raise KeyRefused("the key file is not text") from None
    except OSError as error:
        raise KeyRefused(f"the key file cannot be read: {error.strerror}") from None
    lines = text.removesuffix("\n").split("\n")
    if len(lines) > MAX_KEYS:
        raise KeyRefused("the key file holds too many keys")
    return tuple(_decode(line) for line in lines)


def destroy(path: Path) -> None:
    """Overwrite and remove a key file, durably; a missing one is no error. What it sealed is gone with it.

    Where a disk keeps old blocks (flash, snapshots) only its own encryption makes the key unreadable for good.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    with open(descriptor, "wb") as file:
        file.write(bytes(os.fstat(descriptor).st_size))
        file.flush()
        os.fsync(descriptor)
    path.unlink()
    _sync_folder(path.parent)


def can_open(path: Path) -> bool:
    """Whether this process gets at the bytes of a file, or of any file below a folder, safe or not.

    What a process asks about the keys of others before it starts. A symbolic link is followed, as a thief would.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            return True
        return any(can_open(path / name) for name in os.listdir(descriptor))
    finally:
        os.close(descriptor)


def _decode(line: str) -> bytes:
    try:
        key = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        raise KeyRefused("a line of the key file is not base64") from None
    if base64.b64encode(key).decode("ascii") != line:
        raise KeyRefused("a line of the key file is not canonical base64")
    return checked(key)


def _read_guarded(path: Path) -> bytes:
    _check_folder(path.parent)
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise KeyRefused("the key file is not a regular file")
        if status.st_mode & 0o077:
            raise KeyRefused("the key file is open to its group or to others (chmod 600)")
        if status.st_uid not in (os.geteuid(), 0):
            raise KeyRefused("the key file belongs to somebody else")
        content = file.read(_MAX_FILE + 1)
    if len(content) > _MAX_FILE:
        raise KeyRefused("the key file is too long")
    return content


def _check_folder(folder: Path) -> None:
    status = folder.stat()
    if status.st_mode & 0o022 or status.st_uid not in (os.geteuid(), 0):
        raise KeyRefused("the folder of the key file can be changed by others (chmod 700)")


def _write_beside(path: Path, keys: Sequence[bytes]) -> Path:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check_folder(path.parent)
    content = b"".join(base64.b64encode(checked(key)) + b"\n" for key in keys)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(temporary, flags, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return temporary


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
