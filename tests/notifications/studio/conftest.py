"""A courier whose WhatsApp account has no templates yet, with the studio's tasks turned by hand."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from audit import Event
from audit.events import ActorKind
from audit.trail import AuditEvent
from notifications.studio.submitting import submit
from notifications.studio.syncing import sync
from notifications.studio.tools import Tools
from notifications.studio.writing import wordings
from notifications.whatsapp import library
from records.studio import Author, open_account, register
from records.templates import MessageTemplate, TemplateAccount
from storage.database import Database, utcnow
from storage.due import lease
from tests.notifications.courier import COURIER_BOX, Courier, a_courier
from tests.portal.gateway.company import PUBLIC_URL

SAUL = Author(kind=ActorKind.STAFF, id="5a" * 16)


@dataclass(kw_only=True)
class Studio:
    """The courier's studio of one company."""

    courier: Courier
    tools: Tools

    @property
    def database(self) -> Database:
        return self.courier.database

    @property
    def org_id(self) -> str:
        return self.courier.gateway.company.org_id

    @property
    def waba_id(self) -> str:
        return self.courier.stage.settings.waba_id

    def open(self) -> None:
        """Saúl opens the account for the studio."""
        with self.database.transaction() as session:
            open_account(session, SAUL, self.org_id, self.waba_id, now=utcnow())

    def register(self, *languages: str) -> int:
        """Saúl registers the library."""
        with self.database.transaction() as session:
            account = session.scalars(select(TemplateAccount)).one()
            return register(session, SAUL, account, wordings(languages), now=utcnow())

    def turn(self, *, after: timedelta = timedelta(0)) -> int:
        """Carry out what is wished for; return how many rows were worked on."""
        return self._turn(MessageTemplate, submit, after)

    def sync(self, *, after: timedelta = timedelta(0)) -> int:
        """Read the lists that are due."""
        return self._turn(TemplateAccount, sync, after)

    def _turn(self, model: Any, work: Any, after: timedelta) -> int:
        now = utcnow() + after
        with self.database.transaction() as session:
            leases = lease(session, model, now=now, limit=100)
        for held in leases:
            work(self.tools, held)
        return len(leases)

    def account(self) -> TemplateAccount:
        with self.database.reading() as session:
            return session.scalars(select(TemplateAccount)).one()

    def template(self, name: str = library.REQUEST, language: str = "es_MX") -> MessageTemplate:
        with self.database.reading() as session:
            found = session.scalars(select(MessageTemplate).filter_by(name=name, language=language)).one()
            _ = found.account
            return found

    def templates(self) -> list[MessageTemplate]:
        with self.database.reading() as session:
            return list(session.scalars(select(MessageTemplate).order_by(MessageTemplate.name)))

    def review(self, name: str = library.REQUEST, language: str = "es_MX", **body: Any) -> None:
        """Play the reviewer, and take in what its webhook says."""
        self.courier.stage.sim(f"templates/{self.template(name, language).remote_id}", body)
        self.take_in()

    def take_in(self) -> None:
        """Let the platform's webhooks arrive and have their effect."""
        self.courier.stage.sim("flush", {})
        self.courier.take_in()

    def approved(self, *languages: str) -> None:
        """Everything registered, reviewed and approved."""
        self.open()
        self.register(*languages)
        self.turn()
        self.courier.stage.pass_time(5)
        self.take_in()

    def fault(self, preset: str, **more: Any) -> None:
        """Let every call of the platform about templates fail."""
        self.courier.stage.sim("faults", {"target": "any", "preset": preset, "always": True, **more})

    def mend(self) -> None:
        """End the faults."""
        url = f"{self.courier.stage.url}/sim/faults"
        assert httpx.delete(url, trust_env=False).status_code == 200

    def events(self) -> list[Event]:
        with self.database.reading() as session:
            rows = session.scalars(select(AuditEvent).order_by(AuditEvent.at))
            return [Event(row.event) for row in rows if "template" in row.event]


@pytest.fixture
def studio(database: Database) -> Iterator[Studio]:
    with a_courier(database, templates=()) as courier:
        tools = Tools(database=database, api=courier.stage.api, box=COURIER_BOX, public_url=PUBLIC_URL)
        yield Studio(courier=courier, tools=tools)
