"""`database migrate` makes an empty database one that the processes can use, twice in a row."""

from click.testing import CliRunner
from sqlalchemy import URL, inspect, make_url

from portal.cli.app import cli
from storage.database import Database
from tests.services.models import load_models


def without_password(url, passfile):
    """Return the URL as settings take it: a PostgreSQL password lies in a file."""
    made = make_url(url)
    if made.password is None:
        return url
    passfile.write_text(f"*:*:*:*:{made.password}\n")
    passfile.chmod(0o600)
    bare = URL.create(made.drivername, made.username, None, made.host, made.port, made.database)
    return bare.update_query_dict({"passfile": str(passfile)}).render_as_string()


def test_an_empty_database_gets_every_table(empty_database_url, engine_name, tmp_path, monkeypatch):
    settings = {
        "PROFILE": "sandbox",
        "DATABASE_URL": without_password(empty_database_url, tmp_path / "pgpass"),
        "BLOBS": f"file://{tmp_path}/blobs",
        "FOREIGN_KEYS": "/nowhere",
        "PUBLIC_URL": "http://portal.localhost",
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"RESGUARDO_{name}", value)
    jobs = ["--jobs", f"jobs_courier=sqlite:///{tmp_path}/jobs.db"] if engine_name == "sqlite" else []
    for _ in range(2):
        result = CliRunner().invoke(cli, ["database", "migrate", *jobs])
        assert result.exit_code == 0, (result.output, result.exception)
    founded = CliRunner().invoke(cli, ["organization", "create", "aurora", "--name", "Financiera Aurora"])
    assert founded.exit_code == 0, (founded.output, founded.exception)
    database = Database(empty_database_url)
    tables = inspect(database.engine)
    assert set(load_models().metadata.tables) <= set(tables.get_table_names())
    if engine_name == "postgresql":
        assert {"jobs_inspector", "jobs_courier", "jobs_custodian"} <= set(tables.get_schema_names())
    database.dispose()


def test_on_sqlite_the_files_of_the_job_engines_must_be_named(run):
    assert "--jobs" in run("database", "migrate", fails=1).output
