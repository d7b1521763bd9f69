"""Delivers webhooks as the platform does, and as badly as it may: batched, repeated, out of order, retried for days.

The body is signed over the exact bytes that travel, with everything outside ASCII escaped.
"""

import hashlib
import hmac
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

from sandbox.whatsapp.business import Route
from sandbox.whatsapp.clock import Clock
from sandbox.whatsapp.knobs import Knobs
from sandbox.whatsapp.settings import Settings
from sandbox.whatsapp.timeline import Timeline

RETRY_AFTER = (0, 1, 4, 16, 64, 256, 1024, 3600, *[6 * 3600] * 27)
"""Seconds between tries: at once, then rarer, for about seven days."""
LOG_LENGTH = 5000
"""Deliveries that are remembered."""


@dataclass(slots=True, kw_only=True)
class Event:
    """One update on its way: where it belongs and whom to tell when the business has taken it."""

    waba_id: str
    field: str
    value: dict[str, Any]
    time: int
    route: Route
    taken: Callable[[], None] = lambda: None


@dataclass(slots=True, kw_only=True)
class Delivery:
    """One POST with its tries."""

    id: int
    body: bytes
    route: Route
    summary: list[str]
    at: str
    """When it was made, ISO 8601."""
    taken: list[Callable[[], None]] = field(default_factory=list)
    state: str = "waiting"
    """waiting, taken (answered with 200), dropped (by the knob) or given up."""
    tries: list[dict[str, Any]] = field(default_factory=list)

    def shown(self) -> dict[str, Any]:
        """Return what the delivery log tells; a body that was cut is told as text."""
        try:
            body: Any = json.loads(self.body)
        except ValueError:
            body = self.body.decode("ascii")
        shown = {"id": self.id, "state": self.state, "summary": self.summary, "at": self.at, "tries": self.tries}
        return shown | {"url": self.route.url, "body": body}


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
        self._pack()
        self._release()

    def reset(self) -> None:
        """Forget what waits and what went, and put every knob to rest."""
        self.knobs, self._events, self._held = Knobs(), [], []
        self.log.clear()
        self._ids = itertools.count(1)

    def replay(self, delivery_id: int) -> None:
        """Send an old delivery again, byte for byte. Raises KeyError when there is none."""
        old = next((one for one in self.log if one.id == delivery_id), None)
        if old is None:
            raise KeyError(delivery_id)
        self._timeline.after(0, lambda: self._send(old))

    def _pack(self) -> None:
        """Make one delivery for each address and secret that events wait for."""
        events, self._events = self._events, []
        while events:
            route = events[0].route
            self._make([event for event in events if event.route == route], route)
            events = [event for event in events if event.route != route]

    def _make(self, events: list[Event], route: Route) -> None:
        body = json.dumps(envelope(events), ensure_ascii=True, separators=(",", ":")).encode()
        delivery = Delivery(
            id=next(self._ids),
            body=body[: len(body) // 2] if self.knobs.truncate else body,
            route=Route(url=route.url, secret=route.secret),
            summary=[_summary(event) for event in events],
            at=self._clock.now().isoformat(),
            taken=[event.taken for event in events],
        )
        self.log.append(delivery)
        del self.log[:-LOG_LENGTH]
        if self.knobs.drop:
            self.knobs.drop -= 1
            delivery.state = "dropped"
            return
        self._held.append(delivery)
        if len(self._held) >= self.knobs.reorder:
            self._release()

    def _release(self) -> None:
        held, self._held = self._held, []
        for delivery in reversed(held) if self.knobs.reorder > 1 else held:
            for _copy in range(1 + self.knobs.duplicate):
                self._timeline.after(self.knobs.delay, lambda delivery=delivery: self._send(delivery))  # type: ignore[misc]

    def _send(self, delivery: Delivery) -> None:
        url = delivery.route.url or self.url
        self._judge(delivery, self._post(url, delivery.route.secret, delivery.body) if url else 0)
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
        if delivery.state != "waiting":
            return
        if failures <= len(RETRY_AFTER):
            self._timeline.after(RETRY_AFTER[failures - 1], lambda: self._send(delivery))
        else:
            delivery.state = "given up"

    def _post(self, url: str, secret: str, body: bytes) -> int:
        headers = {"content-type": "application/json", "user-agent": "facebookexternalua"} | self._signed(secret, body)
        try:
            return self._http.post(url, content=body, headers=headers).status_code
        except (httpx.HTTPError, httpx.InvalidURL):
            return 0

    def _signed(self, own_secret: str, body: bytes) -> dict[str, str]:
        knobs = self.knobs
        secret = (
            self._settings.old_app_secret if knobs.old_secret else own_secret or self._settings.app_secret
        ).encode()
        signature = hmac.new(secret, body, hashlib.sha256).hexdigest()
        if knobs.no_signature:
            return {}
        if knobs.sha1_signature:
            return {"x-hub-signature": f"sha1={hmac.new(secret, body, hashlib.sha1).hexdigest()}"}
        return {"x-hub-signature-256": f"sha256={signature[::-1] if knobs.bad_signature else signature}"}


def envelope(events: list[Event]) -> dict[str, Any]:
    """Return the document of a delivery. A batch uses every shape: new entry, new change, longer list, in turn.

    A list grows only within the same number, since its value tells one `metadata` for all.
    """
    entries: list[dict[str, Any]] = []
    for place, event in enumerate(events):
        last = entries[-1]["changes"][-1] if entries and entries[-1]["id"] == event.waba_id else None
        if place % 3 == 2 and last is not None and _grows(last, event):
            for name, items in event.value.items():
                if isinstance(items, list):
                    last["value"][name] = last["value"].get(name, []) + items
        elif place % 3 == 1 and last is not None:
            entries[-1]["changes"].append({"field": event.field, "value": dict(event.value)})
        else:
            change = {"field": event.field, "value": dict(event.value)}
            entries.append({"id": event.waba_id, "time": event.time, "changes": [change]})
    return {"object": "whatsapp_business_account", "entry": entries}


def _grows(last: dict[str, Any], event: Event) -> bool:
    same_field = last["field"] == event.field == "messages"
    return same_field and bool(last["value"].get("metadata") == event.value.get("metadata"))


def seconds(moment: datetime) -> int:
    """Return whole unix seconds, as `entry.time` holds them."""
    return int(moment.timestamp())


def _summary(event: Event) -> str:
    value = event.value
    kinds = [f"message:{one.get('type')}" for one in value.get("messages", [])]
    kinds += [f"status:{one.get('status')}" for one in value.get("statuses", [])]
    return kinds[0] if kinds else event.field
