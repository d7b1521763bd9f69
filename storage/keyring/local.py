"""Root keys in files: one folder per organization, one numbered key file per version, the highest number seals.

Folder: `<organization>/<number>.key` (0700 and 0600, see `sealing.keyfiles`). A version appears at once and durable,
and two processes that mint or rotate at the same time agree on one. Sealed: version[1] || number[4, big-endian] ||
aead.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from storage.keyring.errors import ContextRefused, KeyringUnavailable, OpeningRefused, RootMissing, RootRefused
from storage.keyring.protocol import associated_data, checked_plaintext, full_context
from storage.sealing import aead, keyfiles
from storage.sealing.contexts import checked_id
from storage.sealing.errors import KeyRefused, SealingError

_VERSION = b"\x01"
_PREFIX = len(_VERSION) + 4
_NAME = re.compile(r"([0-9]{8})\.key")


class LocalKeyring:
    """The keyring of a single machine. `folder` must be readable by the custodian and the opener only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def mint(self, org_id: str) -> None:
        """Create root key 1, unless the organization has a root key."""
        if not self._numbers(org_id):
            self._create(org_id, 1, unless_there=True)
        self._root(org_id, max(self._numbers(org_id)))

    def rotate(self, org_id: str) -> None:
        """Create the next root key. Raises RootMissing before `mint`; of two rotations at once one may be refused."""
        self._create(org_id, self._newest(org_id) + 1, unless_there=False)

    def seal(self, org_id: str, plaintext: bytes, context: Mapping[str, str]) -> bytes:
        """Seal under the newest root key."""
        whole = full_context(org_id, context)
        prefix = _prefix(self._newest(org_id))
        root = self._root(org_id, _number(prefix))
        return prefix + aead.seal(root, checked_plaintext(plaintext), prefix + associated_data(whole))

    def open(self, org_id: str, sealed: bytes, context: Mapping[str, str]) -> bytes:
        """Open with the root key that the sealed value names."""
        whole = full_context(org_id, context)
        prefix = sealed[:_PREFIX]
        if len(prefix) < _PREFIX or not prefix.startswith(_VERSION):
            raise OpeningRefused("not sealed by this keyring")
        root = self._root(org_id, _number(prefix))
        try:
            return aead.open_sealed(root, sealed[_PREFIX:], prefix + associated_data(whole))
        except SealingError:
            raise OpeningRefused("altered, or sealed for another place") from None

    def is_newest(self, org_id: str, sealed: bytes) -> bool:
        """Whether a sealed value says it is under the newest root key (what a rotation has left to reseal)."""
        return sealed[:_PREFIX] == _prefix(self._newest(org_id))

    def _path(self, org_id: str, number: int) -> Path:
        return self._folder / checked_id(org_id) / f"{number:08d}.key"

    def _numbers(self, org_id: str) -> list[int]:
        try:
            names = [entry.name for entry in (self._folder / checked_id(org_id)).iterdir()]
        except FileNotFoundError:
            if self._folder.is_dir():
                return []
            raise KeyringUnavailable("the folder of root keys is not there") from None
        except SealingError as error:
            raise ContextRefused(str(error)) from None
        except OSError as error:
            raise KeyringUnavailable(f"the folder of root keys cannot be read: {error.strerror}") from None
        return [int(match[1]) for name in names if (match := _NAME.fullmatch(name))]

    def _newest(self, org_id: str) -> int:
        numbers = self._numbers(org_id)
        if not numbers:
            raise RootMissing("the organization has no root key")
        return max(numbers)

    def _root(self, org_id: str, number: int) -> bytes:
        path = self._path(org_id, number)
        if not path.exists():
            raise RootMissing("the organization has no such root key")
        try:
            return keyfiles.read(path)
        except KeyRefused as error:
            raise RootRefused(str(error)) from None

    def _create(self, org_id: str, number: int, *, unless_there: bool) -> None:
        path = self._path(org_id, number)
        try:
            keyfiles.create(path)
        except KeyRefused as error:
            if not (unless_there and path.exists()):
                raise RootRefused(str(error)) from None
        except OSError as error:
            raise KeyringUnavailable(f"the root key cannot be written: {error.strerror}") from None


def _prefix(number: int) -> bytes:
    return _VERSION + number.to_bytes(4, "big")


def _number(prefix: bytes) -> int:
    return int.from_bytes(prefix[len(_VERSION) :], "big")
