"""What a simulator run is told: who the businesses are, which secrets they know, where webhooks go."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

LOOPBACK_HOSTS = ("localhost", ".localhost", "127.0.0.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """One business number. With an `api_key` the 360dialog flavour of the API takes it in `D360-API-KEY`."""

    phone_number_id: str
    display_phone_number: str
    verified_name: str = ""
    country_code: str = "52"
    """Put in front of a recipient that was written without `+`, as the real platform does."""
    api_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One business account (WABA) with its numbers. Without `tokens` any bearer token is taken."""

    waba_id: str
    numbers: tuple[Number, ...]
    name: str = ""
    tokens: tuple[str, ...] = field(default=(), repr=False)
    app_secret: str = field(default="", repr=False)
    """Signs this account's webhooks; empty: the app secret of the run."""
    webhook_url: str = ""
    """Where this account's webhooks go; empty: the address of the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The first account with its one number stands here; `more_accounts` beside it. A demo has no use for tokens."""

    app_secret: str = field(repr=False)
    webhook_url: str = ""
    """Where deliveries go; empty means that they wait until `/sim/webhook` names an address."""
    old_app_secret: str = field(default="an-older-app-secret", repr=False)
    tokens: tuple[str, ...] = field(default=(), repr=False)
    api_key: str = field(default="", repr=False)
    phone_number_id: str = "106540352242922"
    waba_id: str = "102290129340398"
    display_phone_number: str = "+52 55 5000 1234"
    country_code: str = "52"
    company: str = "Financiera Aurora"
    more_accounts: tuple[Account, ...] = ()
    time_zone: str = "America/Mexico_City"
    templates: tuple[Mapping[str, Any], ...] = ()
    """Payloads of templates that are APPROVED from the start, in every account."""
    state_file: Path | None = None
    """Where chats are kept over a restart; nothing is kept without it."""
    random_ids: bool = False
    """Draw ids instead of counting them: for a run whose state may be lost while the business keeps its own."""
    frozen_clock: bool = False
    """Time moves only through `/sim/clock`; else it follows the clock of the machine."""
    start: datetime | None = None
    """The time on the clock at the start, aware; the machine's when left out."""
    rewrite_numbers: bool = True
    """Rewrite Mexican and Brazilian numbers as the real platform does (a leading 521, no ninth digit)."""
    sent_after: float = 0.3
    delivered_after: float = 0.9
    """Seconds of the status ladder, counted from acceptance."""
    approve_after: float | None = 1.0
    """Seconds until a submitted template is approved; None leaves that to `/sim/templates/<id>`."""
    trusted_hosts: tuple[str, ...] = LOOPBACK_HOSTS

    @property
    def accounts(self) -> tuple[Account, ...]:
        """Every account, the first one in front."""
        number = Number(
            phone_number_id=self.phone_number_id,
            display_phone_number=self.display_phone_number,
            country_code=self.country_code,
            api_key=self.api_key,
        )
        first = Account(waba_id=self.waba_id, numbers=(number,), name=self.company, tokens=self.tokens)
        return (first, *self.more_accounts)


def read_templates(path: Path) -> tuple[Mapping[str, Any], ...]:
    """Read a JSON list of template payloads (the bodies that would create them)."""
    return tuple(_rows(path))


def read_accounts(path: Path) -> tuple[Account, ...]:
    """Read a JSON list of accounts, written as `Account` and `Number` name their fields."""
    accounts = []
    for row in _rows(path):
        numbers = tuple(Number(**number) for number in row["numbers"])
        accounts.append(Account(**(row | {"numbers": numbers, "tokens": tuple(row.get("tokens", ()))})))
    return tuple(accounts)


def _rows(path: Path) -> list[dict[str, Any]]:
    rows = json.loads(path.read_text("utf-8"))
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"{path.name} must hold a list of objects")
    return rows
