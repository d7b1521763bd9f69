"""`whatsapp lint` tells, before anybody submits, what review would reject."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from notifications.whatsapp import authentication
from notifications.whatsapp.library import REQUEST
from notifications.whatsapp.templates import LIBRARY, find, unchecked_payload
from portal.cli.app import cli
from records.templates import MessageTemplate, TemplateStatus, TemplateWish
from storage.database import Database
from tests.portal.cli.conftest import Run

BASE = "https://docs.aurora.example/s/"
GOOD = unchecked_payload(find(REQUEST, "es_MX"), base_url=BASE)
BAD = GOOD | {"name": "Mi plantilla"}


def whatsapp(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["whatsapp", *map(str, arguments)])


def written(folder: Path, content: Any, name: str = "template.json") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return path


def test_the_library_has_nothing_to_complain_about(tmp_path: Path) -> None:
    bodies = [unchecked_payload(each, base_url=BASE) for each in LIBRARY] + authentication.payloads()
    assert whatsapp("lint", written(tmp_path, bodies)).output == ""
    printed = whatsapp("templates", "--public-url", "https://docs.aurora.example")
    told = whatsapp("lint", written(tmp_path, printed.stdout))
    assert (told.output, told.exit_code) == ("", 0)


def test_a_broken_rule_is_a_line_and_the_exit_code(tmp_path: Path) -> None:
    path = written(tmp_path, BAD)
    told = whatsapp("lint", path, "--language", "es")
    assert told.exit_code == 1
    assert f"{path}:1 Mi plantilla/es_MX error name name El nombre solo puede llevar" in told.output
    (line,) = whatsapp("templates", "lint", path, "--json").stdout.splitlines()
    assert json.loads(line) | {"words": ""} == {
        "file": f"{path}:1",
        "template": "Mi plantilla/es_MX",
        "level": "error",
        "place": "name",
        "code": "name",
        "words": "",
    }


def test_files_are_checked_beside_each_other(tmp_path: Path) -> None:
    told = whatsapp("lint", written(tmp_path, GOOD, "a.json"), written(tmp_path, [GOOD], "b.json"))
    assert told.exit_code == 1
    assert "b.json:1" in told.output
    assert "twice" in told.output


def test_what_is_no_template_is_named(tmp_path: Path) -> None:
    for content in ("hola\n", "[[]]", "\x00", "[" * 100_000):
        told = whatsapp("lint", written(tmp_path, content))
        assert (told.exit_code, "shape" in told.output) == (1, True)


def test_advice_is_no_failure(tmp_path: Path) -> None:
    calm, urgent = "tiene pasos pendientes", "tiene pasos urgentes"
    body = json.loads(json.dumps(GOOD, ensure_ascii=False).replace(calm, urgent))
    told = whatsapp("lint", written(tmp_path, body))
    assert (told.exit_code, "advice body alarming" in told.output) == (0, True)


def test_a_file_too_long_to_be_a_template_is_refused(tmp_path: Path) -> None:
    told = whatsapp("lint", written(tmp_path, " " * (4 * 1024 * 1024 + 1)))
    assert told.exit_code == 1
    assert "longer than" in told.output


def test_the_library_needs_the_address_of_the_portal() -> None:
    assert whatsapp("templates").exit_code == 2


@pytest.fixture
def aurora(run: Run, company: str, tmp_path: Path) -> str:
    """A company with a number."""
    for name in ("token", "secret"):
        (tmp_path / name).write_text(f"{name}-of-the-account")
        (tmp_path / name).chmod(0o600)
    files = ("--token-file", tmp_path / "token", "--app-secret-file", tmp_path / "secret")
    run("sender", "add", company, "--phone-number-id", "106", "--waba-id", "102", *files)
    return company


def test_the_library_is_registered_once_and_its_standing_told(run: Run, aurora: str, database: Database) -> None:
    told = run("whatsapp", "templates", "register", aurora, "--language", "es_CO", "--language", "en")
    assert told.output.startswith("10 to submit")
    assert run("whatsapp", "templates", "register", aurora, "--language", "en").output.startswith("0 to submit")
    with database.transaction() as session:
        row = session.scalars(select(MessageTemplate).filter_by(name=REQUEST, language="en")).one()
        row.status, row.category, row.wish, row.remote_id = TemplateStatus.APPROVED, "MARKETING", None, "1"
    standing = run("whatsapp", "templates", "status", aurora, "--json").stdout.splitlines()
    rows = {(told["name"], told["language"]): told for told in map(json.loads, standing)}
    assert len(rows) == 10
    assert rows[REQUEST, "en"]["status"] == "approved"
    assert rows[REQUEST, "en"]["alarms"] == "marketing"
    assert rows[REQUEST, "es_CO"]["status"] == "draft (submit wished)"
    assert "account 102 read never" in run("whatsapp", "templates", "status", aurora).stderr


def test_only_what_is_at_the_platform_is_deleted(run: Run, aurora: str, database: Database) -> None:
    run("whatsapp", "templates", "register", aurora, "--language", "en")
    run("whatsapp", "templates", "delete", aurora, REQUEST, "en", fails=1)
    run("whatsapp", "templates", "delete", aurora, REQUEST, "pt_BR", fails=1)
    with database.transaction() as session:
        session.scalars(select(MessageTemplate).filter_by(name=REQUEST)).one().remote_id = "1"
    run("whatsapp", "templates", "delete", aurora, REQUEST, "en")
    with database.reading() as session:
        assert session.scalars(select(MessageTemplate).filter_by(name=REQUEST)).one().wish == TemplateWish.DELETE


def test_a_company_without_a_number_registers_nothing(run: Run, company: str) -> None:
    assert "0 WhatsApp accounts" in run("whatsapp", "templates", "register", company, fails=1).output
    run("whatsapp", "templates", "register", company, "--waba-id", "999", fails=1)
