"""The courier's two tasks over a real simulator and a real webhook endpoint, turned by hand."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from werkzeug.serving import WSGIRequestHandler, make_server

from intake.codes import CodeMaker
from intake.links import LinkSigner
from notifications.delivery import deliver
from notifications.delivery.composing import Tools
from notifications.inbound.taking_in import process
from notifications.mail.client import Relay
from notifications.sms.client import SmsClient
from notifications.whatsapp.client import CloudApi
from records.messages import InboundEvent, Message, MessageAttempt
from records.senders import WhatsAppSender
from storage.database import Database, utcnow
from storage.due import Lease, lease
from storage.sealing.box import Box
from tests.portal.gateway.company import BOX, PUBLIC_URL, Gateway, a_body, a_gateway
from tests.sandbox.whatsapp.stage import SECRET, TOKEN, Stage, staged

COURIER_BOX = Box([bytes(range(32, 64))])
SIGNER = LinkSigner([b"l" * 32])
CODES = CodeMaker(b"c" * 32)


class Quiet(WSGIRequestHandler):
    """Says nothing."""

    def log(self, type: str, message: str, *args: object) -> None:
        """Say nothing."""


@dataclass(kw_only=True)
class Courier:
    """A courier with one company whose messages go to the simulator, which answers to the company's gateway."""

    database: Database
    gateway: Gateway
    stage: Stage
    tools: Tools

    def queue(self, **changes: object) -> str:
        """A CRM asks; return the id of the queued message."""
        body = a_body(external_ref=None) | changes
        made = self.gateway.ask(body, idempotency=f"k-{utcnow().timestamp()}")
        assert made.status_code == 201, made.get_data(as_text=True)
        return str(made.json["messages"][0]["id"])

    def leased(self, *, after: timedelta = timedelta(0)) -> list[Lease]:
        """Lease what is due after a while."""
        with self.database.transaction() as session:
            return lease(session, Message, now=utcnow() + after, limit=10)

    def turn(self, *, after: timedelta = timedelta(0)) -> int:
        """Deliver what is due after a while; return how many messages were worked on."""
        leases = self.leased(after=after)
        for held in leases:
            deliver(replace(self.tools, clock=lambda: utcnow() + after), held)
        return len(leases)

    def take_in(self) -> int:
        """Process the stored updates; return how many."""
        with self.database.transaction() as session:
            leases = lease(session, InboundEvent, now=utcnow(), limit=100)
        for held in leases:
            process(self.database, held)
        return len(leases)

    def message(self, message_id: str) -> Message:
        """The row."""
        with self.database.reading() as session:
            return session.get_one(Message, message_id)

    def attempts(self, message_id: str) -> list[MessageAttempt]:
        """Its attempts, in order."""
        with self.database.reading() as session:
            wanted = select(MessageAttempt).where(MessageAttempt.message_id == message_id)
            return list(session.scalars(wanted.order_by(MessageAttempt.number)))

    def change(self, model: type, row_id: str, **values: object) -> None:
        """Change a row from outside."""
        with self.database.transaction() as session:
            session.execute(update(model).where(model.id == row_id).values(**values))

    def on_the_phone(self) -> list[dict]:
        """What reached the platform."""
        return [each for each in self.stage.sim("state")["messages"] if each.get("opaque")]

    def fault(self, preset: str, **more: object) -> None:
        """Let the next sending meet a fault."""
        self.stage.sim("faults", {"target": "messages", "preset": preset, "next": 1, **more})

    def lease_end(self, message_id: str) -> datetime | None:
        """When the row's lease ends."""
        return self.message(message_id).lease_until


def tools_for(database: Database, api: CloudApi, relay: Relay | None = None) -> Tools:
    """What delivery needs."""
    return Tools(
        database=database,
        api=api,
        box=COURIER_BOX,
        token=SIGNER.token,
        code=CODES.code,
        relay=relay,
        sms=SmsClient(timeout=2),
        public_url=PUBLIC_URL,
    )


@contextmanager
def a_courier(database: Database, **changes: Any) -> Iterator[Courier]:
    """Raise company, gateway and simulator, whose settings may be changed."""
    gateway = a_gateway(database)
    server = make_server("127.0.0.1", 0, gateway.app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    sender_id = gateway.company.sender_id
    url = f"http://127.0.0.1:{server.server_port}/webhooks/whatsapp/{sender_id}"
    try:
        with staged(webhook_url=url, **changes) as stage:
            with database.transaction() as session:
                row = session.get_one(WhatsAppSender, sender_id)
                row.phone_number_id = stage.settings.phone_number_id
                row.waba_id = stage.settings.waba_id
                where = {"table": "whatsapp_senders", "row": sender_id}
                row.token_boxed = COURIER_BOX.seal(TOKEN.encode(), column="token_boxed", **where)
                row.app_secret_boxed = BOX.seal(SECRET.encode(), column="app_secret_boxed", **where)
            yield Courier(database=database, gateway=gateway, stage=stage, tools=tools_for(database, stage.api))
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def main(database_url: str, graph: str) -> None:
    """Deliver what is due, in a process of its own that a test may kill."""
    database = Database(database_url)
    with database.transaction() as session:
        leases = lease(session, Message, now=utcnow(), limit=10)
    with CloudApi(graph, read_timeout=60) as api:
        for held in leases:
            deliver(tools_for(database, api), held)


if __name__ == "__main__":
    main(*sys.argv[1:])
