"""Foreign keys: tried by opening them, never by reasoning about modes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.errors import ForeignKeyReadable
from config.foreign import open_paths, refuse_foreign_keys


def a_key(path: Path, mode: int = 0o600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("key")
    path.chmod(mode)
    return path


def test_keys_that_are_not_there_do_not_stop_a_process(tmp_path: Path) -> None:
    refuse_foreign_keys([str(tmp_path / "courier"), str(tmp_path / "*" / "key"), str(tmp_path / "a" / "b" / "c")])


def test_a_foreign_file_that_opens_stops_a_process_and_is_named(tmp_path: Path) -> None:
    path = a_key(tmp_path / "custodian" / "signing")
    with pytest.raises(ForeignKeyReadable, match=str(path)):
        refuse_foreign_keys([str(path)])


def test_a_foreign_folder_is_searched_to_its_depth(tmp_path: Path) -> None:
    path = a_key(tmp_path / "custodian" / "keyring" / "org" / ".hidden")
    assert list(open_paths([str(tmp_path / "custodian")])) == [path]


def test_a_glob_finds_hidden_keys_too(tmp_path: Path) -> None:
    path = a_key(tmp_path / ".custodian" / "signing")
    assert list(open_paths([str(tmp_path / "*" / "signing")])) == [path]


def test_a_symbolic_link_to_a_foreign_key_counts_as_open(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(a_key(tmp_path / "elsewhere" / "key"))
    with pytest.raises(ForeignKeyReadable):
        refuse_foreign_keys([str(tmp_path / "link")])


def test_an_empty_foreign_folder_gives_nothing_away(tmp_path: Path) -> None:
    (tmp_path / "custodian").mkdir()
    refuse_foreign_keys([str(tmp_path / "custodian")])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_keys_of_another_user_are_closed(tmp_path: Path) -> None:
    a_key(tmp_path / "keys" / "signing")
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == 0 and str(folder).startswith(str(tmp_path.parents[1])):
            folder.chmod(0o755)
    (tmp_path / "keys").chmod(0o700)
    program = f"from config.foreign import refuse_foreign_keys; refuse_foreign_keys([{str(tmp_path / 'keys')!r}])"
    python = [sys.executable, "-c", program]
    assert subprocess.run(python, capture_output=True, check=False).returncode == 1
    other = subprocess.run(
        python, user=65534, group=65534, extra_groups=[], capture_output=True, check=False, text=True
    )
    assert other.returncode == 0, other.stderr
