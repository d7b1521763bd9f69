"""`whatsapp lint` tells, before anybody submits, what review would reject."""

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from notifications.whatsapp import authentication
from notifications.whatsapp.library import REQUEST
from notifications.whatsapp.templates import LIBRARY, find, unchecked_payload
from portal.cli.app import cli

BASE = "https://docs.aurora.example/s/"
GOOD = unchecked_payload(find(REQUEST, "es_MX"), base_url=BASE)
BAD = GOOD | {"name": "Mi plantilla"}


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["whatsapp", *map(str, arguments)])


def written(folder: Path, content: Any, name: str = "template.json") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return path


def test_the_library_has_nothing_to_complain_about(tmp_path: Path) -> None:
    bodies = [unchecked_payload(each, base_url=BASE) for each in LIBRARY] + authentication.payloads()
    assert run("lint", written(tmp_path, bodies)).output == ""
    printed = run("templates", "--public-url", "https://docs.aurora.example")
    told = run("lint", written(tmp_path, printed.stdout))
    assert (told.output, told.exit_code) == ("", 0)


def test_a_broken_rule_is_a_line_and_the_exit_code(tmp_path: Path) -> None:
    path = written(tmp_path, BAD)
    told = run("lint", path, "--language", "es")
    assert told.exit_code == 1
    assert f"{path}:1 Mi plantilla/es_MX error name name El nombre solo puede llevar" in told.output
    (line,) = run("templates", "lint", path, "--json").stdout.splitlines()
    assert json.loads(line) | {"words": ""} == {
        "file": f"{path}:1",
        "template": "Mi plantilla/es_MX",
        "level": "error",
        "place": "name",
        "code": "name",
        "words": "",
    }


def test_files_are_checked_beside_each_other(tmp_path: Path) -> None:
    told = run("lint", written(tmp_path, GOOD, "a.json"), written(tmp_path, [GOOD], "b.json"))
    assert told.exit_code == 1
    assert "b.json:1" in told.output
    assert "twice" in told.output


def test_what_is_no_template_is_named(tmp_path: Path) -> None:
    for content in ("hola\n", "[[]]", "\x00", "[" * 100_000):
        told = run("lint", written(tmp_path, content))
        assert (told.exit_code, "shape" in told.output) == (1, True)


def test_advice_is_no_failure(tmp_path: Path) -> None:
    calm, urgent = "tiene pasos pendientes", "tiene pasos urgentes"
    body = json.loads(json.dumps(GOOD, ensure_ascii=False).replace(calm, urgent))
    told = run("lint", written(tmp_path, body))
    assert (told.exit_code, "advice body alarming" in told.output) == (0, True)


def test_a_file_too_long_to_be_a_template_is_refused(tmp_path: Path) -> None:
    told = run("lint", written(tmp_path, " " * (4 * 1024 * 1024 + 1)))
    assert told.exit_code == 1
    assert "longer than" in told.output


def test_the_library_needs_the_address_of_the_portal() -> None:
    assert run("templates").exit_code == 2
