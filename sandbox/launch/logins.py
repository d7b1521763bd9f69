"""On PostgreSQL every process signs in as itself: a login of its own that holds nothing but its process's group role.

The owner's password lies in `keys/owner`, which no process sees; each process's password in its own key folder.
"""

import secrets
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

from migrations.rights import RIGHTS, group
from sandbox.launch.layout import Layout
from sandbox.launch.site import Site

OWNER = "owner"


def without_password(layout: Layout, url: str) -> str:
    """Return a database URL with its password, if it has one, moved to the owner's password file."""
    parts = make_url(url)
    if parts.password is None:
        return url
    parts = parts._replace(password=None).update_query_dict({"passfile": str(layout.password_file(OWNER))})
    return parts.render_as_string(hide_password=False)


def keep_owners_password(layout: Layout, url: str | None) -> None:
    """Write the password of `url`, if it has one, where libpq looks for it."""
    password = make_url(url).password if url else None
    if password is not None:
        _write(layout.password_file(OWNER), str(password))


def make_logins(site: Site) -> None:
    """Give every process its login with a fresh password. Does nothing on SQLite; needs the migrated database."""
    if site.embedded:
        return
    engine = create_engine(site.database_url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            known = set(connection.execute(text("SELECT rolname FROM pg_roles")).scalars())
            for process in RIGHTS:
                login, password = site.login(process), secrets.token_hex(32)
                verb = "ALTER" if login in known else "CREATE"
                connection.execute(text(f"{verb} ROLE {login} LOGIN PASSWORD '{password}'"))
                connection.execute(text(f"GRANT {group(process)} TO {login}"))
                _write(site.layout.password_file(process), password)
    finally:
        engine.dispose()


def _write(path: Path, password: str) -> None:
    """Write a pgpass file, 0600: libpq ignores one that others may read."""
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    path.touch(mode=0o600)
    path.write_text(f"*:*:*:*:{escaped}\n", encoding="utf-8")
