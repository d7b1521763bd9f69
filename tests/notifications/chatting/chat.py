"""Ana writes and sends files into the chat of the simulator; the courier's tasks about that are turned by hand."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx
from sqlalchemy import select

from audit import AuditEvent
from notifications.chatting.answering import answer
from notifications.chatting.forgetting import forget
from records.chats import ChatWindow
from records.interceptions import InterceptedFile
from storage.database import utcnow
from storage.due import Lease, lease
from tests.notifications.courier import Courier
from tests.portal.gateway.company import PUBLIC_URL

ANA, ANA_ID = "+525512345678", "5215512345678"
STRANGER, STRANGER_ID = "+525599990000", "5215599990000"
INE = b"\xff\xd8\xff\xe0 the picture of an INE"


@dataclass(kw_only=True)
class Chat:
    """The chats of one company."""

    courier: Courier
    requests: int = 0

    def asked(self, **changes: object) -> str:
        """Ana is asked for documents and gets the message; return its id."""
        message_id = self.courier.queue(**changes)
        self.courier.turn(after=timedelta(seconds=10 * self.requests))  # one message in six seconds to one person
        self.requests += 1
        self.courier.stage.pass_time()
        self.take_in()
        return message_id

    def says(self, text: str, *, phone: str = ANA) -> None:
        """Somebody writes."""
        self.courier.stage.sim("inbound", {"phone": phone, "text": text})
        self.take_in()

    def sends(self, data: bytes = INE, *, mime: str = "image/jpeg", wa_id: str = ANA_ID, name: str = "") -> None:
        """Somebody sends a file."""
        self.courier.stage.sim("phones", {"phone": f"+{wa_id}"})
        headers = {"content-type": mime, "x-file-name": name}
        url = f"{self.courier.stage.url}/phones/{wa_id}/files"
        made = httpx.post(url, content=data, headers=headers, trust_env=False)
        assert made.is_success, made.text
        self.take_in()

    def arrives(self, **item: Any) -> None:
        """A message in hand-written form, through the signed webhook."""
        message = {"id": f"wamid.{utcnow().timestamp()}", "timestamp": str(int(utcnow().timestamp()))} | item
        value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": "0"}, "messages": [message]}
        self.courier.stage.sim("events", {"field": "messages", "value": value})
        self.take_in()

    def take_in(self) -> None:
        """Process what came."""
        self.courier.stage.sim("flush", {})
        while self.courier.take_in():
            pass

    def leased(self, model: type, *, after: timedelta) -> list[Lease]:
        """Lease what will be due."""
        with self.courier.database.transaction() as session:
            return lease(session, model, now=utcnow() + after, limit=20)

    def answers(self, *, after: timedelta = timedelta(seconds=5)) -> int:
        """Give what answers are due after a while; return how many chats were worked on."""
        held = self.leased(ChatWindow, after=after)
        for each in held:
            answer(replace(self.courier.tools, clock=lambda: utcnow() + after), each)
        return len(held)

    def forgets(self, *, after: timedelta = timedelta(seconds=5)) -> int:
        """Ask the platform to delete what is due after a while."""
        held = self.leased(InterceptedFile, after=after)
        for each in held:
            forget(replace(self.courier.tools, clock=lambda: utcnow() + after), each)
        return len(held)

    def told(self, wa_id: str = ANA_ID) -> list[dict[str, Any]]:
        """What the company said in a chat besides templates."""
        state = self.courier.stage.sim("state")
        return [
            each
            for each in state["messages"]
            if each["wa_id"] == wa_id and each["from_business"] and each["kind"] != "template"
        ]

    def files(self) -> list[InterceptedFile]:
        """The rows of the intercepted files."""
        with self.courier.database.reading() as session:
            return list(session.scalars(select(InterceptedFile).order_by(InterceptedFile.at)))

    def windows(self) -> list[ChatWindow]:
        """The rows of the chats."""
        with self.courier.database.reading() as session:
            return list(session.scalars(select(ChatWindow)))

    def trail(self, event: str) -> list[AuditEvent]:
        """The events of one kind, in order."""
        with self.courier.database.reading() as session:
            return list(session.scalars(select(AuditEvent).where(AuditEvent.event == event).order_by(AuditEvent.at)))

    def own_link(self, message_id: str) -> str:
        """The address of the link that Ana's message carries."""
        return f"{PUBLIC_URL}/s/{self.courier.tools.token(self.courier.message(message_id).link_id)}"
