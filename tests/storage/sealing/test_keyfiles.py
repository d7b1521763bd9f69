import base64
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from storage.sealing import keyfiles
from storage.sealing.errors import KeyRefused


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "role" / "name"


def line(key: bytes) -> bytes:
    return base64.b64encode(key) + b"\n"


def test_a_new_key_file_is_private_and_complete(path: Path) -> None:
    (key,) = keyfiles.create(path)
    assert keyfiles.read(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert path.read_bytes() == line(key)
    assert list(path.parent.iterdir()) == [path]


def test_an_existing_key_is_never_overwritten(path: Path) -> None:
    (key,) = keyfiles.create(path)
    with pytest.raises(KeyRefused):
        keyfiles.create(path)
    assert keyfiles.read(path) == key
    assert list(path.parent.iterdir()) == [path]


def test_the_newest_key_is_the_last_line(path: Path) -> None:
    (first,) = keyfiles.create(path)
    keys = keyfiles.append(path)
    assert keyfiles.read_all(path) == keys
    assert keys[0] == first
    assert len(set(keys)) == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(KeyRefused):
        keyfiles.read(path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601, 0o610])
def test_a_key_that_others_may_touch_is_refused(path: Path, mode: int) -> None:
    keyfiles.create(path)
    path.chmod(mode)
    with pytest.raises(KeyRefused, match="group"):
        keyfiles.read(path)


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o720])
def test_a_key_in_a_folder_that_others_may_change_is_refused(path: Path, mode: int) -> None:
    keyfiles.create(path)
    path.parent.chmod(mode)
    with pytest.raises(KeyRefused, match="folder"):
        keyfiles.read(path)
    with pytest.raises(KeyRefused, match="folder"):
        keyfiles.create(path.with_name("other"))


def test_a_symbolic_link_to_a_key_is_refused(path: Path) -> None:
    keyfiles.create(path)
    link = path.with_name("link")
    link.symlink_to(path)
    with pytest.raises(KeyRefused):
        keyfiles.read(link)


def test_a_pipe_or_folder_in_place_of_a_key_is_refused_at_once(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    os.mkfifo(path, 0o600)
    with pytest.raises(KeyRefused):
        keyfiles.read(path)
    with pytest.raises(KeyRefused):
        keyfiles.read(path.parent)
    with pytest.raises(KeyRefused):
        keyfiles.read(path.with_name("missing"))


KEY = bytes.fromhex("9fff87e03287a9e79ee3433feb10df830af6c1cfec945239b9252cd0f11d55c4")  # test processes must agree


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        line(KEY[:31]),
        line(KEY + b"x"),
        line(bytes(32)),
        line(b"\xff" * 32),
        line(b"changeme" * 4),
        line(KEY) + b"\n",
        b" " + line(KEY),
        line(KEY)[:-1] + b"\r\n",
        line(KEY).replace(b"=", b""),
        KEY,
        KEY.hex().encode() + b"\n",
        line(KEY) + b"x",
        line(KEY) * 65,
        line(KEY) * 200,
        "ñ".encode(),
    ],
)
def test_a_weak_or_misshapen_key_is_refused(path: Path, content: bytes) -> None:
    keyfiles.create(path)
    path.write_bytes(content)
    with pytest.raises(KeyRefused):
        keyfiles.read(path)


def test_a_weak_key_is_not_written(path: Path) -> None:
    for weak in (bytes(32), b"short"):
        with pytest.raises(KeyRefused):
            keyfiles.create(path, [weak])
    assert not path.exists()


def test_no_message_holds_the_key(path: Path) -> None:
    keyfiles.create(path, [KEY])
    path.write_bytes(line(KEY)[:-2] + b"*\n")
    with pytest.raises(KeyRefused) as refused:
        keyfiles.read(path)
    assert line(KEY)[:10].decode() not in str(refused.value)


def test_a_foreign_key_is_noticed_by_opening_it(path: Path) -> None:
    assert not keyfiles.can_open(path)
    keyfiles.create(path)
    assert keyfiles.can_open(path)
    path.chmod(0o644)
    assert keyfiles.can_open(path), "unsafe permissions do not make a foreign key less open"


def test_a_foreign_key_is_noticed_anywhere_below_its_folder(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    assert not keyfiles.can_open(path.parent)
    assert not keyfiles.can_open(path.parent.parent)
    keyfiles.create(path)
    assert keyfiles.can_open(path.parent)
    assert keyfiles.can_open(path.parent.parent)


def test_a_destroyed_key_is_gone_and_its_bytes_were_overwritten(path: Path) -> None:
    keyfiles.create(path)
    with path.open("rb") as still_open:
        keyfiles.destroy(path)
        assert set(still_open.read()) == {0}
    assert not path.exists()
    keyfiles.destroy(path)


def test_destroying_does_not_follow_a_link(path: Path) -> None:
    (key,) = keyfiles.create(path)
    link = path.with_name("link")
    link.symlink_to(path)
    with pytest.raises(OSError):
        keyfiles.destroy(link)
    assert keyfiles.read(path) == key


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_somebody_else_cannot_open_a_private_key() -> None:
    program = (
        "import os, sys; from pathlib import Path; from storage.sealing import keyfiles;"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534); print(keyfiles.can_open(Path(sys.argv[1])))"
    )
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        path = Path(folder) / "name"
        keyfiles.create(path)
        done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a file away")
def test_a_key_that_belongs_to_somebody_else_is_refused(path: Path) -> None:
    keyfiles.create(path)
    os.chown(path, 65534, 65534)
    with pytest.raises(KeyRefused, match="somebody else"):
        keyfiles.read(path)
