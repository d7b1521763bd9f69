"""Ed25519 signatures (RFC 8032) over named fields in one canonical form, each bound to its purpose.

A signature made for one purpose is worth nothing for another: the purpose stands in front of the signed bytes.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from storage.sealing.errors import FieldsRefused, KeyRefused, SignatureRefused
from storage.sealing.keymaterial import checked

SIGNATURE = 64

_DOMAIN = b"resguardo/signature/v1\n"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_PURPOSE = re.compile(r"[a-z][a-z0-9./_-]{0,63}")
_LIMIT = 2**53  # beyond it, other languages' JSON numbers lose digits


def canonical(fields: Mapping[str, str | int]) -> bytes:
    """Return compact ASCII JSON with sorted keys: one form for equal fields. Raises FieldsRefused.

    Keys are lower_snake, values are text (valid Unicode) or integers within 2^53; nothing nests.
    """
    for name, value in fields.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise FieldsRefused("field names are lower_snake")
        _check(name, value)
    return json.dumps(dict(fields), ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode("ascii")


class SigningKey:
    """An Ed25519 private key: 32 raw bytes, shown only by `raw()`."""

    __slots__ = ("_key",)

    def __init__(self, raw: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(checked(raw))

    @classmethod
    def generate(cls) -> "SigningKey":
        """Return a new random key."""
        return cls(Ed25519PrivateKey.generate().private_bytes_raw())

    def raw(self) -> bytes:
        """The 32 secret bytes."""
        return self._key.private_bytes_raw()

    def verify_key(self) -> "VerifyKey":
        """The public half."""
        return VerifyKey(self._key.public_key().public_bytes_raw())

    def sign(self, purpose: str, fields: Mapping[str, str | int]) -> bytes:
        """Return the 64 bytes that `verify` accepts for this purpose and these fields. Raises FieldsRefused."""
        return self._key.sign(_message(purpose, fields))

    def __repr__(self) -> str:
        return f"<SigningKey of {self.verify_key().text()}>"


class VerifyKey:
    """An Ed25519 public key: 32 raw bytes."""

    __slots__ = ("_key", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = checked(raw)
        self._key = Ed25519PublicKey.from_public_bytes(raw)

    @classmethod
    def from_text(cls, untrusted: str) -> "VerifyKey":
        """Read the standard base64 of 32 bytes. Raises KeyRefused."""
        try:
            raw = base64.b64decode(untrusted.strip().encode("ascii"), validate=True)
        except (binascii.Error, ValueError):
            raise KeyRefused("a verification key is written in base64") from None
        key = cls(raw)
        if key.text() != untrusted.strip():
            raise KeyRefused("a verification key is written in canonical base64")
        return key

    def text(self) -> str:
        """The key in standard base64."""
        return base64.b64encode(self.raw).decode("ascii")

    def verify(self, purpose: str, fields: Mapping[str, str | int], untrusted_signature: bytes) -> None:
        """Return only if this key signed these fields for this purpose. Raises SignatureRefused, FieldsRefused."""
        if len(untrusted_signature) != SIGNATURE:
            raise SignatureRefused("a signature has 64 bytes")
        try:
            self._key.verify(untrusted_signature, _message(purpose, fields))
        except InvalidSignature:
            raise SignatureRefused(f"not signed by this key for {purpose}") from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VerifyKey) and other.raw == self.raw

    def __hash__(self) -> int:
        return hash(self.raw)

    def __repr__(self) -> str:
        return f"<VerifyKey {self.text()}>"


def _message(purpose: str, fields: Mapping[str, str | int]) -> bytes:
    if not _PURPOSE.fullmatch(purpose):
        raise FieldsRefused("a purpose is a short lower-case word")
    return _DOMAIN + purpose.encode("ascii") + b"\n" + canonical(fields)


def _check(name: str, value: object) -> None:
    match value:
        case bool():
            raise FieldsRefused(f"field {name} is neither text nor a whole number")
        case int() if -_LIMIT < value < _LIMIT:
            return
        case str():
            try:
                value.encode("utf-8")
            except UnicodeEncodeError:
                raise FieldsRefused(f"field {name} is not valid Unicode") from None
        case _:
            raise FieldsRefused(f"field {name} is neither text nor a whole number within 2^53")
