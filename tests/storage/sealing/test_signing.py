import pytest

from storage.sealing.errors import FieldsRefused, KeyRefused, SignatureRefused
from storage.sealing.signing import SigningKey, VerifyKey, canonical

FIELDS: dict[str, str | int] = {"org": "o1", "size": 12, "verdict": "clean"}


def test_equal_fields_have_one_form_whatever_their_order() -> None:
    assert canonical({"b": 1, "a": "ñ\n"}) == b'{"a":"\\u00f1\\n","b":1}' == canonical({"a": "ñ\n", "b": 1})


@pytest.mark.parametrize("value", [None, True, 1.5, 2**53, -(2**53), b"x", ["x"], {"a": "b"}, "\ud800"])
def test_a_value_without_one_form_is_refused(value: object) -> None:
    with pytest.raises(FieldsRefused):
        canonical({"a": value})  # type: ignore[dict-item]


@pytest.mark.parametrize("name", ["", "A", "a b", "1a", "a-b", "ñ", 1])
def test_a_field_name_that_is_not_lower_snake_is_refused(name: str) -> None:
    with pytest.raises(FieldsRefused):
        canonical({name: "x"})


def test_a_signature_holds_for_its_fields_purpose_and_key() -> None:
    key = SigningKey.generate()
    signature = key.sign("attestation", FIELDS)
    key.verify_key().verify("attestation", dict(reversed(FIELDS.items())), signature)


def test_a_signature_of_another_purpose_is_refused() -> None:
    key = SigningKey.generate()
    with pytest.raises(SignatureRefused):
        key.verify_key().verify("case-key", FIELDS, key.sign("attestation", FIELDS))


@pytest.mark.parametrize(
    "changed", [{"org": "o2"}, {"size": 13}, {"size": "12"}, {"more": "x"}, {"verdict": "clean "}, {"verdict": 1}]
)
def test_a_signature_over_other_fields_is_refused(changed: dict[str, str | int]) -> None:
    key = SigningKey.generate()
    with pytest.raises(SignatureRefused):
        key.verify_key().verify("attestation", FIELDS | changed, key.sign("attestation", FIELDS))


def test_a_signature_by_a_stranger_is_refused() -> None:
    with pytest.raises(SignatureRefused):
        SigningKey.generate().verify_key().verify("a", FIELDS, SigningKey.generate().sign("a", FIELDS))


def test_no_single_bit_of_a_signature_can_change() -> None:
    key = SigningKey.generate()
    signature = key.sign("a", FIELDS)
    for bit in range(512):
        forged = bytearray(signature)
        forged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SignatureRefused):
            key.verify_key().verify("a", FIELDS, bytes(forged))


@pytest.mark.parametrize("signature", [b"", bytes(63), bytes(64), bytes(65)])
def test_something_that_is_no_signature_is_refused(signature: bytes) -> None:
    with pytest.raises(SignatureRefused):
        SigningKey.generate().verify_key().verify("a", FIELDS, signature)


@pytest.mark.parametrize("purpose", ["", "A", "a b", "a\n{}", "ñ", "1"])
def test_a_purpose_that_could_be_confused_is_refused(purpose: str) -> None:
    with pytest.raises(FieldsRefused):
        SigningKey.generate().sign(purpose, FIELDS)


def test_keys_survive_their_raw_and_text_forms() -> None:
    key = SigningKey.generate()
    assert SigningKey(key.raw()).verify_key() == key.verify_key()
    assert VerifyKey.from_text(key.verify_key().text()) == key.verify_key()
    assert len({key.verify_key(), VerifyKey(key.verify_key().raw)}) == 1
    assert key.raw().hex() not in repr(key)


@pytest.mark.parametrize("text", ["", "ñ", "AAAA", "A" * 43, "A" * 42 + "B=", "*" * 44])
def test_a_verification_key_that_is_not_canonical_base64_of_32_bytes_is_refused(text: str) -> None:
    with pytest.raises(KeyRefused):
        VerifyKey.from_text(text)


@pytest.mark.parametrize("raw", [b"", bytes(32), b"ab" * 16, bytes(range(33))])
def test_a_signing_key_that_was_not_drawn_is_refused(raw: bytes) -> None:
    with pytest.raises(KeyRefused):
        SigningKey(raw)
