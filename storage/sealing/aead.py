"""Sealing of short secrets under a long-lived key: AES-256-GCM with a key derived afresh for every message.

The 32 random bytes in front of each message choose its key (HKDF-SHA256), so that neither the count of messages nor a
repeated nonce matters, as it would with a 96-bit random nonce under one key. Layout: salt[32] || ciphertext || tag[16].
"""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from storage.sealing.errors import BoxRefused, KeyRefused
from storage.sealing.keymaterial import KEY, derive

SALT = 32
OVERHEAD = SALT + 16

_NONCE = bytes(12)  # safe: every message has a key of its own
_INFO = b"resguardo/aead/v1"


def seal(key: bytes, plaintext: bytes, associated: bytes) -> bytes:
    """Return the sealed plaintext, `OVERHEAD` bytes longer. Raises KeyRefused."""
    salt = secrets.token_bytes(SALT)
    return salt + _cipher(key, salt).encrypt(_NONCE, plaintext, associated)


def open_sealed(key: bytes, untrusted: bytes, associated: bytes) -> bytes:
    """Return the plaintext sealed under this key with this associated data. Raises BoxRefused, KeyRefused."""
    if len(untrusted) < OVERHEAD:
        raise BoxRefused("too short to be sealed")
    try:
        return _cipher(key, untrusted[:SALT]).decrypt(_NONCE, untrusted[SALT:], associated)
    except InvalidTag:
        raise BoxRefused("altered, or sealed for another place") from None


def _cipher(key: bytes, salt: bytes) -> AESGCM:
    if len(key) != KEY:
        raise KeyRefused("a sealing key has 32 bytes")
    return AESGCM(derive(key, salt=salt, info=_INFO))
