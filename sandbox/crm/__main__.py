"""`python -m sandbox.crm --secret-file FILE --port N`: the CRM that is told by webhooks, on loopback only."""

import argparse
import signal
import sys
import threading
from pathlib import Path

from werkzeug.serving import WSGIRequestHandler, make_server

from sandbox import refuse_in_production
from sandbox.crm.receiver import create_app
from storage.sealing import keyfiles

HOST = "127.0.0.1"


class QuietHandler(WSGIRequestHandler):
    """Writes no access log."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM or Ctrl-C. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.crm", description=__doc__)
    parser.add_argument("--secret-file", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args(arguments)
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    app = create_app(keyfiles.read(options.secret_file))
    server = make_server(HOST, options.port, app, threaded=True, request_handler=QuietHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"CRM: http://{HOST}:{server.server_port}", flush=True)
    done.wait()
    server.shutdown()
    return 0


if __name__ == "__main__":
    refuse_in_production()
    sys.exit(main(sys.argv[1:]))
