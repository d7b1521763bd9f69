import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.sealing import bech32
from storage.sealing.errors import KeyRefused


def with_checksum(prefix: str, symbols: list[int]) -> str:
    """A text of these symbols whose checksum is right."""
    residue = bech32._polymod([*bech32._expand(prefix), *symbols, 0, 0, 0, 0, 0, 0]) ^ 1
    whole = symbols + [residue >> 5 * (5 - i) & 31 for i in range(6)]
    return prefix + "1" + "".join(bech32._ALPHABET[symbol] for symbol in whole)


@given(st.binary(max_size=80))
def test_any_bytes_are_read_back_in_either_case(raw: bytes) -> None:
    text = bech32.encode("age", raw)
    assert bech32.decode("age", text, length=len(raw)) == raw
    assert bech32.decode("age", text.upper(), length=len(raw)) == raw


def test_the_vector_of_the_standard_is_accepted() -> None:
    """BIP 173, "Test vectors": the data part of all 32 letters, in 20 bytes."""
    assert bech32.decode("abcdef", "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw", length=20).hex() == (
        "00443214c74254b635cf84653a56d7c675be77df"
    )


def test_spare_bits_that_are_not_zero_are_refused() -> None:
    symbols = [0] * 52
    assert bech32.decode("age", with_checksum("age", symbols), length=32) == bytes(32)
    for spare in range(1, 16):
        with pytest.raises(KeyRefused):
            bech32.decode("age", with_checksum("age", [*symbols[:-1], spare]), length=32)


@pytest.mark.parametrize("count", [0, 51, 53, 54])
def test_symbols_too_many_or_too_few_are_refused(count: int) -> None:
    with pytest.raises(KeyRefused):
        bech32.decode("age", with_checksum("age", [0] * count), length=32)


@pytest.mark.parametrize("text", ["", "1", "age", "age1", "age1qqqqq", "age1bbbbbbbb", "age1ñqqqqqqq", "AGE1qqqqqqqq"])
def test_something_that_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(KeyRefused):
        bech32.decode("age", text, length=32)
