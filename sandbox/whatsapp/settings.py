"""What a simulator run is told: who the business is, which secrets it knows, where webhooks go."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LOOPBACK_HOSTS = ("localhost", ".localhost", "127.0.0.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One business number with its account. Without `tokens` any bearer token is taken (a demo has no use for one)."""

    app_secret: str = field(repr=False)
    webhook_url: str = ""
    """Where deliveries go; empty means that they wait until `/sim/webhook` names an address."""
    old_app_secret: str = field(default="an-older-app-secret", repr=False)
    tokens: tuple[str, ...] = field(default=(), repr=False)
    phone_number_id: str = "106540352242922"
    waba_id: str = "102290129340398"
    display_phone_number: str = "+52 55 5000 1234"
    country_code: str = "52"
    """Put in front of a recipient that was written without `+`, as the real platform does."""
    company: str = "Financiera Aurora"
    time_zone: str = "America/Mexico_City"
    templates: tuple[Mapping[str, Any], ...] = ()
    """Payloads of templates that are APPROVED from the start."""
    state_file: Path | None = None
    """Where chats are kept over a restart; nothing is kept without it."""
    deterministic_ids: bool = False
    frozen_clock: bool = False
    """Time moves only through `/sim/clock`; else it follows the clock of the machine."""
    rewrite_numbers: bool = True
    """Rewrite Mexican and Brazilian numbers as the real platform does (a leading 521, no ninth digit)."""
    sent_after: float = 0.3
    delivered_after: float = 0.9
    """Seconds of the status ladder, counted from acceptance."""
    approve_after: float | None = 1.0
    """Seconds until a submitted template is approved; None leaves that to `/sim/templates/<id>`."""
    trusted_hosts: tuple[str, ...] = LOOPBACK_HOSTS


def read_templates(path: Path) -> tuple[Mapping[str, Any], ...]:
    """Read a JSON list of template payloads (the bodies that would create them)."""
    rows = json.loads(path.read_text("utf-8"))
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"{path.name} must hold a list of template payloads")
    return tuple(rows)
