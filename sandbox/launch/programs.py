"""What runs: every program of the product and of the sandbox as data, with its settings and how its health shows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

Health = Callable[[datetime], str | None]
"""Returns None when healthy since the given time, else the reason in a few words."""


def always_healthy(_since: datetime) -> str | None:
    """Say that a program is well as long as it runs."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One process that the manager keeps alive."""

    name: str
    role: str
    """The folder under `keys` that is its own."""
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    more_keys: tuple[tuple[str, bool], ...] = ()
    """Further folders under `keys`, and whether it may write there."""
    runs_inner_sandbox: bool = False
    meets_opener: bool = False
    """Whether it sees the folder of the opener's socket."""
    health: Health = always_healthy
    stop_seconds: int = 25
    """How long it may take to end before it is killed."""
    port: int | None = None
