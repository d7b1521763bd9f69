"""The key pair of a case: the public half seals documents, the private half lies sealed twice and in clear nowhere.

Once under the root key of the organization (the everyday way), once to the offline escrow recipient (the way back when
the root is lost, and the way to leave): the escrow copy is an age identity file, so that the age tools alone can open
the case.
"""

from dataclasses import dataclass

from storage.keyring.errors import OpeningRefused
from storage.keyring.protocol import Keyring
from storage.sealing.contexts import KeyContext
from storage.sealing.errors import KeyRefused
from storage.sealing.seal import PublicKey, Sealed, seal_bytes
from storage.sealing.unseal import PrivateKey, unseal_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class MintedCaseKey:
    """What a case row keeps: the public key, the sealed private key, and the escrow copy (header, payload)."""

    public: PublicKey
    sealed_private: bytes
    escrow_header: bytes
    escrow_payload: bytes


def mint_case_key(keyring: Keyring, org_id: str, case_id: str, escrow: PublicKey) -> MintedCaseKey:
    """Draw a new key pair for a case; the private half is gone from memory with this call. Raises KeyringError."""
    private = PrivateKey.generate()
    copy = seal_bytes(f"{private.text()}\n".encode("ascii"), [escrow], KeyContext(org=org_id, case=case_id))
    return MintedCaseKey(
        public=private.public(),
        sealed_private=seal_case_key(keyring, org_id, case_id, private),
        escrow_header=copy.header,
        escrow_payload=copy.payload,
    )


def seal_case_key(keyring: Keyring, org_id: str, case_id: str, private: PrivateKey) -> bytes:
    """Return the private key of a case under the newest root key. Raises KeyringError."""
    return keyring.seal(org_id, private.raw(), {"case": case_id})


def open_case_key(
    keyring: Keyring, org_id: str, case_id: str, sealed_private: bytes, expected: PublicKey
) -> PrivateKey:
    """Return the private key of exactly this case and public key. Raises KeyringError."""
    try:
        private = PrivateKey(keyring.open(org_id, sealed_private, {"case": case_id}))
    except KeyRefused:
        raise OpeningRefused("what was sealed is no private key") from None
    if private.public() != expected:
        raise OpeningRefused("the private key belongs to another public key")
    return private


def recover_case_key(escrow: PrivateKey, org_id: str, case_id: str, copy: Sealed, expected: PublicKey) -> PrivateKey:
    """Return the private key of a case from its escrow copy, without any root key. Raises SealingError.

    `seal_case_key` then puts it under a new root key.
    """
    text = unseal_bytes(copy, escrow, KeyContext(org=org_id, case=case_id))
    try:
        private = PrivateKey.from_text(text.decode("ascii").removesuffix("\n"))
    except UnicodeDecodeError:
        raise KeyRefused("the escrow copy is no private key") from None
    if private.public() != expected:
        raise KeyRefused("the escrow copy belongs to another public key")
    return private
