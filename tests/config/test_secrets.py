"""Key files: only private, regular, random ones are read."""

import base64
import os
import stat
from pathlib import Path

import pytest

from config.errors import SecretRefused
from config.secrets import is_guessable, read_key, read_keys, read_public_key, read_secret_text


def a_key_file(folder: Path, *keys: bytes, mode: int = 0o600) -> Path:
    path = folder / "key"
    path.write_text("".join(base64.b64encode(key).decode() + "\n" for key in keys))
    path.chmod(mode)
    return path


def test_a_private_random_key_is_read(tmp_path: Path) -> None:
    key = os.urandom(32)
    assert read_key(a_key_file(tmp_path, key)) == key


def test_link_keys_keep_their_order(tmp_path: Path) -> None:
    old, new = os.urandom(32), os.urandom(32)
    assert read_keys(a_key_file(tmp_path, old, new)) == (old, new)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o601])
def test_a_key_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(SecretRefused, match="lets others in"):
        read_key(a_key_file(tmp_path, os.urandom(32), mode=mode))


def test_a_key_behind_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(a_key_file(tmp_path, os.urandom(32)))
    with pytest.raises(SecretRefused, match="cannot be opened"):
        read_key(link)


def test_a_key_that_is_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(SecretRefused, match="not a regular file"):
        read_key(tmp_path / "pipe")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_key_that_belongs_to_another_user_is_refused(tmp_path: Path) -> None:
    path = a_key_file(tmp_path, os.urandom(32))
    os.chown(path, 65534, 65534)
    with pytest.raises(SecretRefused, match="belongs to user 65534"):
        read_key(path)


@pytest.mark.parametrize(
    "key",
    [
        bytes(32),
        b"\xff" * 32,
        b"ab" * 16,
        bytes(range(32)),
        bytes(range(64, 0, -2)),
        os.urandom(16) * 2,
        b"password" * 4,
    ],
    ids=["zeros", "ones", "two-letters", "counted", "counted-down", "repeated-half", "word"],
)
def test_a_guessable_key_is_refused(tmp_path: Path, key: bytes) -> None:
    with pytest.raises(SecretRefused, match="not random"):
        read_key(a_key_file(tmp_path, key))


def test_random_keys_are_not_mistaken_for_guessable_ones() -> None:
    assert not any(is_guessable(os.urandom(32)) for _ in range(5000))


@pytest.mark.parametrize("size", [0, 16, 31, 33, 64])
def test_a_key_of_another_length_is_refused(tmp_path: Path, size: int) -> None:
    with pytest.raises(SecretRefused):
        read_key(a_key_file(tmp_path, os.urandom(size)))


@pytest.mark.parametrize("content", [b"", b"\n\n", b"not base64 !\n", b"\xff\xfe\x00", b"A" * 20_000])
def test_what_is_no_key_is_refused_without_telling_its_content(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(SecretRefused) as refused:
        read_key(path)
    assert "not base64 !" not in str(refused.value)


def test_the_same_link_key_twice_is_refused(tmp_path: Path) -> None:
    key = os.urandom(32)
    with pytest.raises(SecretRefused, match="twice"):
        read_keys(a_key_file(tmp_path, key, key))


def test_more_link_keys_than_anyone_rotates_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SecretRefused, match="more than 16"):
        read_keys(a_key_file(tmp_path, *(os.urandom(32) for _ in range(17))))


def test_two_keys_where_one_belongs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SecretRefused, match="holds 2 keys"):
        read_key(a_key_file(tmp_path, os.urandom(32), os.urandom(32)))


def test_a_public_key_may_be_read_but_not_written_by_others(tmp_path: Path) -> None:
    key = os.urandom(32)
    path = a_key_file(tmp_path, key, mode=0o644)
    assert read_public_key(path) == key
    path.chmod(0o664)
    assert stat.S_IMODE(path.stat().st_mode) == 0o664
    with pytest.raises(SecretRefused, match="lets others in"):
        read_public_key(path)


def test_a_public_key_of_zeros_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SecretRefused, match="all zeros"):
        read_public_key(a_key_file(tmp_path, bytes(32)))


def test_a_secret_text_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("wJalrXUtnFEMI\n")
    path.chmod(0o600)
    assert read_secret_text(path) == "wJalrXUtnFEMI"
    path.write_text("two\nlines\n")
    with pytest.raises(SecretRefused, match="one line"):
        read_secret_text(path)


def test_a_missing_key_is_refused_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(SecretRefused, match=r"absent.*No such file"):
        read_key(tmp_path / "absent")
