"""The quick start of docs/api.md runs as it stands, with curl and with Python, against the gateway on a real port."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from storage.database import Database
from tests.portal.gateway.company import PUBLIC_URL, STAFF_URL, Gateway, a_gateway

QUICK_START = (
    (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text("utf-8").partition("## Quick start")[2]
)


def snippet(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", QUICK_START, re.DOTALL)
    assert found is not None
    return found.group(1)


@pytest.fixture
def served(sqlite_database: Database) -> Iterator[tuple[Gateway, str]]:
    """The gateway, and its address."""
    gateway = a_gateway(sqlite_database)
    server = make_server("127.0.0.1", 0, gateway.app, threaded=True)
    address = f"http://127.0.0.1:{server.port}"
    gateway.app.config["API_URL"] = address
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield gateway, address
    server.shutdown()
    thread.join()
    server.server_close()


def run(command: list[str], code: str, served: tuple[Gateway, str]) -> str:
    gateway, address = served
    done = subprocess.run(
        command,
        input=code.replace("https://api.example.com", address),
        env=os.environ | {"KEY": gateway.company.key, "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_quick_start_with_curl_runs_as_it_stands(served: tuple[Gateway, str]) -> None:
    told = run(["bash", "-eu"], snippet("sh"), served)
    assert '"key":"credito"' in told
    assert told.count('"external_ref":"CRM-4711"') == 2
    assert told.count('"status":"requested"') == 2
    assert '{"data":[],"next":null}' in told


def test_the_quick_start_with_python_runs_as_it_stands(served: tuple[Gateway, str]) -> None:
    told = run([sys.executable, "-"], snippet("python"), served)
    assert f"for the customer: {PUBLIC_URL}/s/" in told
    assert f"for the agent: {STAFF_URL}/cases/" in told
    assert "CRM-4712 requested 0 of 3 received" in told
