"""The courier's task for CRM events, turned by hand; run as a program, in a process that a test may kill."""

import sys
from dataclasses import dataclass
from datetime import datetime, timedelta

from audit import Event
from notifications.crm.delivering import Tools, deliver
from notifications.crm.webhooks import Webhooks
from notifications.egress import Egress
from records.crm.deliveries import CrmDelivery, CrmTry, DeliveryState, sendable
from records.crm.subscribers import CrmSubscriber, SubscriberKind
from storage.database import Database, utcnow
from storage.due import Lease, lease
from tests.records.crm.company import BOX, Company

STAFF = "https://consola.example"


def tools_for(database: Database, *, timeout_s: float = 5.0) -> Tools:
    """What delivering needs, with the way to private addresses open: the receivers are on loopback."""
    ways = {SubscriberKind.WEBHOOK: Webhooks(Egress(private_allowed=True, timeout_s=timeout_s))}
    return Tools(database=database, box=BOX, ways=ways, staff_url=STAFF)


def leased(database: Database, *, now: datetime, limit: int = 8) -> list[Lease]:
    """Lease like the engine's poll."""
    with database.transaction() as session:
        return lease(session, CrmDelivery, now=now, limit=limit, only=sendable(now))


@dataclass(kw_only=True)
class Teller:
    """A company and the courier that tells its CRM."""

    company: Company
    tools: Tools

    def happens(self, count: int = 1) -> None:
        """Let the case be asked about once more, and derive."""
        for _ in range(count):
            self.company.happens(Event.CRM_REQUEST_CREATED, self.company.world.request.id)
        self.company.tell()

    def turn(self, *, after: timedelta = timedelta(0), rounds: int = 50) -> int:
        """Deliver what may be sent after a while, one poll after the other; return how many tries that were."""
        tries = 0
        for _ in range(rounds):
            held = leased(self.company.database, now=utcnow() + after)
            for each in held:
                deliver(self.tools, each)
            tries += len(held)
            if not held:
                break
        return tries

    def subscriber(self, subscriber_id: str) -> CrmSubscriber:
        """A subscriber as it is now."""
        with self.company.database.reading() as session:
            return session.get_one(CrmSubscriber, subscriber_id)

    def tries(self) -> list[CrmTry]:
        """The log, oldest first."""
        with self.company.database.reading() as session:
            return session.query(CrmTry).order_by(CrmTry.started_at, CrmTry.number).all()

    def states(self) -> list[DeliveryState]:
        """Of all deliveries, in the order of the trail."""
        return [DeliveryState(each.state) for each in self.company.deliveries()]


def main(database_url: str) -> None:
    """Deliver one."""
    database = Database(database_url)
    for held in leased(database, now=utcnow(), limit=1):
        deliver(tools_for(database, timeout_s=60), held)


if __name__ == "__main__":
    main(*sys.argv[1:])
