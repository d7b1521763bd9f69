"""What every keyring promises, and the one form of its context.

Rules: what is sealed for one organization and context opens for no other; a root key is never handed out, only used; a
rotated root goes on opening what it sealed, until everything was resealed.
"""

from collections.abc import Mapping
from typing import Protocol

from storage.keyring.errors import ContextRefused
from storage.sealing import contexts, signing
from storage.sealing.errors import SealingError

MAX_PLAINTEXT = 4096


class Keyring(Protocol):
    """Seals small secrets (private keys of cases) under the root key of an organization."""

    def mint(self, org_id: str) -> None:
        """See to it that the organization has a root key; the second time changes nothing. Raises KeyringError."""

    def rotate(self, org_id: str) -> None:
        """Seal under a new root key from now on; the old ones still open. Raises RootMissing, KeyringError."""

    def seal(self, org_id: str, plaintext: bytes, context: Mapping[str, str]) -> bytes:
        """Return the plaintext (at most 4096 bytes) sealed for this organization and context. Raises KeyringError."""

    def open(self, org_id: str, sealed: bytes, context: Mapping[str, str]) -> bytes:
        """Return the plaintext sealed for exactly this organization and context. Raises KeyringError."""


def reseal(keyring: Keyring, org_id: str, sealed: bytes, context: Mapping[str, str]) -> bytes:
    """Return the same secret sealed under the newest root key. Raises KeyringError."""
    return keyring.seal(org_id, keyring.open(org_id, sealed, context), context)


def full_context(org_id: str, context: Mapping[str, str]) -> dict[str, str]:
    """Return `{"org": org_id, **context}`, checked: a key service may log it in clear. Raises ContextRefused."""
    if "org" in context or not 0 < len(context) <= 4:
        raise ContextRefused("a context has one to four entries beside the organization")
    whole = {"org": org_id, **context}
    try:
        signing.canonical(whole)
        for value in whole.values():
            contexts.checked_id(value)
    except SealingError as error:
        raise ContextRefused(str(error)) from None
    return whole


def associated_data(context: Mapping[str, str]) -> bytes:
    """The one byte form of a full context."""
    return signing.canonical(context)


def checked_plaintext(plaintext: bytes) -> bytes:
    """Return a plaintext of 1 to 4096 bytes. Raises ContextRefused."""
    if not 0 < len(plaintext) <= MAX_PLAINTEXT:
        raise ContextRefused(f"a keyring seals 1 to {MAX_PLAINTEXT} bytes")
    return plaintext
