"""Bring the databases up to date, once a change: our tables by Alembic, the job engine's by its own migration."""

import hashlib
import importlib
import os
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from intake.inspection.spool import UnsafeSpool
from sandbox.clamav import daemon
from sandbox.launch.errors import LaunchRefused
from sandbox.launch.layout import REPOSITORY, Layout
from sandbox.launch.leftovers import MARK
from sandbox.launch.site import Site

PASSWORD_FILE = "pgpass"  # noqa: S105 (a file name)
ENGINE_MIGRATION = """
import sys
from dbos import run_dbos_database_migrations
for pair in sys.argv[1:]:
    schema, _, url = pair.partition("=")
    run_dbos_database_migrations(url, schema=schema)
"""


def prepare(site: Site) -> None:
    """Bring everything up to what the code expects. Raises LaunchRefused."""
    migrate(site.layout, site.database_url)
    migrate_jobs(site.layout, site.jobs_databases())
    write_clamd_configuration(site)


def without_password(layout: Layout, url: str) -> str:
    """Return a database URL with its password, if it has one, moved to the installation's password file."""
    parts = make_url(url)
    if parts.password is None:
        return url
    parts = parts._replace(password=None).update_query_dict({"passfile": str(layout.root / PASSWORD_FILE)})
    return parts.render_as_string(hide_password=False)


def write_password_file(layout: Layout, url: str | None) -> None:
    """Write the password of `url`, if it has one, where libpq looks for it (pgpass, 0600)."""
    password = make_url(url).password if url else None
    if password is not None:
        escaped = str(password).replace("\\", "\\\\").replace(":", "\\:")
        path = layout.root / PASSWORD_FILE
        path.touch(mode=0o600)
        path.write_text(f"*:*:*:*:{escaped}\n", encoding="utf-8")


def load_demo(site: Site) -> Mapping[str, Any]:
    """Load the demo company unless it is there. Return what the newcomer is told: logins, API key."""
    try:
        demo = importlib.import_module("sandbox.demo")
    except ModuleNotFoundError:
        return {}
    loaded: Mapping[str, Any] = demo.load(site)
    return loaded


def write_clamd_configuration(site: Site) -> None:
    """Write clamd.conf and our own signatures."""
    layout = site.layout
    try:
        daemon.prepare(layout.run / "clamd", socket=layout.sockets / "clamd.sock", spool=layout.spool)
    except UnsafeSpool as error:
        raise LaunchRefused(f"{error}: ClamAV needs that much memory for what it unpacks") from None


def migrate(layout: Layout, database_url: str) -> None:
    """Run `alembic upgrade head`. Raises LaunchRefused with the last line of its complaint."""
    _run("the database", [sys.executable, "-m", "alembic", "upgrade", "head"], layout, {"DATABASE_URL": database_url})


def migrate_jobs(layout: Layout, databases: Mapping[str, str]) -> None:
    """Bring the job engine's tables up to date: schema -> database URL. Skipped while nothing changed."""
    stamp = layout.data / ".jobs-migrated"
    state = hashlib.sha256(f"{sorted(databases.items())} {version('dbos')}".encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == state and _files_exist(databases):
        return
    pairs = [f"{schema}={url}" for schema, url in databases.items()]
    _run("the job engine's database", [sys.executable, "-c", ENGINE_MIGRATION, *pairs], layout, {})
    stamp.write_text(state)


def _files_exist(databases: Mapping[str, str]) -> bool:
    files = [Path(url.removeprefix("sqlite:///")) for url in databases.values() if url.startswith("sqlite:///")]
    return all(file.exists() for file in files)


def _run(what: str, command: list[str], layout: Layout, settings: Mapping[str, str]) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RESGUARDO_")}
    environment |= {f"RESGUARDO_{name}": value for name, value in settings.items()} | {MARK: str(layout.root)}
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False, umask=0o077
    )
    (layout.log / "migrate.log").write_text(done.stdout + done.stderr)
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise LaunchRefused(f"{what} could not be migrated: {''.join(last)} (all of it: {layout.log}/migrate.log)")
