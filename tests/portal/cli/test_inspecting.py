"""`inspect` runs the real chain over local files and says what it concluded."""

import json
import os

from click.testing import CliRunner

from portal.cli.app import cli
from tests.intake.inspection.documents import a_jpeg, a_pdf
from tests.services.clamd import EICAR, EICAR_NAME


def inspect(socket, *files, fails=0):
    result = CliRunner().invoke(cli, ["inspect", *map(str, files), "--clamd-socket", str(socket), "--json"])
    assert result.exit_code == fails, result.output
    return {line["path"]: line for line in map(json.loads, result.stdout.splitlines())}


def test_every_file_gets_its_verdict_and_the_status_is_zero(clamd, tmp_path):
    contents = {"photo.jpg": a_jpeg(), "paper.pdf": a_pdf(3), "virus.pdf": EICAR, "empty.jpg": b"", "text.txt": b"hi"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    told = {name: inspect(clamd.socket, tmp_path / name)[str(tmp_path / name)] for name in contents}
    assert {name: line["finding"] for name, line in told.items()} == {
        "photo.jpg": "clean",
        "paper.pdf": "clean",
        "virus.pdf": "infected",
        "empty.jpg": "damaged",
        "text.txt": "wrong_type",
    }
    assert told["virus.pdf"]["threat"] == EICAR_NAME
    assert (told["paper.pdf"]["mime"], told["paper.pdf"]["pages"]) == ("application/pdf", 3)
    for line in told.values():
        assert list(line) == ["path", "verdict", "finding", "reason", "threat", "mime", "pages", "ms"]


def test_without_clamd_there_is_no_verdict_and_the_status_is_two(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(a_jpeg())
    (line,) = inspect(tmp_path / "nowhere.sock", tmp_path / "photo.jpg", fails=2).values()
    assert (line["verdict"], line["finding"], line["reason"]) == ("none", None, "scanner_unavailable")


def test_what_is_no_file_that_can_be_read_has_no_verdict_and_the_others_still_get_theirs(clamd, tmp_path):
    (tmp_path / "photo.jpg").write_bytes(a_jpeg())
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "dangling.jpg").symlink_to(tmp_path / "gone")
    names = ("gone.jpg", "pipe.jpg", "dangling.jpg", "", "photo.jpg")
    lines = list(inspect(clamd.socket, *(tmp_path / name for name in names), fails=2).values())
    assert [(line["finding"], line["reason"]) for line in lines] == [(None, "unreadable")] * 4 + [("clean", "examined")]
    assert all(list(line)[-1] == "ms" for line in lines)


def test_a_name_with_control_signs_stays_on_its_line(clamd, tmp_path):
    path = tmp_path / "ine\u202efdp\r\n.jpg"
    path.write_bytes(a_jpeg())
    assert list(inspect(clamd.socket, path)) == [str(path)]
