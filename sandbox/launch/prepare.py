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

from intake.inspection.spool import UnsafeSpool
from sandbox.clamav import daemon
from sandbox.launch.errors import LaunchRefused
from sandbox.launch.layout import REPOSITORY, Layout
from sandbox.launch.leftovers import MARK
from sandbox.launch.logins import make_logins
from sandbox.launch.site import Site

ENGINE_MIGRATION = """
import sys
from dbos import run_dbos_database_migrations
for pair in sys.argv[1:]:
    schema, _, url = pair.partition("=")
    role = schema.replace("jobs_", "resguardo_") if url.startswith("postgresql") else None
    run_dbos_database_migrations(url, schema=schema, application_role=role)
"""


def prepare(site: Site) -> None:
    """Bring everything up to what the code expects. Raises LaunchRefused."""
    migrate(site.layout, site.database_url)
    migrate_jobs(site.layout, site.jobs_databases())
    make_logins(site)
    write_clamd_configuration(site)


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
        daemon.prepare(layout.run / "clamd", socket=layout.scanner / "clamd.sock", spool=layout.spool)
    except UnsafeSpool as error:
        raise LaunchRefused(f"{error}: ClamAV needs that much memory for what it unpacks") from None


def migrate(layout: Layout, database_url: str) -> None:
    """Run `alembic upgrade head`. Raises LaunchRefused with the last line of its complaint."""
    _run("the database", [sys.executable, "-m", "alembic", "upgrade", "head"], layout, {"DATABASE_URL": database_url})


def migrate_jobs(layout: Layout, databases: Mapping[str, str]) -> None:
    """Bring the job engine's tables up to date: schema -> database URL. Skipped while nothing changed."""
    for schema in databases:
        (layout.jobs / schema.removeprefix("jobs_")).mkdir(mode=0o700, exist_ok=True)
    stamp = layout.jobs / ".migrated"
    state = hashlib.sha256(f"{sorted(databases.items())} {version('dbos')} {ENGINE_MIGRATION}".encode()).hexdigest()
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
