"""The two halves of taking webhooks in, each as a process that a test may kill: `receive URL PORT`, `work URL`."""

import sys
from datetime import timedelta

from werkzeug.serving import make_server

from notifications.inbound.taking_in import process
from portal.gateway.app import build
from records.messages import InboundEvent
from storage.database import Database, utcnow
from storage.due import lease
from tests.portal.gateway.company import BOX, PUBLIC_URL, SIGNER

LIFE = timedelta(seconds=1)


def receive(database: Database, port: int) -> None:
    """Serve the gateway until killed."""
    app = build(
        database,
        link_signer=SIGNER,
        box=BOX,
        public_url=PUBLIC_URL,
        api_url="http://api.localhost",
        staff_url="http://staff.localhost",
        secret_key=b"s" * 32,
    )
    make_server("127.0.0.1", port, app, threaded=True).serve_forever()


def work(database: Database) -> None:
    """Take in what is due until killed."""
    while True:
        with database.transaction() as session:
            leases = lease(session, InboundEvent, now=utcnow(), limit=5, life=LIFE)
        for held in leases:
            process(database, held)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["receive", url, port]:
            receive(Database(url), int(port))
        case ["work", url]:
            work(Database(url))
