"""Delivers webhooks as the platform does, and as badly as it may: batched, repeated, out of order, retried for days.

The body is signed over the exact bytes that travel, with everything outside ASCII escaped.
"""

import hashlib
import hmac
import itertools
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any

import httpx

from sandbox.whatsapp.clock import Clock
from sandbox.whatsapp.settings import Settings
from sandbox.whatsapp.timeline import Timeline

RETRY_AFTER = (0, 1, 4, 16, 64, 256, 1024, 3600, *[6 * 3600] * 27)
"""Seconds between tries: at once, then rarer, for about seven days."""


@dataclass(slots=True, kw_only=True)
class Knobs:
    """How badly webhooks behave."""

    duplicate: int = 0  # extra copies of every delivery
    batch: int = 1  # events in one POST, spread over entries, changes and lists
    reorder: int = 1  # deliveries that are held and let go in reverse order
    delay: float = 0.0  # seconds before each delivery
    skip_delivered: bool = False
    drop_contacts: bool = False
    conversation: bool = False  # add the `conversation` node of older versions
    extra_keys: bool = False
    bad_signature: bool = False
    old_secret: bool = False

    def turn(self, changes: dict[str, Any]) -> None:
        """Set knobs by name. Raises ValueError on a name or a type that does not exist."""
        kinds = {knob.name: type(getattr(self, knob.name)) for knob in fields(self)}
        for name, value in changes.items():
            if name not in kinds or not isinstance(value, (int, float) if kinds[name] is float else kinds[name]):
                raise ValueError(f"no knob {name[:40]!r} of that type")
            setattr(self, name, value)


@dataclass(slots=True, kw_only=True)
class Event:
    """One update on its way: where it belongs and whom to tell when the business has taken it."""

    waba_id: str
    field: str
    value: dict[str, Any]
    time: int
    taken: Callable[[], None] = lambda: None


@dataclass(slots=True, kw_only=True)
class Delivery:
    """One POST with its tries."""

    id: int
    body: bytes
    summary: list[str]
    at: str
    """When it was made, ISO 8601."""
    taken: list[Callable[[], None]] = field(default_factory=list)
    state: str = "waiting"
    tries: list[dict[str, Any]] = field(default_factory=list)

    def shown(self) -> dict[str, Any]:
        """Return what the delivery log tells."""
        shown = asdict(self) | {"body": json.loads(self.body)}
        del shown["taken"]
        return shown


class Deliveries:
    """The outgoing side: collects events, makes deliveries, sends them on the timeline."""

    def __init__(self, settings: Settings, clock: Clock, timeline: Timeline, *, tried: Callable[[], None]) -> None:
        """Send to `settings.webhook_url`, which `/sim/webhook` may change; `tried` runs after every try."""
        self.url = settings.webhook_url
        self.knobs = Knobs()
        self.log: list[Delivery] = []
        self._settings, self._clock, self._timeline, self._tried = settings, clock, timeline, tried
        self._events: list[Event] = []
        self._held: list[Delivery] = []
        self._ids = itertools.count(1)
        self._http = httpx.Client(timeout=10, trust_env=False, follow_redirects=False)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def emit(self, event: Event) -> None:
        """Send an event on its way, as the knobs say. Call it with the world locked."""
        self._events.append(event)
        if len(self._events) >= self.knobs.batch:
            self._pack()

    def flush(self) -> None:
        """Let go of everything that waits for a fuller batch or for its turn."""
        if self._events:
            self._pack()
        self._release()

    def replay(self, delivery_id: int) -> None:
        """Send an old delivery again, byte for byte. Raises KeyError when there is none."""
        old = next((one for one in self.log if one.id == delivery_id), None)
        if old is None:
            raise KeyError(delivery_id)
        self._timeline.after(0, lambda: self._send(old))

    def _pack(self) -> None:
        events, self._events = self._events, []
        body = json.dumps(envelope(events), ensure_ascii=True, separators=(",", ":")).encode()
        summary = [_summary(event) for event in events]
        delivery = Delivery(
            id=next(self._ids),
            body=body,
            summary=summary,
            at=self._clock.now().isoformat(),
            taken=[event.taken for event in events],
        )
        self.log.append(delivery)
        del self.log[:-5000]
        self._held.append(delivery)
        if len(self._held) >= self.knobs.reorder:
            self._release()

    def _release(self) -> None:
        held, self._held = self._held, []
        for delivery in reversed(held) if self.knobs.reorder > 1 else held:
            for _copy in range(1 + self.knobs.duplicate):
                self._timeline.after(self.knobs.delay, lambda delivery=delivery: self._send(delivery))  # type: ignore[misc]

    def _send(self, delivery: Delivery) -> None:
        self._judge(delivery, self._post(delivery.body) if self.url else 0)
        self._tried()

    def _judge(self, delivery: Delivery, status: int) -> None:
        delivery.tries.append({"at": self._clock.now().isoformat(), "status": status})
        if status == 200:
            if delivery.state != "taken":
                delivery.state = "taken"
                for tell in delivery.taken:
                    tell()
            return
        failures = sum(1 for one in delivery.tries if one["status"] != 200)
        if delivery.state == "taken":
            return
        if failures <= len(RETRY_AFTER):
            self._timeline.after(RETRY_AFTER[failures - 1], lambda: self._send(delivery))
        else:
            delivery.state = "given up"

    def _post(self, body: bytes) -> int:
        secret = self._settings.old_app_secret if self.knobs.old_secret else self._settings.app_secret
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        if self.knobs.bad_signature:
            signature = signature[::-1]
        headers = {
            "content-type": "application/json",
            "user-agent": "facebookexternalua",
            "x-hub-signature-256": f"sha256={signature}",
        }
        try:
            return self._http.post(self.url, content=body, headers=headers).status_code
        except httpx.HTTPError:
            return 0


def envelope(events: list[Event]) -> dict[str, Any]:
    """Return the document of a delivery. A batch uses every shape: new entry, new change, longer list, in turn."""
    entries: list[dict[str, Any]] = []
    for place, event in enumerate(events):
        last = entries[-1]["changes"][-1] if entries else None
        same = last is not None and last["field"] == event.field == "messages" and entries[-1]["id"] == event.waba_id
        if place % 3 == 2 and same and last is not None:
            for name, items in event.value.items():
                if isinstance(items, list):
                    last["value"][name] = last["value"].get(name, []) + items
        elif place % 3 == 1 and entries[-1]["id"] == event.waba_id:
            entries[-1]["changes"].append({"field": event.field, "value": dict(event.value)})
        else:
            change = {"field": event.field, "value": dict(event.value)}
            entries.append({"id": event.waba_id, "time": event.time, "changes": [change]})
    return {"object": "whatsapp_business_account", "entry": entries}


def seconds(moment: datetime) -> int:
    """Return whole unix seconds, as `entry.time` holds them."""
    return int(moment.timestamp())


def _summary(event: Event) -> str:
    value = event.value
    kinds = [f"message:{one.get('type')}" for one in value.get("messages", [])]
    kinds += [f"status:{one.get('status')}" for one in value.get("statuses", [])]
    return kinds[0] if kinds else event.field
