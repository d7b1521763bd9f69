import secrets

import pytest

from storage.sealing.box import Box
from storage.sealing.errors import BoxRefused, KeyRefused

OLD, NEW = secrets.token_bytes(32), secrets.token_bytes(32)
PLACE = {"table": "channel", "row": "r1", "column": "token"}


@pytest.mark.parametrize("plaintext", [b"", b"x", bytes(10_000)])
def test_a_secret_opens_in_its_place(plaintext: bytes) -> None:
    assert Box([NEW]).open(Box([NEW]).seal(plaintext, **PLACE), **PLACE) == plaintext


@pytest.mark.parametrize("changed", [{"table": "other"}, {"row": "r2"}, {"column": "seed"}])
def test_a_secret_moved_to_another_table_row_or_column_is_refused(changed: dict[str, str]) -> None:
    with pytest.raises(BoxRefused):
        Box([NEW]).open(Box([NEW]).seal(b"x", **PLACE), **(PLACE | changed))


def test_the_border_between_row_and_column_cannot_be_moved() -> None:
    sealed = Box([NEW]).seal(b"x", table="t", row='r","row":"', column="c")
    with pytest.raises(BoxRefused):
        Box([NEW]).open(sealed, table="t", row="r", column="c")


def test_no_single_bit_of_a_sealed_secret_can_change() -> None:
    box = Box([NEW])
    sealed = box.seal(b"secret", **PLACE)
    for bit in range(8 * len(sealed)):
        forged = bytearray(sealed)
        forged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BoxRefused):
            box.open(bytes(forged), **PLACE)


def test_a_sealed_secret_cut_anywhere_is_refused() -> None:
    box = Box([NEW])
    sealed = box.seal(b"secret", **PLACE)
    for size in range(len(sealed)):
        with pytest.raises(BoxRefused):
            box.open(sealed[:size], **PLACE)


def test_the_last_key_seals_and_every_key_opens() -> None:
    before = Box([OLD]).seal(b"x", **PLACE)
    box = Box([OLD, NEW])
    assert box.open(before, **PLACE) == b"x"
    assert not box.is_newest(before)
    after = box.seal(b"x", **PLACE)
    assert box.is_newest(after)
    assert Box([NEW]).open(after, **PLACE) == b"x"
    with pytest.raises(BoxRefused):
        Box([OLD]).open(after, **PLACE)


def test_the_same_secret_never_looks_the_same() -> None:
    box = Box([NEW])
    assert len({box.seal(b"x", **PLACE) for _ in range(1000)}) == 1000


@pytest.mark.parametrize("keys", [[], [bytes(32)], [b"short"], [NEW, b"ab" * 16]])
def test_a_box_without_proper_keys_is_refused(keys: list[bytes]) -> None:
    with pytest.raises(KeyRefused):
        Box(keys)
