"""The service: as strict as the real ones are, and the list of what reached every phone."""

import itertools
import re
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from notifications.sms.texts import segments

KEPT = 200
TOKEN = "sandbox-sms"  # noqa: S105 (of a stand-in on loopback)
"""What the demo company shows to it."""
FIELDS = {"to", "text", "reference"}
PHONE = re.compile(r"\+[1-9][0-9]{7,14}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sms:
    """One message as it lies on a phone."""

    id: int
    to: str
    text: str
    reference: str
    at: datetime
    segments: int


class Phones:
    """Everybody's messages, newest last. `answers` are statuses that the next requests get instead, in order."""

    def __init__(self, token: str) -> None:
        """Begin empty. `token` is what the sender must show."""
        self.token = token
        self.answers: list[int] = []
        self._lock = threading.Lock()
        self._kept: list[Sms] = []
        self._ids = itertools.count(1)

    def messages(self) -> list[Sms]:
        """Return what came, oldest first."""
        with self._lock:
            return list(self._kept)

    def add(self, body: dict[str, Any]) -> Sms:
        """Keep one message."""
        with self._lock:
            made = Sms(id=next(self._ids), at=datetime.now(UTC), segments=segments(body["text"]), **body)
            self._kept = [*self._kept[1 - KEPT :], made]
            return made


def service(phones: Phones) -> Blueprint:
    """Return the routes over what lies on the phones."""
    blueprint = Blueprint("sms", __name__)

    @blueprint.post("/sms/messages")
    def take() -> ResponseReturnValue:
        if request.headers.get("Authorization") != f"Bearer {phones.token}":
            return jsonify(error="unauthorized"), 401
        if phones.answers:
            return jsonify(error="on order"), phones.answers.pop(0)
        body: Any = request.get_json(silent=True)
        wrong = _wrong(body)
        if wrong is not None:
            return jsonify(error=wrong), 422
        return jsonify(id=phones.add(body).id), 202

    @blueprint.get("/sim/sms")
    def told() -> ResponseReturnValue:
        return jsonify([{"id": one.id, "to": one.to, "text": one.text} for one in phones.messages()])

    return blueprint


def _wrong(body: Any) -> str | None:
    if not isinstance(body, dict) or set(body) != FIELDS or not all(isinstance(one, str) for one in body.values()):
        return "fields"
    if not PHONE.fullmatch(body["to"]):
        return "to"
    try:
        return None if len(body["text"]) > 0 and segments(body["text"]) <= 3 else "text"
    except ValueError:
        return "text"
