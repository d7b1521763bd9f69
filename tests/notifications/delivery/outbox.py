"""Ana's message in the outbox of a company with one number, for rules that need no channel."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import AuditEvent
from notifications.delivery.failing import undelivered
from notifications.delivery.routing import Hold, Route, route
from notifications.whatsapp.errors import ApiError
from notifications.whatsapp.library import REQUEST
from records.alarms import Alarm
from records.breakers import Breaker
from records.links import newest_link
from records.messages import Message, MessageAttempt, MessageState, Purpose, queue
from records.senders import WhatsAppSender
from storage.database import Database
from tests.records.case_of_ana import NOW, World, a_world

WABA = "102290129340398"


@dataclass(kw_only=True)
class Outbox:
    """One transaction over the rows that delivery changes."""

    session: Session
    world: World
    sender: WhatsAppSender
    now: datetime = NOW

    def with_mail(self) -> None:
        """Let mail be a way too."""
        self.world.org.mail_from = "avisos@credito.example"
        self.world.request.party.email = "ana@example.com"
        self.session.flush()

    def another_number(self, *, team: str | None = None, priority: int = 100, waba: str = "20002") -> WhatsAppSender:
        """One more number of the company, on an account of its own."""
        sender = a_sender(self.world.org.id, number=f"number-{priority}-{team}-{waba}", waba=waba)
        sender.team_id = self.world.teams[team].id if team else None
        sender.priority = priority
        self.session.add(sender)
        self.session.flush()
        return sender

    def queued(self) -> Message:
        """A message that waits for its first attempt."""
        link = newest_link(self.session, self.world.request.id)
        assert link is not None
        return queue(self.session, request=self.world.request, link=link, purpose=Purpose.REQUEST, now=self.now)

    def accepted(self) -> tuple[Message, MessageAttempt]:
        """A message that the platform took."""
        message = self.queued()
        return message, self.attempted(message)

    def attempted(self, message: Message, *, number: int = 1) -> MessageAttempt:
        """Let a message be taken by the platform once more."""
        message.state, message.due_at = MessageState.ACCEPTED, None
        found = self.way(message)
        assert isinstance(found, Route), found
        attempt = MessageAttempt(
            message_id=message.id,
            number=number,
            started_at=self.now,
            channel=message.channel,
            sender_id=found.sender.id,
            template=f"{found.template}/{found.language}",
            outcome="accepted",
        )
        self.session.add(attempt)
        self.session.flush()
        return attempt

    def refused(self, message: Message, attempt: MessageAttempt, code: int, **error: object) -> None:
        """Let the platform refuse it."""
        undelivered(self.session, message, ApiError(code=code, **error), self.now, attempt=attempt)
        self.session.flush()

    def way(self, message: Message, *, after: timedelta = timedelta(0)) -> Route | Hold | None:
        """What would carry a message after a while."""
        return route(self.session, message, REQUEST, self.now + after)

    def breakers(self) -> list[tuple[str, str, timedelta | None]]:
        """Scope, reason and length of what is stopped now."""
        found = self.session.scalars(select(Breaker).order_by(Breaker.reason))
        return [
            (each.scope, each.reason, each.until - self.now if each.until else None)
            for each in found
            if each.is_open(self.now)
        ]

    def alarms(self) -> list[tuple[str, str]]:
        """Kind and code of what a person has to look at."""
        return [(each.kind, each.code) for each in self.session.scalars(select(Alarm).where(Alarm.closed_at.is_(None)))]

    def events(self) -> list[str]:
        """What the trail says."""
        return [str(each) for each in self.session.scalars(select(AuditEvent.event).order_by(AuditEvent.at))]


def a_sender(org_id: str, *, number: str = "106540352242922", waba: str = WABA) -> WhatsAppSender:
    """A number with secrets that nothing opens."""
    return WhatsAppSender(
        org_id=org_id,
        phone_number_id=number,
        waba_id=waba,
        token_boxed=b"boxed",
        app_secret_boxed=b"boxed",
        verify_token_sha256="0" * 64,
    )


@contextmanager
def an_outbox(database: Database) -> Iterator[Outbox]:
    """A company, Ana and a number, in a transaction that the test shares."""
    with database.transaction() as session:
        world = a_world(session)
        sender = a_sender(world.org.id)
        session.add(sender)
        session.flush()
        yield Outbox(session=session, world=world, sender=sender)
