import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage.keyring.errors import KeyringUnavailable, OpeningRefused, RootMissing, RootRefused
from storage.keyring.local import LocalKeyring

CASE = {"case": "c1"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "roots"


@pytest.fixture
def minted(local: LocalKeyring) -> LocalKeyring:
    local.mint("org1")
    return local


def test_root_keys_are_private_files_with_numbers(minted: LocalKeyring, folder: Path) -> None:
    minted.rotate("org1")
    assert sorted(file.name for file in (folder / "org1").iterdir()) == ["00000001.key", "00000002.key"]
    for file in (folder / "org1").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "org1").stat().st_mode) == 0o700


def test_without_a_root_nothing_is_sealed_opened_or_rotated(local: LocalKeyring) -> None:
    for call in (
        lambda: local.seal("org1", b"x", CASE),
        lambda: local.open("org1", b"\x01" + bytes(3) + b"\x01" + bytes(100), CASE),
        lambda: local.rotate("org1"),
    ):
        with pytest.raises(RootMissing):
            call()


def test_a_folder_that_is_not_mounted_is_never_taken_for_an_empty_keyring(tmp_path: Path) -> None:
    with pytest.raises(KeyringUnavailable):
        LocalKeyring(tmp_path / "not-mounted").mint("org1")
    assert not (tmp_path / "not-mounted").exists()


def test_minting_at_the_same_time_makes_one_root(local: LocalKeyring, folder: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(local.mint, ["org1"] * 16))
    assert [file.name for file in (folder / "org1").iterdir()] == ["00000001.key"]


def test_another_process_sees_the_rotation(minted: LocalKeyring, folder: Path) -> None:
    before = minted.seal("org1", b"x", CASE)
    LocalKeyring(folder).rotate("org1")
    assert not minted.is_newest("org1", before)
    assert minted.is_newest("org1", minted.seal("org1", b"x", CASE))


def test_a_lost_root_opens_nothing_even_when_minted_again(minted: LocalKeyring, folder: Path) -> None:
    sealed = minted.seal("org1", b"x", CASE)
    (folder / "org1" / "00000001.key").unlink()
    with pytest.raises(RootMissing):
        minted.open("org1", sealed, CASE)
    minted.mint("org1")
    with pytest.raises(OpeningRefused):
        minted.open("org1", sealed, CASE)


def test_a_sealed_secret_relabelled_to_another_root_is_refused(minted: LocalKeyring) -> None:
    sealed = minted.seal("org1", b"x", CASE)
    minted.rotate("org1")
    with pytest.raises(OpeningRefused):
        minted.open("org1", sealed[:4] + b"\x02" + sealed[5:], CASE)


def test_a_root_that_others_can_read_is_not_used(minted: LocalKeyring, folder: Path) -> None:
    (folder / "org1" / "00000001.key").chmod(0o644)
    with pytest.raises(RootRefused):
        minted.seal("org1", b"x", CASE)
    with pytest.raises(RootRefused):
        minted.mint("org1")


def test_a_damaged_root_is_not_replaced_by_minting(minted: LocalKeyring, folder: Path) -> None:
    (folder / "org1" / "00000001.key").write_bytes(b"")
    with pytest.raises(RootRefused):
        minted.mint("org1")
    assert (folder / "org1" / "00000001.key").read_bytes() == b""


def test_an_unfinished_key_file_is_no_root(minted: LocalKeyring, folder: Path) -> None:
    (folder / "org1" / ".00000002.key.aabbccdd").write_bytes(b"half")
    assert minted.open("org1", minted.seal("org1", b"x", CASE), CASE) == b"x"
