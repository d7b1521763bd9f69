"""A CRM that is told by webhooks, as a page: what arrived, and where each matter stands for its agents.

Strict like a good receiver: it verifies the raw body with the official library (signature, age) before it reads
anything, and takes an event that it knows for a repetition. It keeps everything in memory.
"""

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from standardwebhooks import Webhook, WebhookVerificationError

POLICY = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'"
KEPT = 500
LARGEST = 20_000


@dataclass(kw_only=True)
class Received:
    """One event, and how often it came."""

    id: str
    event: dict[str, Any]
    at: datetime
    times: int = 1

    @property
    def data(self) -> dict[str, Any]:
        """What the event tells."""
        found: dict[str, Any] = self.event["data"]
        return found


@dataclass
class Ledger:
    """What came, oldest first, and how much was refused."""

    events: dict[str, Received] = field(default_factory=dict)
    refused: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, event_id: str, event: dict[str, Any], now: datetime) -> None:
        """Keep an event, or count its repetition."""
        with self.lock:
            known = self.events.get(event_id)
            if known is not None:
                known.times += 1
                return
            self.events[event_id] = Received(id=event_id, event=event, at=now)
            while len(self.events) > KEPT:
                self.events.pop(next(iter(self.events)))

    def refuse(self) -> None:
        """Count what is not from the portal."""
        with self.lock:
            self.refused += 1

    def newest(self) -> list[Received]:
        """Return what came, newest first."""
        with self.lock:
            return list(self.events.values())[::-1]

    def matters(self) -> list[Received]:
        """Return of each case the newest event that tells how far it is."""
        found: dict[str, Received] = {}
        for each in self.newest():
            case_id = each.data.get("case_id")
            if case_id is not None and "progress" in each.data:
                found.setdefault(case_id, each)
        return list(found.values())


def create_app(secret: bytes) -> Flask:
    """Return the application; `secret` is the decoded signing secret of its endpoint."""
    app, ledger, verifier = Flask(__name__), Ledger(), Webhook(secret)
    app.config.update(TRUSTED_HOSTS=["localhost", ".localhost", "127.0.0.1"], MAX_CONTENT_LENGTH=LARGEST)
    app.after_request(_harden)

    @app.post("/hook")
    def hook() -> ResponseReturnValue:
        try:
            event = verifier.verify(request.get_data(), dict(request.headers))
            ledger.take(request.headers["webhook-id"], {**event, "data": dict(event["data"])}, datetime.now(UTC))
        except (WebhookVerificationError, ValueError, TypeError, KeyError):
            ledger.refuse()
            return "", 401
        return "", 204

    @app.get("/")
    def page() -> ResponseReturnValue:
        return render_template(
            "crm.html", events=ledger.newest(), matters=ledger.matters(), refused=ledger.refused, words=WORDS
        )

    @app.get("/sim/events")
    def events() -> ResponseReturnValue:
        told = [{"id": each.id, "times": each.times, **each.event} for each in ledger.newest()[::-1]]
        return jsonify({"events": told, "refused": ledger.refused})

    return app


WORDS = {
    "requested": "pedido",
    "opened": "abierto",
    "receiving": "recibiendo",
    "returned": "algo se devolvió",
    "complete": "completo",
    "cancelled": "cancelado",
}
"""Of the status that an agent reads."""


def _harden(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", POLICY)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    response.headers.setdefault("Cache-Control", "no-store")
    return response
