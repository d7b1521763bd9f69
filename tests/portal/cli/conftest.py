"""The command line as an operator has it: settings in the environment, key files on disk, a SQLite database."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from portal.cli.app import cli
from storage.database import Database

Run = Callable[..., Result]
BOXES = {"staff": "staff_box_key", "gateway": "gateway_box_key", "courier": "courier_box_key"}


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """The folder of the roles' key folders, made by the commands themselves."""
    folder = tmp_path / "keys"
    runner = CliRunner()
    for role in BOXES:
        made = runner.invoke(cli, ["keys", "new", str(folder / role), "--role", role])
        assert made.exit_code == 0, made.output
    return folder


@pytest.fixture
def run(sqlite_database: Database, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run one command with real settings; refusals are results, not exceptions."""
    for name in [name for name in os.environ if name.startswith(("RESGUARDO_", "SUDO_"))]:
        monkeypatch.delenv(name)
    settings = {
        "PROFILE": "sandbox",
        "DATABASE_URL": str(sqlite_database.url),
        "BLOBS": f"file://{tmp_path}/blobs",
        "FOREIGN_KEYS": str(tmp_path / "keys" / "custodian"),
        "PUBLIC_URL": "http://portal.localhost:15901",
        **{f"{name.upper()}_FILE": str(keys / role / name) for role, name in BOXES.items()},
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"RESGUARDO_{name}", value)

    def run(*words: object, given: str | None = None, fails: int = 0) -> Result:
        result = CliRunner().invoke(cli, [str(word) for word in words], input=given)
        assert result.exit_code == fails, (result.output, result.exception)
        return result

    return run


@pytest.fixture
def company(run: Run) -> str:
    """An organization with a team."""
    run("organization", "create", "aurora", "--name", "Financiera Aurora")
    run("team", "create", "aurora", "Crédito")
    return "aurora"


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    """The database that the commands write."""
    return sqlite_database
