"""Six digits from a challenge's id: the same for whoever shares the key, evenly spread, compared safely."""

import hmac
from collections import Counter

import pytest

from intake.codes import CodeMaker
from intake.errors import CodeKeyRefused
from storage.database import new_id

KEY = bytes(range(32))


def test_the_code_is_the_hmac_of_the_challenge_modulo_a_million() -> None:
    digest = hmac.new(KEY, b"one-time-code.v1\n" + b"a" * 32, "sha256").hexdigest()
    assert CodeMaker(KEY).code("a" * 32) == str(int(digest, 16) % 1_000_000).zfill(6)


def test_another_key_or_challenge_makes_another_code() -> None:
    ids = [new_id() for _ in range(50)]
    assert [CodeMaker(KEY).code(one) for one in ids] != [CodeMaker(b"x" * 32).code(one) for one in ids]
    assert len({CodeMaker(KEY).code(one) for one in ids}) > 40


def test_every_digit_is_as_likely_as_any_other() -> None:
    digits = Counter("".join(CodeMaker(KEY).code(new_id()) for _ in range(5000)))
    assert set(digits) == set("0123456789")
    assert max(digits.values()) < 1.15 * min(digits.values())


@pytest.mark.parametrize("spelling", ["{0}{1}", "{0} {1}", " {0}-{1} ", "{0}\t{1}\n"])
def test_spaces_and_dashes_do_not_matter(spelling: str) -> None:
    maker, challenge = CodeMaker(KEY), new_id()
    code = maker.code(challenge)
    assert maker.is_right(challenge, spelling.format(code[:3], code[3:]))


@pytest.mark.parametrize("wrong", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "\x00" * 6, "9" * 5000, "\ud800"])
def test_what_is_not_the_code_is_wrong(wrong: str) -> None:
    assert not CodeMaker(KEY).is_right("b" * 32, wrong)


def test_a_short_key_is_refused() -> None:
    with pytest.raises(CodeKeyRefused):
        CodeMaker(b"short")
