"""The strict SMS service of the sandbox, over real HTTP."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask import Flask
from werkzeug.serving import make_server

from sandbox.sms.service import Phones, service
from tests.notifications.courier import Quiet

HEADERS = {"Authorization": "Bearer {secret}"}
BODY = {"to": "{to}", "text": "{text}", "reference": "{reference}"}
KEY = "k-123"


@dataclass(frozen=True)
class Service:
    """What reached the phones, and where to send."""

    phones: Phones
    url: str


@contextmanager
def a_service() -> Iterator[Service]:
    """Serve until the test ends."""
    phones, app = Phones(KEY), Flask("phones")
    app.register_blueprint(service(phones))
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield Service(phones, f"http://127.0.0.1:{server.server_port}/sms/messages")
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
