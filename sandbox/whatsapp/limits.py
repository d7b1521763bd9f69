"""The platform's limits on sending, each one off until a test switches it on (`/sim/rules`).

Source: facts of the platform's documentation as of 2026-11: one message in 6 s to the same person after a burst of 45,
80 messages a second from one number, 250 (2,000 ...) unique customers in 24 h that did not write first. No error code
is documented for the last one, so that it is a setting.
"""

from collections import defaultdict, deque
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

from sandbox.whatsapp.problems import GraphError

PAIR_EVERY, PAIR_BURST = timedelta(seconds=6), 45
DAY = timedelta(hours=24)


@dataclass(slots=True, kw_only=True)
class Rules:
    """Which limits hold."""

    pair_rate: bool = False
    throughput: int = 0
    """Messages a second from one number; 0: any."""
    messaging_limit: bool = False
    """Whether the account's limit of unique customers a day holds."""
    messaging_limit_code: int = 131048
    retry_after: int = 1
    message_status: str = "accepted"
    """What an accepted message is answered with; empty: the field is missing. `held_for_quality_assessment` and
    `paused` are sent no further."""

    def turn(self, changes: dict[str, Any]) -> None:
        """Set rules by name, all or none. Raises ValueError on a name or a type that does not exist."""
        kinds = {rule.name: type(getattr(self, rule.name)) for rule in fields(self)}
        for name, value in changes.items():
            if kinds.get(name) is not type(value) or (type(value) is int and value < 0):
                raise ValueError(f"no rule {name[:40]!r} of that type")
        for name, value in changes.items():
            setattr(self, name, value)


@dataclass(slots=True)
class Limits:
    """What was sent lately. Call it with the world locked."""

    rules: Rules = field(default_factory=Rules)
    _paid_until: dict[tuple[str, str], datetime] = field(default_factory=dict)
    _sent: dict[str, deque[datetime]] = field(default_factory=lambda: defaultdict(deque))
    _first: dict[str, dict[str, datetime]] = field(default_factory=lambda: defaultdict(dict))

    def meet(self, *, account: str, number: str, wa_id: str, most: int, in_window: bool, now: datetime) -> None:
        """Count a message that is about to be accepted. Raises GraphError when a limit forbids it."""
        paid = max(self._paid_until.get((number, wa_id), now), now)
        if self.rules.pair_rate and paid - now > (PAIR_BURST - 1) * PAIR_EVERY:
            raise GraphError(131056)
        last_second = self._sent[number]
        while last_second and last_second[0] <= now - timedelta(seconds=1):
            last_second.popleft()
        if self.rules.throughput and len(last_second) >= self.rules.throughput:
            raise GraphError(130429, status=429, headers={"Retry-After": str(self.rules.retry_after)})
        known = self._first[account]
        for person in [person for person, since in known.items() if since <= now - DAY]:
            del known[person]
        if self.rules.messaging_limit and not in_window and wa_id not in known and len(known) >= most:
            raise GraphError(self.rules.messaging_limit_code, "the messaging limit of the business is reached")
        self._paid_until[number, wa_id] = paid + PAIR_EVERY
        last_second.append(now)
        if not in_window:
            known.setdefault(wa_id, now)
