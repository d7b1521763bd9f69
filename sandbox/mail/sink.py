"""The SMTP side: takes what comes, keeps it in memory, and refuses or loses it on order."""

import email
import itertools
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

KEPT = 200
"""Mails that are remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail as it lies in somebody's inbox."""

    id: int
    to: str
    sender: str
    at: datetime
    message: EmailMessage = field(repr=False)

    def part(self, kind: str) -> str:
        """Return the text of the `plain` or `html` part."""
        found = self.message.get_body((kind,))
        return str(found.get_content()) if found is not None else ""


class Inbox:
    """Everybody's mail, newest last. `refusals` holds answers for addresses: to RCPT, or after the data."""

    def __init__(self) -> None:
        """Begin empty."""
        self._lock = threading.Lock()
        self._mails: list[Mail] = []
        self._ids = itertools.count(1)
        self.refusals: dict[str, str] = {}

    def mails(self) -> list[Mail]:
        """Return what came, oldest first."""
        with self._lock:
            return list(self._mails)

    def add(self, to: str, sender: str, raw: bytes) -> None:
        """Keep one mail."""
        message = email.message_from_bytes(raw, policy=default)
        with self._lock:
            mail = Mail(id=next(self._ids), to=to, sender=sender, at=datetime.now(UTC), message=message)
            self._mails = [*self._mails[1 - KEPT :], mail]

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take a recipient, unless told otherwise."""
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Take a mail."""
        raw = envelope.content if isinstance(envelope.content, bytes) else b""
        for address in envelope.rcpt_tos:
            self.add(address, envelope.mail_from or "", raw)
        return "250 OK"


def controller(inbox: Inbox, host: str, port: int, **more: Any) -> Controller:
    """Return a server that is not started yet; `more` are arguments of aiosmtpd's Controller."""
    return Controller(inbox, hostname=host, port=port, **more)
