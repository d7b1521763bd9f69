"""Opening with private keys. Only the inspector, the custodian and the opener may load this module.

Rules: the MAC is checked before anything a header says is believed; then the one context stanza must equal the expected
context. A header with a stanza of any other kind, ours or not, is refused: nothing in this product writes one.
"""

from collections.abc import Iterable, Iterator, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from storage.sealing import bech32, stream
from storage.sealing.contexts import PREFIX, Context
from storage.sealing.errors import ContextMismatch, HeaderRefused, KeyRefused
from storage.sealing.header import X25519, Header, Stanza, parse, unb64
from storage.sealing.keymaterial import KEY, checked, derive
from storage.sealing.seal import WRAP_INFO, ZERO_NONCE, PublicKey, Sealed, seal_file_key

_WRAPPED = stream.FILE_KEY + stream.TAG


class PrivateKey:
    """An X25519 identity. Its bytes are shown only by `raw()` and `text()`, never by `repr`."""

    __slots__ = ("_key", "_public")

    def __init__(self, raw: bytes) -> None:
        self._key = X25519PrivateKey.from_private_bytes(checked(raw))
        self._public = PublicKey(self._key.public_key().public_bytes_raw())

    @classmethod
    def generate(cls) -> "PrivateKey":
        """Return a new random identity."""
        return cls(X25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def from_text(cls, untrusted: str) -> "PrivateKey":
        """Read `AGE-SECRET-KEY-1...`. Raises KeyRefused."""
        return cls(bech32.decode("age-secret-key-", untrusted, length=KEY))

    def raw(self) -> bytes:
        """The 32 secret bytes."""
        return self._key.private_bytes_raw()

    def text(self) -> str:
        """The secret as `AGE-SECRET-KEY-1...`, as the age tools read it."""
        return bech32.encode("age-secret-key-", self.raw()).upper()

    def public(self) -> PublicKey:
        """The recipient that belongs to this identity."""
        return self._public

    def __repr__(self) -> str:
        return f"<PrivateKey of {self._public.text()}>"

    def unwrap(self, stanza: Stanza) -> bytes | None:
        """Return the 16-byte file key of an X25519 stanza, or None if it is for somebody else. Raises HeaderRefused."""
        if len(stanza.arguments) != 2 or len(stanza.body) != _WRAPPED:
            raise HeaderRefused("an X25519 stanza has one share and 32 bytes")
        share = unb64(stanza.arguments[1].encode("ascii"), length=KEY)
        try:
            shared = self._key.exchange(X25519PublicKey.from_public_bytes(share))
        except ValueError:
            raise HeaderRefused("a share of low order") from None
        key = derive(shared, salt=share + self._public.raw, info=WRAP_INFO)
        try:
            return ChaCha20Poly1305(key).decrypt(ZERO_NONCE, stanza.body, None)
        except InvalidTag:
            return None


def open_header(untrusted_header: bytes, identity: PrivateKey, expected_context: Context) -> bytes:
    """Return the 16-byte file key of this header, which is bound to exactly the expected context.

    Raises HeaderRefused (grammar, MAC, a foreign stanza), KeyRefused (not for this identity), ContextMismatch.
    """
    header = parse(untrusted_header)
    if any(stanza.type != X25519 and not stanza.type.startswith(PREFIX) for stanza in header.stanzas):
        raise HeaderRefused("a stanza of a kind that is never written here")
    file_key = recover_file_key(header, [identity])
    contexts = [stanza for stanza in header.stanzas if stanza.type.startswith(PREFIX)]
    if len(contexts) != 1:
        raise HeaderRefused("a header has exactly one context")
    if contexts[0] != Stanza(arguments=expected_context.arguments()):
        raise ContextMismatch("the header belongs to something else")
    return file_key


def recover_file_key(header: Header, identities: Sequence[PrivateKey]) -> bytes:
    """Return the file key of any age v1 header for X25519 recipients, MAC verified; unknown stanzas are passed over.

    This says nothing about what was sealed: the product calls `open_header`. Raises HeaderRefused, KeyRefused.
    """
    if any(stanza.type == "scrypt" for stanza in header.stanzas):
        raise HeaderRefused("a passphrase is no recipient here")
    shares = [stanza for stanza in header.stanzas if stanza.type == X25519]
    found = [key for identity in identities for stanza in shares if (key := identity.unwrap(stanza)) is not None]
    if not found:
        raise KeyRefused("the header is for somebody else")
    header.verify(found[0])
    return found[0]


def decrypt(
    untrusted_header: bytes, untrusted_payload: Iterable[stream.Data], identity: PrivateKey, expected_context: Context
) -> Iterator[bytes]:
    """Open the header at once, then yield the plaintext; `stream.decrypt` says what a reader must wait for."""
    return stream.decrypt(untrusted_payload, open_header(untrusted_header, identity, expected_context))


def unseal_bytes(untrusted: Sealed, identity: PrivateKey, expected_context: Context) -> bytes:
    """Return the whole plaintext of a small sealed thing, or raise a SealingError and return nothing."""
    return b"".join(decrypt(untrusted.header, [untrusted.payload], identity, expected_context))


def reseal_header(
    untrusted_header: bytes,
    identity: PrivateKey,
    expected_context: Context,
    recipients: Sequence[PublicKey],
    *,
    context: Context | None = None,
) -> bytes:
    """Return a new header for the same payload: other recipients and, if given, another context."""
    file_key = open_header(untrusted_header, identity, expected_context)
    return seal_file_key(file_key, recipients, expected_context if context is None else context)
