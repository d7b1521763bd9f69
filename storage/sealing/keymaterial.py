"""What every key here has in common: 32 bytes that were drawn at random, or derived from such a key for one purpose."""

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from storage.sealing.errors import KeyRefused

KEY = 32

_DISTINCT = 8  # fewer different bytes among 32 random ones: less than once in 10^30 draws


def checked(untrusted: bytes) -> bytes:
    """Return a secret key of 32 bytes that look random. Raises KeyRefused (zeros, repeats, a wrong length)."""
    if type(untrusted) is not bytes or len(untrusted) != KEY or len(set(untrusted)) < _DISTINCT:
        raise KeyRefused("a secret key has 32 random bytes")
    return untrusted


def derive(key: bytes, *, salt: bytes, info: bytes) -> bytes:
    """Return 32 bytes that depend on every argument: HKDF-SHA256 (RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=KEY, salt=salt, info=info).derive(key)
