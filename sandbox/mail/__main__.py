"""`python -m sandbox.mail --smtp-port N --port M`: the inbox as a program, on loopback only."""

import argparse
import signal
import sys
import threading

from werkzeug.serving import WSGIRequestHandler, make_server

from sandbox import refuse_in_production
from sandbox.mail.app import create_app
from sandbox.mail.sink import Inbox, controller
from sandbox.sms.service import TOKEN, Phones

HOST = "127.0.0.1"


class QuietHandler(WSGIRequestHandler):
    """Writes no access log."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM or Ctrl-C. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.mail", description=__doc__)
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args(arguments)
    done, inbox, phones = threading.Event(), Inbox(), Phones(TOKEN)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    smtp = controller(inbox, HOST, options.smtp_port)
    smtp.start()
    server = make_server(HOST, options.port, create_app(inbox, phones), threaded=True, request_handler=QuietHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"Inbox: http://{HOST}:{server.server_port}", flush=True)
    done.wait()
    server.shutdown()
    smtp.stop()
    return 0


if __name__ == "__main__":
    refuse_in_production()
    sys.exit(main(sys.argv[1:]))
