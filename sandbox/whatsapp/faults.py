"""Faults on order: which calls fail, how often, and in which way."""

import threading
from dataclasses import dataclass, field
from typing import Any

from sandbox.whatsapp.problems import GraphError

PRESETS = ("rate_limit", "pair_rate", "server_error", "bad_gateway", "hang", "drop", "expired_token", "custom")


@dataclass(slots=True, kw_only=True)
class Fault:
    """A rule: `target` (messages, templates, media, any) fails `always`, the `next` N times or `every` Nth time."""

    id: int
    target: str = "any"
    preset: str = "server_error"
    always: bool = False
    next: int = 0
    every: int = 0
    retry_after: int = 1
    seconds: float = 30.0
    status: int = 400
    code: int = 100
    subcode: int | None = None
    transient: bool = False
    seen: int = 0

    def strikes(self, target: str) -> bool:
        """Count a call and tell whether it fails."""
        if self.target not in {"any", target}:
            return False
        self.seen += 1
        if self.next:
            return self.seen <= self.next
        return self.always or (self.every > 0 and self.seen % self.every == 0)

    def error(self) -> GraphError:
        """Return the refusal for the presets that are one."""
        match self.preset:
            case "rate_limit":
                return GraphError(130429, status=429, headers={"Retry-After": str(self.retry_after)})
            case "pair_rate":
                return GraphError(131056)
            case "server_error":
                return GraphError(1, "An unknown error occurred", status=500, transient=self.transient)
            case "expired_token":
                return GraphError(190, "Session has expired", status=401, subcode=463)
            case _:
                return GraphError(self.code, status=self.status, subcode=self.subcode, transient=self.transient)


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
        if rule.preset not in PRESETS or not (rule.always or rule.next or rule.every):
            raise ValueError(f"a fault needs a preset of {PRESETS} and one of always, next, every")
        with self._lock:
            self._made += 1
            self.rules.append(rule)
        return rule

    def clear(self) -> None:
        """Remove every rule."""
        with self._lock:
            self.rules.clear()

    def strike(self, target: str) -> Fault | None:
        """Return the rule that the present call meets, if any."""
        with self._lock:
            return next((rule for rule in self.rules if rule.strikes(target)), None)
