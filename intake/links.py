"""Tokens of upload links: a random id and a signature over it, derived when a link is sent and stored nowhere.

Rules: the signature is checked before anything else is looked at; the one canonical spelling of a token is accepted and
no other (base64 has spare bits); whatever is wrong raises the same error. Expiry, revocation and scope are the row's
matter (records/links.py).
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence

from itsdangerous import BadSignature, Signer

from intake.errors import LinkKeysRefused, LinkRefused

SALT = b"upload-link.v1"
ID_BYTES = 16
MIN_KEY = 32
TOKEN_LENGTH = 22 + 1 + 43
"""Characters of a token: 16 bytes of id, a dot, 32 bytes of HMAC-SHA256, in unpadded base64url."""


class LinkSigner:
    """Makes and reads tokens. The last key signs; the others are still read, so that keys can be rotated."""

    __slots__ = ("_signer",)

    def __init__(self, keys: Sequence[bytes]) -> None:
        """Take the link keys, oldest first. Raises LinkKeysRefused without keys or for one shorter than 32 bytes."""
        if not keys or any(len(key) < MIN_KEY for key in keys):
            raise LinkKeysRefused("link keys have at least 32 bytes, and there is at least one")
        self._signer = Signer(list(keys), salt=SALT, key_derivation="hmac", digest_method=hashlib.sha256)

    def token(self, link_id: str) -> str:
        """Return the token of a link id (32 lower-case hexadecimal digits): 66 characters, safe in a URL."""
        raw = bytes.fromhex(link_id)
        if len(raw) != ID_BYTES or raw.hex() != link_id:
            raise LinkRefused("not a link id")
        return self._signer.sign(_encode(raw)).decode("ascii")

    def read(self, untrusted_token: str) -> str:
        """Return the link id behind a token. Raises LinkRefused for malformed and forged ones alike."""
        if len(untrusted_token) != TOKEN_LENGTH or not untrusted_token.isascii():
            raise LinkRefused("no token")
        try:
            value = self._signer.unsign(untrusted_token)
        except BadSignature:
            raise LinkRefused("no token") from None
        _, _, signature = untrusted_token.rpartition(".")
        _decode(signature.encode("ascii"))
        raw = _decode(value)
        if len(raw) != ID_BYTES:
            raise LinkRefused("no token")
        return raw.hex()


def _encode(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def _decode(untrusted: bytes) -> bytes:
    try:
        raw = base64.b64decode(untrusted + b"=" * (-len(untrusted) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise LinkRefused("no token") from None
    if _encode(raw) != untrusted:
        raise LinkRefused("no token")
    return raw
