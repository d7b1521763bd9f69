import shutil
import subprocess
from pathlib import Path

import pytest

from storage.keyring.casekeys import mint_case_key, open_case_key, recover_case_key, seal_case_key
from storage.keyring.errors import KeyringError, RootMissing
from storage.keyring.local import LocalKeyring
from storage.keyring.protocol import Keyring
from storage.sealing.contexts import DocumentContext
from storage.sealing.errors import ContextMismatch, KeyRefused
from storage.sealing.seal import PublicKey, Sealed, seal_bytes
from storage.sealing.unseal import PrivateKey, unseal_bytes

DOCUMENT = DocumentContext(org="org1", doc="d1", part="original")


@pytest.fixture(scope="module")
def escrow() -> PrivateKey:
    return PrivateKey.generate()


def test_a_minted_case_key_opens_what_was_sealed_to_it(keyring: Keyring, escrow: PrivateKey) -> None:
    minted = mint_case_key(keyring, "org1", "c1", escrow.public())
    sealed = seal_bytes(b"a passport", [minted.public], DOCUMENT)
    private = open_case_key(keyring, "org1", "c1", minted.sealed_private, minted.public)
    assert unseal_bytes(sealed, private, DOCUMENT) == b"a passport"


def test_the_private_key_is_nowhere_in_what_a_case_keeps(keyring: Keyring, escrow: PrivateKey) -> None:
    minted = mint_case_key(keyring, "org1", "c1", escrow.public())
    private = open_case_key(keyring, "org1", "c1", minted.sealed_private, minted.public)
    for kept in (minted.sealed_private, minted.escrow_header, minted.escrow_payload, repr(minted).encode()):
        assert private.raw() not in kept
        assert private.text().encode() not in kept


def test_every_case_has_a_key_of_its_own(keyring: Keyring, escrow: PrivateKey) -> None:
    assert len({mint_case_key(keyring, "org1", f"c{i}", escrow.public()).public for i in range(20)}) == 20


def test_the_case_key_of_another_case_is_refused(keyring: Keyring, escrow: PrivateKey) -> None:
    minted = mint_case_key(keyring, "org1", "c1", escrow.public())
    with pytest.raises(KeyringError):
        open_case_key(keyring, "org1", "c2", minted.sealed_private, minted.public)


def test_a_swapped_public_key_is_noticed_when_the_private_one_is_opened(keyring: Keyring, escrow: PrivateKey) -> None:
    minted = mint_case_key(keyring, "org1", "c1", escrow.public())
    with pytest.raises(KeyringError):
        open_case_key(keyring, "org1", "c1", minted.sealed_private, escrow.public())


def test_something_else_sealed_by_the_keyring_is_no_case_key(keyring: Keyring, escrow: PrivateKey) -> None:
    with pytest.raises(KeyringError):
        open_case_key(keyring, "org1", "c1", keyring.seal("org1", bytes(32), {"case": "c1"}), escrow.public())


def test_after_the_loss_of_the_root_the_escrow_brings_the_case_back(
    local: LocalKeyring, escrow: PrivateKey, tmp_path: Path
) -> None:
    local.mint("org1")
    minted = mint_case_key(local, "org1", "c1", escrow.public())
    sealed = seal_bytes(b"a passport", [minted.public], DOCUMENT)
    shutil.rmtree(tmp_path / "roots")
    (tmp_path / "roots").mkdir(mode=0o700)
    with pytest.raises(RootMissing):
        open_case_key(local, "org1", "c1", minted.sealed_private, minted.public)

    copy = Sealed(header=minted.escrow_header, payload=minted.escrow_payload)
    private = recover_case_key(PrivateKey.from_text(escrow.text()), "org1", "c1", copy, minted.public)
    assert unseal_bytes(sealed, private, DOCUMENT) == b"a passport"

    local.mint("org1")
    resealed = seal_case_key(local, "org1", "c1", private)
    again = open_case_key(local, "org1", "c1", resealed, minted.public)
    assert unseal_bytes(sealed, again, DOCUMENT) == b"a passport"


def test_the_escrow_copy_of_another_case_is_refused(local: LocalKeyring, escrow: PrivateKey) -> None:
    local.mint("org1")
    first = mint_case_key(local, "org1", "c1", escrow.public())
    second = mint_case_key(local, "org1", "c2", escrow.public())
    copy = Sealed(header=first.escrow_header, payload=first.escrow_payload)
    with pytest.raises(ContextMismatch):
        recover_case_key(escrow, "org1", "c2", copy, first.public)
    with pytest.raises(KeyRefused):
        recover_case_key(escrow, "org1", "c1", copy, second.public)
    with pytest.raises(KeyRefused):
        recover_case_key(PrivateKey.generate(), "org1", "c1", copy, first.public)


@pytest.mark.skipif(shutil.which("age") is None, reason="the age command is not installed")
def test_with_the_escrow_key_the_age_command_alone_opens_a_document(
    local: LocalKeyring, escrow: PrivateKey, tmp_path: Path
) -> None:
    local.mint("org1")
    minted = mint_case_key(local, "org1", "c1", escrow.public())
    sealed = seal_bytes(b"a passport", [minted.public], DOCUMENT)
    (tmp_path / "escrow.key").write_text(escrow.text() + "\n")
    (tmp_path / "case.age").write_bytes(minted.escrow_header + minted.escrow_payload)
    (tmp_path / "document.age").write_bytes(sealed.header + sealed.payload)

    def age(*arguments: str) -> bytes:
        return subprocess.run(["age", *arguments], cwd=tmp_path, capture_output=True, check=True, timeout=60).stdout

    (tmp_path / "case.key").write_bytes(age("-d", "-i", "escrow.key", "case.age"))
    assert age("-d", "-i", "case.key", "document.age") == b"a passport"
    assert (
        PublicKey.from_text(PrivateKey.from_text((tmp_path / "case.key").read_text().strip()).public().text())
        == minted.public
    )
