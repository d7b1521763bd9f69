"""A company whose trail is recorded, sealed and told: the tests of CRM events stand on it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select

from audit import Event, record
from audit.checkpoints import CheckpointSigner
from audit.sequencing import seal_pending
from portal.worker.telling import derive_events
from records.crm.deliveries import CrmDelivery
from records.crm.events import CrmEvent
from records.crm.subscribers import TABLE, CrmSubscriber, SubscriberKind
from storage.database import Database, new_id
from storage.sealing.box import Box
from tests.records.case_of_ana import NOW, World, world_in

SIGNER = CheckpointSigner("resguardo", bytes(range(32)))
BOX = Box([bytes(range(32, 64))])
SECRET = "whsec_" + "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"
OLD = "whsec_" + "b2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xk"


def boxed(row: str, secret: str, column: str = "secret_boxed") -> bytes:
    """A secret as the command line seals it."""
    return BOX.seal(secret.encode(), table=TABLE, row=row, column=column)


@dataclass(kw_only=True)
class Company:
    """One organization with Ana's case; what happens in it is recorded with `happens` and told with `tell`."""

    database: Database
    world: World
    now: datetime = field(default=NOW)

    def happens(self, event: Event, subject: str, *, actor: str = "actor", case: bool = True, **details: object) -> str:
        """Record one event, a second after the one before."""
        self.now += timedelta(seconds=1)
        with self.database.transaction() as session:
            return record(
                session,
                event,
                org_id=self.world.org.id,
                actor_id=actor,
                subject_id=subject,
                case_id=self.world.case.id if case else None,
                details=details,  # type: ignore[arg-type]
                now=self.now,
            ).id

    def seal(self) -> None:
        """What the custodian does."""
        with self.database.transaction() as session:
            seal_pending(session, SIGNER, self.now)

    def tell(self) -> None:
        """Seal, then what the courier's round does."""
        self.seal()
        derive_events(self.database, self.now)

    def events(self) -> list[CrmEvent]:
        """What was derived, in order."""
        with self.database.reading() as session:
            return list(session.scalars(select(CrmEvent).order_by(CrmEvent.org_id, CrmEvent.leaf)))

    def types(self) -> list[str]:
        """The types of what was derived."""
        return [event.type for event in self.events()]

    def deliveries(self, subscriber_id: str | None = None) -> list[CrmDelivery]:
        """What is to be sent, in the order of the trail."""
        wanted = select(CrmDelivery).join(CrmEvent).order_by(CrmEvent.leaf)
        if subscriber_id is not None:
            wanted = wanted.where(CrmDelivery.subscriber_id == subscriber_id)
        with self.database.reading() as session:
            return list(session.scalars(wanted))

    def subscribe(self, *types: str, url: str = "https://crm.example/hook", **changes: object) -> str:
        """Add an endpoint; return its id."""
        row = new_id()
        values: dict[str, object] = {
            "kind": SubscriberKind.WEBHOOK,
            "name": "CRM",
            "settings": {"url": url, "allow_private": True},
            "event_types": list(types),
            "secret_boxed": boxed(row, SECRET),
            "created_at": self.now,
        }
        with self.database.transaction() as session:
            session.add(CrmSubscriber(id=row, org_id=self.world.org.id, **(values | changes)))
        return row


def a_company(database: Database, **options: object) -> Company:
    """A committed company."""
    return Company(database=database, world=world_in(database, **options))
