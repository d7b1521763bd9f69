"""Small secrets at rest (channel tokens, seeds, webhook secrets): one key list per role, bound to their place.

The last key of the list seals, every key of it opens; a key id in front of each sealed value chooses the one key that
is tried. Layout: version[1] || key id[8] || salt[32] || ciphertext || tag[16].
"""

import hashlib
from collections.abc import Sequence

from storage.sealing import aead
from storage.sealing.errors import BoxRefused, KeyRefused
from storage.sealing.keymaterial import checked
from storage.sealing.signing import canonical

_VERSION = b"\x01"
_ID = 8


class Box:
    """Seals and opens small secrets. `keys` as the key file lists them: the last one is the newest."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys:
            raise KeyRefused("a box needs a key")
        self._keys = {_key_id(checked(key)): key for key in keys}
        self._newest = _key_id(keys[-1])

    def seal(self, plaintext: bytes, *, table: str, row: str, column: str) -> bytes:
        """Return the secret sealed for this one place under the newest key."""
        prefix = _VERSION + self._newest
        return prefix + aead.seal(self._keys[self._newest], plaintext, _associated(prefix, table, row, column))

    def open(self, untrusted: bytes, *, table: str, row: str, column: str) -> bytes:
        """Return the secret that was sealed for this place under a key of the list. Raises BoxRefused."""
        prefix = untrusted[: len(_VERSION) + _ID]
        key = self._keys.get(prefix[len(_VERSION) :])
        if not prefix.startswith(_VERSION) or key is None:
            raise BoxRefused("not sealed under a key of this box")
        return aead.open_sealed(key, untrusted[len(prefix) :], _associated(prefix, table, row, column))

    def is_newest(self, untrusted: bytes) -> bool:
        """Whether a sealed value says it is under the newest key (what a rotation has left to reseal)."""
        return untrusted.startswith(_VERSION + self._newest)


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"resguardo/box/key-id/v1" + key).digest()[:_ID]


def _associated(prefix: bytes, table: str, row: str, column: str) -> bytes:
    return prefix + canonical({"table": table, "row": row, "column": column})
