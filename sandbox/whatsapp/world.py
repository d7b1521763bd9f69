"""What exists in the simulator: phones, messages, templates, media. Kept in memory, optionally in a JSON file.

Bytes and names of media are never written to disk.
"""

import base64
import hashlib
import itertools
import json
import os
import secrets
import threading
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sandbox.whatsapp.numbers import user_id_of


@dataclass(slots=True, kw_only=True)
class Fate:
    """What happens to everything that is sent to one phone."""

    kind: str = "deliver"
    """deliver, silent (sent, never delivered), fail (with `code`), or username_only (webhooks without a phone)."""
    code: int = 131026


@dataclass(slots=True, kw_only=True)
class Phone:
    """A customer with WhatsApp."""

    wa_id: str
    name: str = ""
    fate: Fate = field(default_factory=Fate)
    window_until: str = ""
    """End of the 24 h in which free-form answers are delivered, ISO 8601; empty when it was never opened."""

    @property
    def user_id(self) -> str:
        """The business-scoped user id."""
        return user_id_of(self.wa_id)


@dataclass(slots=True, kw_only=True)
class Message:
    """One bubble of a chat, in either direction."""

    wamid: str
    wa_id: str
    from_business: bool
    kind: str
    at: str
    text: str = ""
    header: str = ""
    footer: str = ""
    label: str = ""
    url: str = ""
    code: str = ""
    status: str = "accepted"
    arrived: bool = False
    """Whether the customer's screen shows it."""
    opaque: str = ""
    reply_to: str = ""
    error: int = 0
    media_id: str = ""
    mime: str = ""


@dataclass(slots=True, kw_only=True)
class Template:
    """A template of the account. `payload` is the body that made it."""

    id: str
    payload: dict[str, Any]
    status: str = "PENDING"
    category: str = "UTILITY"
    reason: str = "NONE"

    @property
    def name(self) -> str:
        """The name it is sent by."""
        return str(self.payload.get("name", ""))

    @property
    def language(self) -> str:
        """The language code it is sent by."""
        return str(self.payload.get("language", ""))


@dataclass(slots=True, kw_only=True)
class Media:
    """A file that a customer sent into the chat; gone when the business asked to delete it."""

    id: str
    mime: str
    data: bytes = field(repr=False)
    reads: int = 0

    @property
    def sha256(self) -> str:
        """The hash as webhooks carry it: standard base64."""
        return base64.b64encode(hashlib.sha256(self.data).digest()).decode()


class World:
    """All state, behind one lock. `revision` grows with every change, so that a screen knows when to look again."""

    def __init__(self, *, deterministic_ids: bool) -> None:
        """Make an empty world."""
        self.lock = threading.RLock()
        self.phones: dict[str, Phone] = {}
        self.messages: dict[str, Message] = {}
        self.templates: dict[str, Template] = {}
        self.media: dict[str, Media] = {}
        self.subscribed = True
        self.revision = 0
        self.media_reads = 0
        self._chats: dict[str, list[Message]] = {}
        self._count = itertools.count(1)
        self._deterministic = deterministic_ids

    def number(self) -> str:
        """Return a fresh numeric id (templates, media)."""
        return str(10**14 + next(self._count)) if self._deterministic else str(10**14 + secrets.randbelow(9 * 10**14))

    def wamid(self, wa_id: str) -> str:
        """Return a fresh message id; like the real ones it encodes the phone."""
        tail = f"{next(self._count):016X}" if self._deterministic else secrets.token_hex(8).upper()
        return "wamid." + base64.b64encode(b"\x1d\x0b" + wa_id.encode() + b"\x15\x02\x00" + tail.encode()).decode()

    def phone(self, wa_id: str) -> Phone:
        """Return the phone with this id, making it when nobody wrote to it before."""
        return self.phones.setdefault(wa_id, Phone(wa_id=wa_id))

    def chat(self, wa_id: str) -> list[Message]:
        """Return the messages with one phone, oldest first."""
        return list(self._chats.get(wa_id, ()))

    def add(self, message: Message) -> None:
        """Put a new message at the end of its chat."""
        self.messages[message.wamid] = message
        self._chats.setdefault(message.wa_id, []).append(message)

    def find_template(self, name: str, language: str) -> Template | None:
        """Return the template with this name in this language."""
        found = (t for t in self.templates.values() if (t.name, t.language) == (name, language))
        return next((t for t in found if t.status != "DELETED"), None)

    def save(self, path: Path) -> None:
        """Write phones, messages and templates to `path` (0600, atomic)."""
        with self.lock:
            document = {
                "phones": [asdict(phone) for phone in self.phones.values()],
                "messages": [asdict(message) for message in self.messages.values()],
                "templates": [asdict(template) for template in self.templates.values()],
            }
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(document, file, ensure_ascii=False)
        fresh.replace(path)

    def load(self, path: Path) -> None:
        """Read what `save` wrote; a missing file is an empty world."""
        if not path.exists():
            return
        document = json.loads(path.read_text("utf-8"))
        with self.lock:
            for row in document["phones"]:
                self.phones[row["wa_id"]] = Phone(**(row | {"fate": Fate(**row["fate"])}))
            for row in document["messages"]:
                self.add(Message(**row))
            self.templates = {row["id"]: Template(**row) for row in document["templates"]}
            self.revision += 1


def iso(moment: datetime) -> str:
    """Return a time as the state file keeps it."""
    return moment.isoformat(timespec="milliseconds")
