"""Signed checkpoints: the size and root of one organization's tree, in a form that other tools read.

Formats: C2SP tlog-checkpoint (origin, size, base64 root) inside a C2SP signed-note with an Ed25519 signature (type
0x01, RFC 8032), c2sp.org. The key's name is the origin, `resguardo/<organization>`: one key serves every
organization, and no note can pass for another's.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit.errors import CheckpointRefused
from audit.merkle import HASH_LENGTH

LOG_NAME = "resguardo"
"""First part of every origin."""

MAX_NOTE = 64 * 1024
MAX_SIGNATURES = 16

_ED25519 = b"\x01"  # signature type of the signed-note format
_ORIGIN = re.compile(r"[!-*,-~]{1,200}")  # printable ASCII without space and plus
_BODY = re.compile(r"([^\n]+)\n(0|[1-9][0-9]{0,18})\n([A-Za-z0-9+/]{43}=)\n")
_SIGNATURE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The head of one tree: its origin, the number of leaves, and the 32-byte root."""

    origin: str
    size: int
    root: bytes


def origin_of(org_id: str, name: str = LOG_NAME) -> str:
    """Return the origin, which is also the key's name, of an organization's tree."""
    return f"{name}/{org_id}"


def key_id(name: str, public: bytes) -> bytes:
    """Return the four bytes that tell keys apart: SHA-256(name, newline, 0x01, key)[:4]."""
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]


def verifier_key(name: str, public: bytes) -> str:
    """Return the public key as one line, `name+key id+base64(0x01 || key)`: the verifier-key form of signed notes."""
    return f"{name}+{key_id(name, public).hex()}+{base64.b64encode(_ED25519 + public).decode()}"


def fingerprint(public: bytes) -> str:
    """Return the SHA-256 of the 32-byte public key, hexadecimal: what people compare and pin."""
    return hashlib.sha256(public).hexdigest()


class CheckpointSigner:
    """Signs checkpoints. Held by the custodian alone."""

    def __init__(self, name: str, key: bytes, *, former: Sequence[bytes] = ()) -> None:
        """Take the log's name, the 32-byte Ed25519 seed, and the public keys that signed before this one."""
        self.name = name
        self._key = Ed25519PrivateKey.from_private_bytes(key)
        self.public = self._key.public_key().public_bytes_raw()
        self.trusted: tuple[bytes, ...] = (self.public, *former)

    def sign(self, org_id: str, size: int, root: bytes) -> str:
        """Return the signed note for the organization's tree of `size` leaves."""
        origin = origin_of(org_id, self.name)
        if _ORIGIN.fullmatch(origin) is None or size < 0 or len(root) != HASH_LENGTH:
            raise CheckpointRefused("no checkpoint can be made of that")
        body = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
        signature = key_id(origin, self.public) + self._key.sign(body.encode())
        return f"{body}\n— {origin} {base64.b64encode(signature).decode()}\n"


def verify_checkpoint(note: str, name: str, *publics: bytes) -> Checkpoint:
    """Return what `note` says once one of the keys `publics` (32 bytes each) has signed it under `name`, which is
    also the origin.

    Signatures of other keys are ignored, as the format demands; a wrong signature that claims one of ours refuses the
    note. Raises CheckpointRefused.
    """
    body, _, signatures = note.rpartition("\n\n")
    body += "\n"
    parts = _BODY.fullmatch(body)
    lines = signatures.split("\n")
    if len(note) > MAX_NOTE or parts is None or parts[1] != name or lines.pop() != "" or len(lines) > MAX_SIGNATURES:
        raise CheckpointRefused("malformed checkpoint, or one of another log")
    ours = {key_id(name, public): public for public in publics}
    signed = False
    for line in lines:
        known, signature = _signature(line, name, ours)
        if known is not None:
            _verify(known, signature, body.encode())
            signed = True
    if not signed:
        raise CheckpointRefused("not signed by the key expected")
    return Checkpoint(origin=parts[1], size=int(parts[2]), root=base64.b64decode(parts[3]))


def _signature(line: str, name: str, ours: dict[bytes, bytes]) -> tuple[bytes | None, bytes]:
    """Return the key of ours that `line` claims, and the signature."""
    parts = _SIGNATURE.fullmatch(line)
    if parts is None:
        raise CheckpointRefused("malformed signature line")
    try:
        untrusted = base64.b64decode(parts[2], validate=True)
    except binascii.Error as error:
        raise CheckpointRefused("malformed signature") from error
    return (ours.get(untrusted[:4]) if parts[1] == name else None), untrusted[4:]


def _verify(public: bytes, signature: bytes, body: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, body)
    except (InvalidSignature, ValueError) as error:
        raise CheckpointRefused("the signature is wrong") from error
