"""Fixtures of every test: databases on both engines and the real servers, each started once, when first asked for.

A missing server fails the test that needs it, in one line; nothing is skipped.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from storage.database import Database
from tests.services.clamd import Clamd, running_clamd
from tests.services.helpdesk import Helpdesk, running_helpdesk
from tests.services.models import load_models
from tests.services.postgres import Postgres, running_postgres
from tests.services.redis import Redis, running_redis
from tests.services.weed import Weed, running_weed

SERVICES = frozenset(
    {"postgres", "postgres_url", "postgres_database", "weed", "s3_bucket", "clamd", "redis", "helpdesk"}
)
ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.services)]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that asks for a server, so that `-m "not services"` leaves the fast ones."""
    for item in items:
        if isinstance(item, pytest.Function) and SERVICES.intersection(item.fixturenames):
            item.add_marker(pytest.mark.services)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The PostgreSQL cluster of this test process."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_url(postgres: Postgres) -> str:
    """The URL of the cluster's maintenance database, as superuser."""
    return postgres.url()


@pytest.fixture
def postgres_database(postgres: Postgres) -> Iterator[str]:
    """The URL of a fresh, empty PostgreSQL database, dropped after the test."""
    name = postgres.create()
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture(scope="session")
def postgres_template(postgres: Postgres) -> str:
    """The name of a PostgreSQL database with every table, to copy."""
    name = postgres.create()
    _create_tables(postgres.url(name))
    return name


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with every table, to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    _create_tables(f"sqlite:///{path}")
    return path


@pytest.fixture(params=ENGINES)
def engine_name(request: pytest.FixtureRequest) -> str:
    """Both engines in turn: "sqlite" and "postgresql"."""
    return str(request.param)


@pytest.fixture
def empty_database_url(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a fresh database without tables, on both engines in turn."""
    if engine_name == "sqlite":
        return f"sqlite:///{tmp_path / 'resguardo.db'}"
    return str(request.getfixturevalue("postgres_database"))


@pytest.fixture
def database_url(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a fresh database with every table, on both engines in turn."""
    if engine_name == "sqlite":
        path = tmp_path / "resguardo.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
    else:
        postgres: Postgres = request.getfixturevalue("postgres")
        name = postgres.create(template=request.getfixturevalue("postgres_template"))
        yield postgres.url(name)
        postgres.drop(name)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A fresh Database with every table, on both engines in turn."""
    database = Database(database_url)
    yield database
    database.dispose()


@pytest.fixture
def sqlite_database(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    """A fresh Database with every table, on SQLite only: for tests whose rules do not depend on the engine."""
    path = tmp_path / "resguardo.db"
    shutil.copyfile(sqlite_template, path)
    database = Database(f"sqlite:///{path}")
    yield database
    database.dispose()


@pytest.fixture(scope="session")
def weed() -> Iterator[Weed]:
    """The S3 server of this test process."""
    with running_weed() as server:
        yield server


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A fresh bucket and how to reach it."""

    name: str
    endpoint_url: str
    region: str
    access_key: str
    secret_key: str


@pytest.fixture
def s3_bucket(weed: Weed) -> Iterator[Bucket]:
    """A fresh, empty bucket on the real S3 server, removed after the test."""
    name = weed.create_bucket()
    yield Bucket(
        name=name,
        endpoint_url=weed.endpoint_url,
        region=weed.region,
        access_key=weed.access_key,
        secret_key=weed.secret_key,
    )
    weed.drop_bucket(name)


@pytest.fixture
def redis() -> Iterator[Redis]:
    """A Redis server of one test, which may end it."""
    with running_redis() as server:
        yield server


@pytest.fixture(scope="session")
def helpdesk_server() -> Iterator[Helpdesk]:
    """The ticket system of this test process."""
    with running_helpdesk() as server:
        yield server


@pytest.fixture
def helpdesk(helpdesk_server: Helpdesk) -> Helpdesk:
    """A ticket system of somebody else, empty."""
    helpdesk_server.empty()
    return helpdesk_server


@pytest.fixture(scope="session")
def clamd() -> Iterator[Clamd]:
    """The virus scanner of this test process."""
    with running_clamd() as server:
        yield server


def _create_tables(url: str) -> None:
    database = Database(url)
    load_models().metadata.create_all(database.engine)
    if database.is_sqlite:
        with database.engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.exec_driver_sql("BEGIN")
    database.dispose()
