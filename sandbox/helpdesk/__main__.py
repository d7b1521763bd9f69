"""`.venv-helpdesk/bin/python -m sandbox.helpdesk --dir FOLDER --port PORT`: the ticket system, on loopback.

It makes its database, one queue and one agent (`agente`, password in FOLDER/password) at the first start.
"""

import argparse
import os
import secrets
import sys
from pathlib import Path

from sandbox import refuse_in_production

AGENT = "agente"
QUEUE = "Expedientes"


def main(arguments: list[str]) -> int:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.helpdesk", description=__doc__)
    parser.add_argument("--dir", type=Path, required=True, help="where it keeps its database and the agent's password")
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args(arguments)
    folder = options.dir.resolve()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ["HELPDESK_DIR"] = str(folder)
    os.environ["DJANGO_SETTINGS_MODULE"] = "sandbox.helpdesk.settings"
    _prepare(folder)
    _serve(options.port)
    return 0


def _prepare(folder: Path) -> None:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    from django.contrib.auth import get_user_model
    from helpdesk.models import Queue

    password = folder / "password"
    if not password.exists():
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(24), encoding="ascii")
    users = get_user_model()
    if not users.objects.filter(username=AGENT).exists():
        users.objects.create_superuser(AGENT, password=password.read_text("ascii"))
    Queue.objects.get_or_create(slug="expedientes", defaults={"title": QUEUE})


def _serve(port: int) -> None:
    from django.contrib.staticfiles.handlers import StaticFilesHandler
    from django.core.servers.basehttp import run
    from django.core.wsgi import get_wsgi_application

    print(f"django-helpdesk: http://127.0.0.1:{port}/ ({AGENT}, password in the file)", flush=True)
    run("127.0.0.1", port, StaticFilesHandler(get_wsgi_application()), threading=True)


if __name__ == "__main__":
    refuse_in_production()
    sys.exit(main(sys.argv[1:]))
