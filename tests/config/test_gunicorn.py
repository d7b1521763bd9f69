"""gunicorn as we set it up: no access log, no control socket, and an error line without the token of the link."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.services.processes import free_port

REPOSITORY = Path(__file__).resolve().parents[2]
BROKEN = "def app(environ, start_response):\n    raise RuntimeError('row of Ana Torres')\n"


def test_a_request_that_fails_leaves_no_token_and_no_name_in_the_log(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(BROKEN)
    port, log = free_port(), tmp_path / "log"
    command = ["-m", "gunicorn", "-c", "python:config.gunicorn", "--bind", f"127.0.0.1:{port}", "broken:app"]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{REPOSITORY}:{tmp_path}", "HOME": str(tmp_path)}
    with log.open("wb") as out:
        server = subprocess.Popen([sys.executable, *command], cwd=tmp_path, env=environment, stdout=out, stderr=out)
    try:
        assert _status(f"http://127.0.0.1:{port}/s/kJ8dTokenOfAna") == 500
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(20)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    failed = next(line for line in lines if "exception" in line)
    assert failed["event"] == "Error handling request GET /s/[redacted]"
    assert failed["exception"]["type"] == "builtins.RuntimeError"
    assert "Ana" not in log.read_text()
    assert not list(tmp_path.rglob("*.ctl")), "a control socket"


def _status(url: str) -> int:
    deadline = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except OSError:
            assert time.monotonic() < deadline, "gunicorn does not answer"
            time.sleep(0.05)
