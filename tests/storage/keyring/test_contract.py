"""What every keyring promises, over every keyring."""

import pytest

from storage.keyring.errors import ContextRefused, KeyringError, OpeningRefused
from storage.keyring.protocol import Keyring, reseal

CASE = {"case": "c1"}


@pytest.mark.parametrize("plaintext", [b"x", bytes(32), bytes(4096)])
def test_a_secret_opens_for_its_organization_and_case(keyring: Keyring, plaintext: bytes) -> None:
    sealed = keyring.seal("org1", plaintext, CASE)
    assert plaintext not in sealed or plaintext == b"x"
    assert keyring.open("org1", sealed, CASE) == plaintext


def test_a_secret_of_another_organization_is_refused(keyring: Keyring) -> None:
    keyring.mint("org2")
    with pytest.raises(KeyringError):
        keyring.open("org2", keyring.seal("org1", b"x", CASE), CASE)


@pytest.mark.parametrize("context", [{"case": "c2"}, {"doc": "c1"}, {"case": "c1", "doc": "d1"}])
def test_a_secret_of_another_case_is_refused(keyring: Keyring, context: dict[str, str]) -> None:
    with pytest.raises(OpeningRefused):
        keyring.open("org1", keyring.seal("org1", b"x", CASE), context)


def test_minting_twice_changes_nothing(keyring: Keyring) -> None:
    sealed = keyring.seal("org1", b"x", CASE)
    keyring.mint("org1")
    assert keyring.open("org1", sealed, CASE) == b"x"


def test_what_a_rotated_root_sealed_still_opens_and_can_be_resealed(keyring: Keyring) -> None:
    before = keyring.seal("org1", b"x", CASE)
    keyring.rotate("org1")
    assert keyring.open("org1", before, CASE) == b"x"
    after = reseal(keyring, "org1", before, CASE)
    assert after != before
    assert keyring.open("org1", after, CASE) == b"x"


def test_no_single_bit_of_a_sealed_secret_can_change(keyring: Keyring) -> None:
    sealed = keyring.seal("org1", b"x", CASE)
    for bit in range(8 * len(sealed)):
        forged = bytearray(sealed)
        forged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(KeyringError):
            keyring.open("org1", bytes(forged), CASE)


@pytest.mark.parametrize("size", [0, 1, 3, 5, 37, -1])
def test_a_sealed_secret_cut_short_is_refused(keyring: Keyring, size: int) -> None:
    with pytest.raises(OpeningRefused):
        keyring.open("org1", keyring.seal("org1", b"x", CASE)[:size], CASE)


def test_the_same_secret_never_looks_the_same(keyring: Keyring) -> None:
    assert len({keyring.seal("org1", b"x", CASE) for _ in range(50)}) == 50


@pytest.mark.parametrize("plaintext", [b"", bytes(4097)])
def test_a_plaintext_that_is_no_small_secret_is_refused(keyring: Keyring, plaintext: bytes) -> None:
    with pytest.raises(ContextRefused):
        keyring.seal("org1", plaintext, CASE)


@pytest.mark.parametrize(
    "context",
    [
        {},
        {"org": "org1"},
        {"case": "c1", "org": "org2"},
        {"case": ""},
        {"case": "Ana López"},
        {"case": "../c1"},
        {"Case": "c1"},
        {"a": "1", "b": "2", "c": "3", "d": "4", "e": "5"},
    ],
)
def test_a_context_that_is_not_plain_identifiers_is_refused(keyring: Keyring, context: dict[str, str]) -> None:
    with pytest.raises(ContextRefused):
        keyring.seal("org1", b"x", context)
    with pytest.raises(ContextRefused):
        keyring.open("org1", bytes(200), context)


@pytest.mark.parametrize("org_id", ["", ".", "..", "../org1", "org1/", "ORG1", "org 1", "org1\x00"])
def test_an_organization_that_is_a_path_is_refused(keyring: Keyring, org_id: str) -> None:
    for call in (
        lambda: keyring.mint(org_id),
        lambda: keyring.rotate(org_id),
        lambda: keyring.seal(org_id, b"x", CASE),
        lambda: keyring.open(org_id, bytes(200), CASE),
    ):
        with pytest.raises(ContextRefused):
            call()
