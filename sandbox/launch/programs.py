"""What runs: every program of the product and of the sandbox as data, with its settings and how its health shows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

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
    reads: tuple[Path, ...] = ()
    """What it sees of the installation besides its own keys and everyone's public ones."""
    writes: tuple[Path, ...] = ()
    """What it may write, besides its own job database and a /dev/shm of its own."""
    runs_inner_sandbox: bool = False
    health: Health = always_healthy
    stop_seconds: int = 25
    """How long it may take to end before it is killed."""
    port: int | None = None
