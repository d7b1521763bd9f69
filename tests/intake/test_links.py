"""Tokens of upload links: signed, canonical, rotating, and all refusals alike."""

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.errors import LinkKeysRefused, LinkRefused
from intake.links import TOKEN_LENGTH, LinkSigner
from storage.database import new_id

OLD, NEW = secrets.token_bytes(32), secrets.token_bytes(32)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def test_a_token_gives_back_its_link_id() -> None:
    link_id = new_id()
    token = LinkSigner([NEW]).token(link_id)
    assert len(token) == TOKEN_LENGTH
    assert LinkSigner([NEW]).read(token) == link_id


def test_the_last_key_signs_and_the_older_ones_are_still_read() -> None:
    link_id = new_id()
    old_token = LinkSigner([OLD]).token(link_id)
    both = LinkSigner([OLD, NEW])
    assert both.read(old_token) == link_id
    assert LinkSigner([NEW]).read(both.token(link_id)) == link_id
    with pytest.raises(LinkRefused):
        LinkSigner([NEW]).read(old_token)


def test_no_other_spelling_of_a_token_is_accepted() -> None:
    signer = LinkSigner([NEW])
    token = signer.token(new_id())
    for at in range(len(token)):
        for character in [*ALPHABET, ".", "=", "%", "/", " "]:
            if character == token[at]:
                continue
            with pytest.raises(LinkRefused):
                signer.read(token[:at] + character + token[at + 1 :])


@pytest.mark.parametrize(
    "edit",
    [
        lambda token: token + "=",
        lambda token: token + "A",
        lambda token: token[:-1],
        lambda token: token.swapcase(),
        lambda token: token.replace(".", "%2E"),
        lambda token: " " + token[:-1],
        lambda token: "\x00" + token[1:],
        lambda token: "é" + token[1:],
        lambda token: "",
        lambda token: token.split(".")[0],
        lambda token: "." * len(token),
    ],
)
def test_an_edited_token_is_refused(edit) -> None:
    signer = LinkSigner([NEW])
    with pytest.raises(LinkRefused) as refused:
        signer.read(edit(signer.token(new_id())))
    assert refused.value.code == "link_closed"


@given(st.text(max_size=TOKEN_LENGTH + 4))
def test_random_text_is_never_a_token(text: str) -> None:
    with pytest.raises(LinkRefused):
        LinkSigner([NEW]).read(text)


def test_the_signature_of_one_link_does_not_fit_another() -> None:
    signer = LinkSigner([NEW])
    one, other = signer.token(new_id()).split("."), signer.token(new_id()).split(".")
    with pytest.raises(LinkRefused):
        signer.read(f"{one[0]}.{other[1]}")


@pytest.mark.parametrize("keys", [[], [b""], [b"short"], [NEW, b"x" * 31]])
def test_weak_or_missing_keys_are_refused(keys: list[bytes]) -> None:
    with pytest.raises(LinkKeysRefused):
        LinkSigner(keys)


@pytest.mark.parametrize("link_id", ["ab", "A" * 32, "0" * 33, "0" * 64])
def test_only_an_id_gets_a_token(link_id: str) -> None:
    with pytest.raises((LinkRefused, ValueError)):
        LinkSigner([NEW]).token(link_id)
