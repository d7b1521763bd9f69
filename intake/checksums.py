"""Checksums that a client sends with a body (tus, Upload-Checksum), verified while the body streams.

They find what broke on the way, nothing more: what a file is worth in evidence is the seal's matter. So the old
algorithms that the protocol asks for are welcome here.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from intake.errors import ChecksumMismatch, ChecksumUnknown, MalformedUpload

ALGORITHMS = ("sha1", "sha256", "md5")
"""In the order of Tus-Checksum-Algorithm; sha1 is the one that every server must speak."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checksum:
    """What a body must hash to."""

    algorithm: str
    digest: bytes

    def demanded_of(self, body: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the body as it comes. Raises ChecksumMismatch at its end unless it hashes to this."""
        found = hashlib.new(self.algorithm, usedforsecurity=False)
        for chunk in body:
            found.update(chunk)
            yield chunk
        if not hmac.compare_digest(found.digest(), self.digest):
            raise ChecksumMismatch(self.algorithm)


def checksum(untrusted_header: str) -> Checksum:
    """Read `algorithm base64`. Raises ChecksumUnknown for another algorithm, MalformedUpload for no digest of it."""
    algorithm, _, value = untrusted_header.strip().partition(" ")
    if algorithm not in ALGORITHMS:
        raise ChecksumUnknown("no algorithm of this server")
    try:
        digest = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise MalformedUpload("Upload-Checksum") from None
    if len(digest) != hashlib.new(algorithm, usedforsecurity=False).digest_size:
        raise MalformedUpload("Upload-Checksum")
    return Checksum(algorithm=algorithm, digest=digest)
