"""A real PostgreSQL cluster for the test session; every test gets databases of its own."""

import os
import secrets
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from tests.services.processes import Server, free_port, required, server_directory

USER = "postgres"


def binaries() -> list[Path]:
    """Return the folders in which distributions keep PostgreSQL's programs, newest version first."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -int(path.parent.name))
    return [Path("/usr/lib/postgresql/15/bin"), *versions]


@dataclass(kw_only=True)
class Postgres:
    """A running cluster. `server` can be killed and started again to test what survives."""

    server: Server
    port: int
    password: str
    databases: int = field(default=0)

    def url(self, database: str = "postgres") -> str:
        """Return the SQLAlchemy URL of one database, as the superuser."""
        return f"postgresql+psycopg://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start the cluster, or start it again after a kill."""
        self.server.start(self._answers)

    def create(self, *, template: str | None = None) -> str:
        """Create a database, a copy of `template` when given, and return its name."""
        self.databases += 1
        name = f"test_{os.getpid()}_{self.databases}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        self._administer(statement.format(sql.Identifier(name), sql.Identifier(template or "template0")))
        return name

    def drop(self, name: str) -> None:
        """Drop a database, whoever is still connected."""
        self._administer(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _administer(self, statement: sql.Composed) -> None:
        with self._connect() as connection:
            connection.execute(statement)

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=USER,
            password=self.password,
            dbname="postgres",
            autocommit=True,
            connect_timeout=5,
        )

    def _answers(self) -> bool:
        try:
            with self._connect():
                return True
        except psycopg.OperationalError:
            return False


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Make and start a cluster, as the user postgres when the tests run as root. Only loopback, with a password.

    fsync is off: a killed server loses nothing by it, only a power cut would, and tests run several times faster.
    """
    initdb, program = required("initdb", *binaries()), required("postgres", *binaries())
    user = USER if os.geteuid() == 0 else None
    with server_directory("postgres") as directory:
        data, secret = directory / "data", directory / "password"
        password, port = secrets.token_hex(16), free_port()
        secret.write_text(password)
        secret.chmod(0o600)
        if user:
            for path in (directory, secret):
                _give(path, user)
        drop = [required("setpriv"), "--reuid", user, "--regid", user, "--clear-groups"] if user else []
        made = subprocess.run(
            [
                *drop,
                initdb,
                "-D",
                data,
                "-U",
                USER,
                "-A",
                "scram-sha-256",
                f"--pwfile={secret}",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
                "--no-instructions",
            ],
            cwd=directory,
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise RuntimeError(f"initdb failed: {made.stderr}")
        settings = {
            "port": port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
            "full_page_writes": "off",
            "max_connections": 200,
            "shared_buffers": "64MB",
            "autovacuum": "off",
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        server = Server(
            [program, "-D", data, *options],
            directory=directory,
            log=directory / "log",
            user=user,
            stop_signal=signal.SIGINT,
        )
        postgres = Postgres(server=server, port=port, password=password)
        try:
            postgres.start()
            yield postgres
        finally:
            server.stop()


def _give(path: Path, user: str) -> None:
    import pwd

    entry = pwd.getpwnam(user)
    os.chown(path, entry.pw_uid, entry.pw_gid)
