"""`database migrate`: bring our tables and the job engines' tables up to what the code expects.

Rules: run it as the owner of the tables, before the processes of a new version start; running it twice changes nothing.
On PostgreSQL the migrations make a group role for each process, and each engine's schema is for its own role only.
"""

from pathlib import Path

import click
from alembic import command
from alembic.config import Config

from portal.cli.session import CommandRefused, Wiring, pass_wiring

ROOT = Path(__file__).resolve().parents[2]
JOBS = ("jobs_inspector", "jobs_courier", "jobs_custodian")


@click.group()
def database() -> None:
    """The database."""


@database.command("migrate")
@click.option(
    "--jobs",
    "jobs",
    multiple=True,
    metavar="SCHEMA=URL",
    help="Schema and database of a role's job engine; default on PostgreSQL: all three in the main database.",
)
@pass_wiring
def migrate(wiring: Wiring, jobs: tuple[str, ...]) -> None:
    """Migrate the main database (RESGUARDO_DATABASE_URL) and the job engines' schemas."""
    opened = wiring.database()
    url = opened.url.render_as_string(hide_password=False)
    if not jobs and opened.is_sqlite:
        raise CommandRefused("on SQLite each job engine has a file of its own: --jobs jobs_inspector=sqlite:////...")
    pairs = [tuple(each.partition("=")[::2]) for each in jobs] or [(schema, url) for schema in JOBS]
    if any(schema not in JOBS or not place for schema, place in pairs):
        raise CommandRefused(f"a schema is one of {', '.join(JOBS)}")
    from dbos import run_dbos_database_migrations  # it costs a second; other commands do without

    command.upgrade(Config(str(ROOT / "alembic.ini")), "head")
    for schema, place in pairs:
        role = None if place.startswith("sqlite") else schema.replace("jobs_", "resguardo_")
        run_dbos_database_migrations(place, schema=schema, application_role=role)
        click.echo(f"{schema} is up to date")
    click.echo("the main database is up to date")
