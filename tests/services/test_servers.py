"""The servers of the test session are real and give each test its own place."""

import socket

import psycopg
import pytest
from sqlalchemy import inspect

from storage.database import Database
from tests.services import clamd as clamd_module
from tests.services.clamd import Clamd
from tests.services.processes import required


def scan(clamd: Clamd, content: bytes) -> str:
    """Send one stream to the daemon and return its answer."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(clamd.socket))
        connection.sendall(b"zINSTREAM\0" + len(content).to_bytes(4, "big") + content + bytes(4))
        return connection.recv(4096).decode()


def test_clamd_knows_eicar_and_the_marker_and_nothing_else(clamd: Clamd) -> None:
    assert scan(clamd, clamd_module.EICAR) == f"stream: {clamd_module.EICAR_NAME} FOUND\0"
    assert scan(clamd, b"photo" + clamd_module.MARKER) == f"stream: {clamd_module.MARKER_NAME} FOUND\0"
    assert scan(clamd, b"photo") == "stream: OK\0"


def test_postgres_gives_each_test_an_empty_database(postgres_database: str) -> None:
    with psycopg.connect(postgres_database.replace("+psycopg", "")) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert tables == (0,)


def test_a_database_has_every_table(database: Database) -> None:
    from tests.services.models import load_models

    assert set(inspect(database.engine).get_table_names()) == set(load_models().metadata.tables)


def test_a_missing_program_fails_in_one_line_that_says_what_to_do() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"^no-such-server is not installed: run `make test`"):
        required("no-such-server")
