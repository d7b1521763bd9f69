"""What exists in the simulator, kept in memory and optionally in a JSON file.

Bytes and names of media are never written to disk.
"""

import base64
import json
import os
import secrets
import threading
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from sandbox.whatsapp.entities import Fate, Media, Message, Phone, Template


class World:
    """All state, behind one lock. `revision` grows with every change, so that a screen knows when to look again."""

    def __init__(self, *, random_ids: bool = False) -> None:
        """Make an empty world. Ids are counted, so that the same calls bring the same ids; or drawn."""
        self.lock = threading.RLock()
        self.phones: dict[str, Phone] = {}
        self.messages: dict[str, Message] = {}
        self.templates: dict[str, Template] = {}
        self.media: dict[str, Media] = {}
        self.revision = 0
        self.media_reads = 0
        self._chats: dict[str, list[Message]] = {}
        self._count = 0
        self._random = random_ids

    def next(self) -> int:
        """Return the next of the run's numbers."""
        with self.lock:
            self._count += 1
            return secrets.randbits(60) if self._random else self._count

    def number(self) -> str:
        """Return a fresh numeric id (templates, media)."""
        return str(10**14 + self.next() % (9 * 10**14))

    def wamid(self, wa_id: str) -> str:
        """Return a fresh message id; like the real ones it encodes the phone."""
        tail = f"{self.next():016X}"
        return "wamid." + base64.b64encode(b"\x1d\x0b" + wa_id.encode() + b"\x15\x02\x00" + tail.encode()).decode()

    def phone(self, wa_id: str) -> Phone:
        """Return the phone with this id, making it when nobody wrote to it before."""
        return self.phones.setdefault(wa_id, Phone(wa_id=wa_id))

    def chat(self, wa_id: str, number_id: str = "") -> list[Message]:
        """Return the messages with one phone, oldest first; with one business number only when it is given."""
        return [one for one in self._chats.get(wa_id, ()) if number_id in {"", one.number_id}]

    def add(self, message: Message) -> None:
        """Put a new message at the end of its chat."""
        self.messages[message.wamid] = message
        self._chats.setdefault(message.wa_id, []).append(message)

    def templates_of(self, waba_id: str) -> list[Template]:
        """Return the templates of an account that are not deleted, oldest first."""
        return [one for one in self.templates.values() if one.waba_id == waba_id and one.status != "DELETED"]

    def find_template(self, waba_id: str, name: str, language: str) -> Template | None:
        """Return the account's template with this name in this language."""
        found = (one for one in self.templates_of(waba_id) if (one.name, one.language) == (name, language))
        return next(found, None)

    def clear(self) -> None:
        """Forget everything, the counted ids too."""
        with self.lock:
            for kept in (self.phones, self.messages, self.templates, self.media, self._chats):
                kept.clear()
            self.media_reads = self._count = 0
            self.revision += 1

    def save(self, path: Path) -> None:
        """Write phones, messages and templates to `path` (0600, atomic)."""
        with self.lock:
            document = {
                "count": self._count,
                "phones": [asdict(phone) for phone in self.phones.values()],
                "messages": [asdict(message) for message in self.messages.values()],
                "templates": [asdict(template) for template in self.templates.values()],
            }
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(document, file, ensure_ascii=False)
        fresh.replace(path)

    def load(self, path: Path, *, waba_id: str, number_id: str) -> None:
        """Read what `save` wrote; a missing file is an empty world.

        A file of an older version lacks some fields: they get their defaults, account and number the ones given.
        """
        if not path.exists():
            return
        document = json.loads(path.read_text("utf-8"))
        with self.lock:
            self._count = max(self._count, document.get("count", len(document["messages"]) + 1000))
            for row in document["phones"]:
                told = _known(Phone, row) | {"fate": Fate(**_known(Fate, row["fate"]))}
                self.phones[row["wa_id"]] = Phone(**told)
            for row in document["messages"]:
                self.add(Message(**({"number_id": number_id} | _known(Message, row))))
            for row in document["templates"]:
                self.templates[row["id"]] = Template(**({"waba_id": waba_id} | _known(Template, row)))
            self.revision += 1


def _known(kind: Any, row: dict[str, Any]) -> dict[str, Any]:
    names = {one.name for one in fields(kind)}
    return {name: value for name, value in row.items() if name in names}
