"""Read keys and secrets from files that nobody else can read, or refuse.

A key is 32 random bytes, written as one line of standard base64 (RFC 4648 section 4). Rules: a regular file that is not
reached through a symbolic link, owned by this user or root, no permission for group or others, not guessable.
"""

import base64
import binascii
import os
import stat
from itertools import pairwise
from pathlib import Path

from config.errors import SecretRefused

KEY_BYTES = 32
"""Length of every key: Ed25519 seed, X25519 scalar, HMAC and AEAD key."""
MOST_KEYS = 16
"""Keys that one file of link keys may hold; more means that nobody retires old ones."""
MOST_BYTES = 16_384
"""Longest secret file read, bytes."""
FEWEST_DISTINCT = 16
"""A random key of 32 bytes has fewer distinct byte values than this less than once in 10^13 keys."""


def read_key(path: Path) -> bytes:
    """Return the one private key of `path`, 32 bytes. Raises SecretRefused."""
    keys = read_keys(path)
    if len(keys) != 1:
        raise SecretRefused(f"{path}: holds {len(keys)} keys where one belongs")
    return keys[0]


def read_keys(path: Path) -> tuple[bytes, ...]:
    """Return the private keys of `path`, one a line, oldest first: the last one signs. Raises SecretRefused."""
    keys = tuple(_decode(path, line) for line in _lines(path, _read(path, private=True)))
    if len(keys) > MOST_KEYS:
        raise SecretRefused(f"{path}: holds more than {MOST_KEYS} keys")
    if len(set(keys)) != len(keys):
        raise SecretRefused(f"{path}: holds the same key twice")
    for key in keys:
        if is_guessable(key):
            raise SecretRefused(f"{path}: the key is not random")
    return keys


def read_public_key(path: Path) -> bytes:
    """Return a pinned public key, 32 bytes. Others may read the file but not write it. Raises SecretRefused."""
    lines = _lines(path, _read(path, private=False))
    if len(lines) != 1:
        raise SecretRefused(f"{path}: holds {len(lines)} public keys where one belongs")
    key = _decode(path, lines[0])
    if not any(key):
        raise SecretRefused(f"{path}: the public key is all zeros")
    return key


def read_secret_text(path: Path) -> str:
    """Return a secret that another party chose (an access key, a token): one line of text. Raises SecretRefused."""
    lines = _lines(path, _read(path, private=True))
    if len(lines) != 1:
        raise SecretRefused(f"{path}: must hold exactly one line")
    return lines[0]


def read_certificates(path: Path) -> bytes:
    """Return pinned certificates (PEM). Others may read the file but not write it. Raises SecretRefused."""
    content = _read(path, private=False)
    if b"-----BEGIN CERTIFICATE-----" not in content:
        raise SecretRefused(f"{path}: holds no certificate")
    if b"PRIVATE KEY-----" in content:
        raise SecretRefused(f"{path}: holds a private key beside the certificate")
    return content


def is_guessable(key: bytes) -> bool:
    """Tell whether a key is plainly not random: few distinct bytes, halves that repeat, or a counted sequence."""
    steps = {(after - before) % 256 for before, after in pairwise(key)}
    half = len(key) // 2
    return len(set(key)) < FEWEST_DISTINCT or key[:half] == key[half:] or len(steps) <= 2


def _read(path: Path, *, private: bool) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise SecretRefused(f"{path}: cannot be opened ({error.strerror})") from None
    with open(descriptor, "rb") as file:
        _demand_safe(path, os.fstat(file.fileno()), private=private)
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise SecretRefused(f"{path}: longer than {MOST_BYTES} bytes")
    return content


def _demand_safe(path: Path, found: os.stat_result, *, private: bool) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise SecretRefused(f"{path}: is not a regular file")
    if found.st_uid not in (os.geteuid(), 0):
        raise SecretRefused(f"{path}: belongs to user {found.st_uid}")
    forbidden = 0o077 if private else 0o022
    if found.st_mode & forbidden:
        raise SecretRefused(f"{path}: mode {stat.S_IMODE(found.st_mode):04o} lets others in (chmod 600)")


def _lines(path: Path, content: bytes) -> list[str]:
    try:
        lines = [line.strip() for line in content.decode("ascii").splitlines()]
    except UnicodeDecodeError:
        raise SecretRefused(f"{path}: is not text") from None
    lines = [line for line in lines if line]
    if not lines:
        raise SecretRefused(f"{path}: is empty")
    return lines


def _decode(path: Path, line: str) -> bytes:
    try:
        key = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        raise SecretRefused(f"{path}: is not base64") from None
    if len(key) != KEY_BYTES:
        raise SecretRefused(f"{path}: holds {len(key)} bytes where {KEY_BYTES} belong")
    return key
