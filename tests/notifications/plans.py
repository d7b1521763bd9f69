"""Builders for tests of reminders: Ana's request with its plan, and a courier on a travelled clock."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update

from audit import AuditEvent
from notifications.acknowledging import thank
from notifications.reminding import remind
from records.escalations import Escalation
from records.links import UploadLink, newest_link
from records.messages import Message, MessageState, Purpose, queue
from records.notices import ReceivedNotice
from records.reminders import ReminderPlan, start
from records.requests import DocumentRequest
from storage.database import Database
from storage.due import lease
from tests.records.case_of_ana import NOW, World, a_received_document, world_in

DAY = timedelta(days=1)


@dataclass
class Plan:
    """One request, asked for on Sunday 22 November 2026 at 09:00 in Mexico City."""

    database: Database
    world: World

    def turn(self, now: datetime, run=remind, model=ReminderPlan) -> int:
        """Let a courier do what is due at `now`; how many rows it took."""
        with self.database.transaction() as session:
            leases = lease(session, model, now=now, limit=5)
        for held in leases:
            run(self.database, held, now=now)
        return len(leases)

    def thank(self, now: datetime) -> int:
        """The same for the notice that something arrived."""
        return self.turn(now, thank, ReceivedNotice)

    def due(self, model=ReminderPlan) -> datetime | None:
        """When the courier looks next."""
        with self.database.reading() as session:
            return session.scalars(select(model.due_at)).one()

    def messages(self, purpose: Purpose | None = None) -> list[Message]:
        """What was queued, oldest first."""
        with self.database.reading() as session:
            found = session.scalars(select(Message).order_by(Message.created_at)).all()
            return [each for each in found if purpose is None or each.purpose == purpose]

    def reminders(self) -> list[datetime]:
        """When reminders were queued."""
        return [each.created_at for each in self.messages(Purpose.REMINDER)]

    def arrive(self) -> None:
        """Every message that is on the way reaches the phone."""
        with self.database.transaction() as session:
            session.execute(update(Message).values(state=MessageState.DELIVERED, due_at=None))

    def send(self, now: datetime, place: int = 0, *, filed: bool = True) -> None:
        """Ana sends a document, which passes inspection or is still under it."""
        with self.database.transaction() as session:
            slot = session.get_one(DocumentRequest, self.world.request.id).slots[place]
            a_received_document(session, slot, now)
            if filed:
                slot.filed(now)

    def change(self, **values: object) -> None:
        """Change the request."""
        with self.database.transaction() as session:
            session.execute(update(DocumentRequest).values(**values))

    def link(self) -> UploadLink:
        """The newest link."""
        with self.database.reading() as session:
            found = newest_link(session, self.world.request.id)
            assert found is not None
            return found

    def events(self, name: str) -> list[AuditEvent]:
        """What the trail says."""
        with self.database.reading() as session:
            return list(session.scalars(select(AuditEvent).where(AuditEvent.event == name).order_by(AuditEvent.at)))

    def calls(self) -> list[tuple[str, bool]]:
        """The calls for a person: reason, and whether they are open."""
        with self.database.reading() as session:
            found = session.scalars(select(Escalation).order_by(Escalation.raised_at))
            return [(each.reason, each.cleared_at is None) for each in found]


def a_plan(database: Database, *, asked: bool = True, **options: object) -> Plan:
    """Ana was asked, the message reached her, and the courier has seen the plan."""
    world = world_in(database, **options)
    with database.transaction() as session:
        request = session.get_one(DocumentRequest, world.request.id)
        start(session, request, now=NOW)
        if asked:
            link = newest_link(session, request.id)
            message = queue(session, request=request, link=link, purpose=Purpose.REQUEST, now=NOW)
            message.state, message.due_at = MessageState.DELIVERED, None
    plan = Plan(database, world)
    assert plan.turn(NOW) == 1
    return plan
