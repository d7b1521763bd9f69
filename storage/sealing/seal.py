"""Sealing with public keys only: whoever holds this module and a recipient can lock a document and never open it again.

This module must not import `unseal`; import contracts and a test of the loaded modules keep it so.
"""

import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from storage.sealing import bech32, stream
from storage.sealing.contexts import Context
from storage.sealing.errors import AlreadyUsed, KeyRefused
from storage.sealing.header import X25519, Stanza, b64, encode
from storage.sealing.keymaterial import KEY, derive

WRAP_INFO = b"age-encryption.org/v1/X25519"
ZERO_NONCE = bytes(12)  # safe: each wrapping key is used once (C2SP age, "X25519 recipient stanza")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An X25519 recipient: 32 raw bytes. Raises KeyRefused for any other length and for points of low order."""

    raw: bytes

    def __post_init__(self) -> None:
        if type(self.raw) is not bytes or len(self.raw) != KEY:
            raise KeyRefused("a public key has 32 bytes")
        try:
            X25519PrivateKey.from_private_bytes(b"\x40" * KEY).exchange(X25519PublicKey.from_public_bytes(self.raw))
        except ValueError:
            raise KeyRefused("a public key of low order protects nothing") from None

    @classmethod
    def from_text(cls, untrusted: str) -> "PublicKey":
        """Read `age1...`. Raises KeyRefused."""
        return cls(bech32.decode("age", untrusted, length=KEY))

    def text(self) -> str:
        """The key as `age1...`, as the age tools take it."""
        return bech32.encode("age", self.raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A small sealed thing: header and payload; joined they are an age v1 file."""

    header: bytes
    payload: bytes


def seal_file_key(file_key: bytes, recipients: Sequence[PublicKey], context: Context) -> bytes:
    """Return a header that gives `file_key` (16 bytes) to every recipient and binds it to `context`.

    Raises KeyRefused without recipients or with one given twice, HeaderRefused with too many, ContextRefused.
    """
    if not recipients or len(set(recipients)) != len(recipients):
        raise KeyRefused("a header needs recipients, each once")
    if len(file_key) != stream.FILE_KEY:
        raise KeyRefused("a file key has 16 bytes")
    stanzas = [_wrap(file_key, recipient) for recipient in recipients]
    return encode([*stanzas, Stanza(arguments=context.arguments())], file_key)


class Sealing:
    """One document being sealed: a finished header, and one encryptor for one payload under a fresh file key."""

    __slots__ = ("_file_key", "header")

    def __init__(self, recipients: Sequence[PublicKey], context: Context) -> None:
        file_key = secrets.token_bytes(stream.FILE_KEY)
        self.header = seal_file_key(file_key, recipients, context)
        self._file_key: bytes | None = file_key

    @classmethod
    def to(cls, recipients: Sequence[PublicKey], context: Context) -> "Sealing":
        """Begin a document for these recipients. Raises KeyRefused, HeaderRefused, ContextRefused."""
        return cls(recipients, context)

    def encryptor(self) -> stream.Encryptor:
        """Return the push encryptor of the payload. Raises AlreadyUsed the second time: one header, one payload."""
        return stream.Encryptor(self._take_file_key())

    def encrypt(self, chunks: Iterable[stream.Data]) -> Iterator[bytes]:
        """Yield the payload of the joined chunks. Raises AlreadyUsed the second time: one header, one payload."""
        return stream.encrypt(chunks, self._take_file_key())

    def _take_file_key(self) -> bytes:
        file_key, self._file_key = self._file_key, None
        if file_key is None:
            raise AlreadyUsed("a header belongs to one payload")
        return file_key


def seal_bytes(plaintext: bytes, recipients: Sequence[PublicKey], context: Context) -> Sealed:
    """Seal a plaintext that fits in memory."""
    sealing = Sealing.to(recipients, context)
    return Sealed(header=sealing.header, payload=b"".join(sealing.encrypt([plaintext])))


def _wrap(file_key: bytes, recipient: PublicKey) -> Stanza:
    ephemeral = X25519PrivateKey.generate()
    share = ephemeral.public_key().public_bytes_raw()
    shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(recipient.raw))
    key = derive(shared, salt=share + recipient.raw, info=WRAP_INFO)
    body = ChaCha20Poly1305(key).encrypt(ZERO_NONCE, file_key, None)
    return Stanza(arguments=(X25519, b64(share).decode("ascii")), body=body)
