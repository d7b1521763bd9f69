"""Faults on order: which calls fail, how often, and in which way."""

import json
import threading
from dataclasses import dataclass, field
from typing import Any

from sandbox.whatsapp.problems import GraphError

TARGETS = ("any", "messages", "templates", "media")
REFUSALS: dict[str, tuple[int, int, int | None, bool]] = {  # preset: status, code, subcode, transient
    "rate_limit": (429, 130429, None, False),
    "account_limit": (429, 80007, None, False),
    "pair_rate": (400, 131056, None, False),
    "spam": (400, 131048, None, False),
    "payment": (400, 131042, None, False),
    "expired_token": (401, 190, 463, False),
    "server_error": (500, 1, None, False),
    "unavailable": (503, 131016, None, True),
}
LIMITS = {"rate_limit", "account_limit"}
DISASTERS = ("bad_gateway", "hang", "drop", "late", "custom")
"""An HTML page with 502; no answer at all, nothing done; done, then the connection cut; done, answered too late; and a
refusal of one's own with `status`, `code`, `subcode`, `transient`, `retry_after`."""
PRESETS = (*REFUSALS, *DISASTERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a rule may ask about a call."""

    target: str
    number: str = ""
    to: str = ""
    template: str = ""


@dataclass(slots=True, kw_only=True)
class Fault:
    """A rule: calls to `target` fail `always`, the `next` N times or `every` Nth time.

    `number` (a phone number id), `to` (as it was written) and `template` (a name) narrow it down.
    """

    id: int
    target: str = "any"
    number: str = ""
    to: str = ""
    template: str = ""
    preset: str = "server_error"
    always: bool = False
    next: int = 0
    every: int = 0
    retry_after: int | None = None
    regain_minutes: int = 0
    """What `X-Business-Use-Case-Usage` estimates, with the presets that limit."""
    seconds: float = 30.0
    status: int = 400
    code: int = 100
    subcode: int | None = None
    transient: bool = False
    seen: int = 0

    def strikes(self, call: Call) -> bool:
        """Count a call and tell whether it fails."""
        narrowed = ((self.number, call.number), (self.to, call.to), (self.template, call.template))
        if self.target not in {"any", call.target} or any(mine and mine != theirs for mine, theirs in narrowed):
            return False
        self.seen += 1
        if self.next:
            return self.seen <= self.next
        return self.always or (self.every > 0 and self.seen % self.every == 0)

    def error(self) -> GraphError:
        """Return the refusal for the presets that are one."""
        own = (self.status, self.code, self.subcode, self.transient)
        status, code, subcode, transient = REFUSALS.get(self.preset, own)
        headers = {}
        wait = 1 if self.retry_after is None and self.preset == "rate_limit" else self.retry_after
        if wait is not None:
            headers["Retry-After"] = str(wait)
        if self.preset in LIMITS and self.regain_minutes:
            usage = {"type": "messages", "call_count": 100, "total_cputime": 20, "total_time": 20}
            usage |= {"estimated_time_to_regain_access": self.regain_minutes}
            headers["X-Business-Use-Case-Usage"] = json.dumps({"business": [usage]})
        return GraphError(code, status=status, subcode=subcode, transient=transient, headers=headers)


@dataclass(slots=True)
class Faults:
    """The rules in force; the first that strikes wins."""

    rules: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _made: int = 0

    def add(self, untrusted: dict[str, Any]) -> Fault:
        """Add a rule. Raises ValueError when it cannot be understood."""
        try:
            rule = Fault(**(untrusted | {"id": self._made + 1, "seen": 0}))
        except TypeError as error:
            raise ValueError(str(error)) from None
        if rule.preset not in PRESETS or rule.target not in TARGETS or not (rule.always or rule.next or rule.every):
            raise ValueError(f"a fault: target {TARGETS}, preset {PRESETS}, and one of always, next, every")
        with self._lock:
            self._made += 1
            self.rules.append(rule)
        return rule

    def clear(self) -> None:
        """Remove every rule."""
        with self._lock:
            self.rules.clear()
            self._made = 0

    def strike(self, call: Call) -> Fault | None:
        """Return the rule that the present call meets, if any."""
        with self._lock:
            return next((rule for rule in self.rules if rule.strikes(call)), None)
