"""The product as `make run` starts it, asked from outside as a CRM would, looked into as an operator could."""

import itertools
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import text

from intake.inspection.clamav import ClamdScanner
from sandbox.clamav.daemon import own_signatures, write_own
from sandbox.launch.site import PORTS
from sandbox.launch.stack import Stack
from storage.database import Database
from tests.e2e.waiting import until
from tests.services.processes import _is_free

TEMPLATE = "credito-personal"
"""Identification (front, back), proof of address, proof of income."""
_numbers = itertools.count(1)
_random = secrets.randbelow(9000) + 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request that a CRM made."""

    id: str
    name: str
    phone: str
    """As the CRM wrote it: +52 and ten digits."""
    reference: str
    link: str | None
    """Only in mode `none`: the portal's link, to be sent by the CRM itself."""

    @property
    def wa_id(self) -> str:
        """The number as WhatsApp writes it."""
        return "521" + self.phone.removeprefix("+52")


class Installation:
    """A running Stack and its database."""

    def __init__(self, root: Path, **how: Any) -> None:
        """Choose ports; `start` starts. Further arguments are those of Stack."""
        self.stack = Stack(root, port_base=_free_base(), **how)
        self.urls = self.stack.urls
        self.root = root
        self.database = Database(str(how.get("database_url", self.stack.site.database_url)))
        self.api_key = ""

    def start(self) -> None:
        """Start every process and wait until all are healthy."""
        self.stack.start()
        self.api_key = str(self.stack.demo["api_key"])

    def stop(self) -> None:
        """Stop everything in order."""
        self.database.dispose()
        self.stack.stop()

    def api(self, method: str, path: str, *, key: str | None = None, body: Any = None) -> httpx.Response:
        """Call the gateway as a CRM. `key` is an Idempotency-Key."""
        port = self.stack.site.port("gateway")
        headers = {"Authorization": f"Bearer {self.api_key}", "Host": f"api.localhost:{port}"}
        headers |= {"Idempotency-Key": key} if key else {}
        with httpx.Client(trust_env=False, timeout=30) as client:
            return client.request(method, f"http://127.0.0.1:{port}{path}", headers=headers, json=body)

    def ask(self, *, template: str = TEMPLATE, locale: str = "es", mode: str = "auto") -> Asked:
        """Ask a person who was never asked before."""
        body, key = self.a_request(template=template, locale=locale, mode=mode), secrets.token_hex(8)
        answer = self.api("POST", "/api/v1/requests", key=key, body=body)
        assert answer.status_code == 201, answer.text
        return self.asked(body, answer.json())

    def a_request(self, *, template: str = TEMPLATE, locale: str = "es", mode: str = "auto") -> dict[str, Any]:
        """Return the body of a request for a person of our own."""
        number = next(_numbers)
        return {
            "external_ref": f"CRM-{_random}-{number}",
            "title": f"Crédito {_random}-{number}",
            "contact": {"name": f"Ana López {number}", "phone": f"+5255{_random}{number:04d}", "locale": locale},
            "template_key": template,
            "send": {"mode": mode},
        }

    def asked(self, body: dict[str, Any], answer: dict[str, Any]) -> Asked:
        """Return what was asked and answered as one value."""
        return Asked(
            id=answer["id"],
            name=body["contact"]["name"],
            phone=body["contact"]["phone"],
            reference=body["external_ref"],
            link=answer.get("upload_url"),
        )

    def rows(self, statement: str, **values: Any) -> list[Any]:
        """Return rows of the running product's database."""
        with self.database.reading() as session:
            return list(session.execute(text(statement), values))

    def change(self, statement: str, **values: Any) -> None:
        """Change the running product's database behind its back, to bring about a state that takes days."""
        with self.database.transaction() as session:
            session.execute(text(statement), values)

    def slots(self, request_id: str) -> list[str]:
        """Return the states of a request's slots in the order of the checklist."""
        query = "SELECT state FROM slots WHERE request_id = :id ORDER BY position"
        return [str(state) for (state,) in self.rows(query, id=request_id)]

    def await_slots(self, request_id: str, *states: str) -> None:
        """Wait until the slots are in these states, in the order of the checklist."""
        until(lambda: self.slots(request_id) == list(states), f"slots {states}, they are {self.slots(request_id)}")

    def events(self, request_id: str, event: str) -> list[Any]:
        """Return the audit events of one kind in the case of a request: subject and details."""
        return self.rows(
            "SELECT subject_id, details FROM audit_events WHERE event = :event AND case_id = "
            "(SELECT case_id FROM document_requests WHERE id = :id)",
            event=event,
            id=request_id,
        )

    def load_signatures(self, *markers: str) -> None:
        """Give clamd our signatures and these, and let it load them, as freshclam does."""
        own = own_signatures()
        lines = [f"Local.Late-Marker:0:*:{marker.encode().hex()}\n" for marker in markers]
        own["daily.ndb"] += "".join(lines).encode()
        layout = self.stack.site.layout
        write_own(layout.run / "clamd" / "signatures", own)
        ClamdScanner(str(layout.scanner / "clamd.sock")).reload()

    @contextmanager
    def other_signatures(self) -> Iterator[None]:
        """Have signatures of another version, which find nothing more, while the block runs."""
        self.load_signatures(f"resguardo-{secrets.token_hex(12)}")
        try:
            yield
        finally:
            self.load_signatures()

    def complaints(self) -> str:
        """Return the last warnings and errors that the programs logged."""
        told = []
        for log in sorted(self.stack.site.layout.log.glob("*.log")):
            lines = [line for line in log.read_text("utf-8", "replace").splitlines() if '"level": "info"' not in line]
            told += [f"{log.name}: {line[:600]}" for line in lines[-12:]]
        return "\n".join(told)

    def phone(self, path: str = "state", body: Any = None) -> Any:
        """Ask or turn the WhatsApp simulator (`/sim/*`)."""
        port = self.stack.site.port("whatsapp")
        with httpx.Client(base_url=f"http://127.0.0.1:{port}/sim/", trust_env=False, timeout=30) as client:
            answer = client.get(path) if body is None else client.post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def messages(self, asked: Asked) -> list[dict[str, Any]]:
        """Return what lies on the person's phone, oldest first."""
        return [one for one in self.phone()["messages"] if one["wa_id"] == asked.wa_id and one["from_business"]]

    def message_link(self, asked: Asked, number: int = 1) -> str:
        """Wait for the person's message number `number` and return the address behind its button."""
        found = until(lambda: self.messages(asked)[number - 1 :], f"message {number} of {asked.name}")
        return str(found[0]["url"])


_taken: set[int] = set()


def _free_base() -> int:
    """Return a base whose ports are all free, within 15000 and 15990; test runs side by side begin elsewhere."""
    for step in range(100):
        base = 15000 + (os.getpid() + step) % 100 * 10
        if base not in _taken and all(_is_free(port) for port in range(base + 1, base + 1 + len(PORTS))):
            _taken.add(base)
            return base
    raise RuntimeError("no free ports between 15000 and 16000")
