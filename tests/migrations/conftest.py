"""Databases made by the migrations themselves, as a deployment makes them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import make_url

from migrations import rights
from storage.database import Database
from tests.services.postgres import Postgres
from tests.services.processes import ROOT

Alembic = Callable[..., None]
As = Callable[[str], Database]


def run_alembic(monkeypatch: pytest.MonkeyPatch, url: str, name: str, *arguments: str) -> None:
    """Run one command of Alembic on a database."""
    monkeypatch.setenv("RESGUARDO_DATABASE_URL", url)
    getattr(command, name)(Config(ROOT / "alembic.ini"), *arguments)


@pytest.fixture
def alembic(empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> Alembic:
    """`alembic("upgrade", "head")` on an empty database, on both engines in turn."""
    return lambda name, *arguments: run_alembic(monkeypatch, empty_database_url, name, *arguments)


@pytest.fixture(scope="session")
def migrated_template(postgres: Postgres) -> str:
    """The name of a PostgreSQL database that the migrations made, to copy."""
    name = postgres.create()
    with pytest.MonkeyPatch.context() as monkeypatch:
        run_alembic(monkeypatch, postgres.url(name), "upgrade", "head")
    return name


@pytest.fixture
def migrated_url(postgres: Postgres, migrated_template: str) -> Iterator[str]:
    """The URL of a fresh migrated PostgreSQL database, as its owner."""
    name = postgres.create(template=migrated_template)
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture
def migrated_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a fresh migrated SQLite database."""
    url = f"sqlite:///{tmp_path / 'migrated.db'}"
    run_alembic(monkeypatch, url, "upgrade", "head")
    return url


@pytest.fixture
def owner(migrated_url: str) -> Iterator[Database]:
    database = Database(migrated_url)
    yield database
    database.dispose()


@pytest.fixture
def acting_as(migrated_url: str) -> Iterator[As]:
    """The same database as one process."""
    made: list[Database] = []

    def connect(process: str) -> Database:
        url = make_url(migrated_url).update_query_dict({"options": f"-c role={rights.group(process)}"})
        made.append(Database(url.render_as_string(hide_password=False)))
        return made[-1]

    yield connect
    for database in made:
        database.dispose()
