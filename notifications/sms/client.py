"""SMS through any service that takes one JSON body a message, with outcomes that cannot be confused.

Rules: the address of the service comes from the operator, and no redirect leads elsewhere; what was not connected is
safe to repeat, what left without an answer is not; nothing is logged.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

from notifications.outcomes import HandedOver, NotSent, TurnedDown, Unknown

TIMEOUT_S = 15.0
LATER = frozenset({408, 425, 429, 503})
"""Answers of services that took nothing and may take it later."""

SmsOutcome = HandedOver | TurnedDown | NotSent | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsService:
    """Where and how to ask. `{secret}` in headers, `{to}`, `{text}` and `{reference}` in the body are filled."""

    url: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    secret: str = field(repr=False)


class SmsClient:
    """Speaks to the services of all companies."""

    def __init__(self, *, timeout: float = TIMEOUT_S) -> None:
        """Connect when first asked."""
        self._http = httpx.Client(timeout=timeout, trust_env=False, follow_redirects=False)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close what is open."""
        self._http.close()

    def send(self, service: SmsService, *, to: str, text: str, reference: str) -> SmsOutcome:
        """Hand one message over. `to` is E.164; `reference` is our attempt's id."""
        values = {"{to}": to, "{text}": text, "{reference}": reference}
        headers = {name: value.replace("{secret}", service.secret) for name, value in service.headers.items()}
        try:
            answer = self._http.post(service.url, headers=headers, json=_filled(service.body, values))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            return NotSent(reason=type(error).__name__)
        except httpx.HTTPError as error:  # the body may have left, and nobody knows
            return Unknown(reason=type(error).__name__)
        if answer.is_success:
            return HandedOver()
        if answer.status_code >= 500 and answer.status_code not in LATER:
            return Unknown(reason=f"sms_{answer.status_code}")
        return TurnedDown(code=f"sms_{answer.status_code}", again=answer.status_code in LATER)


def _filled(template: Any, values: Mapping[str, str]) -> Any:
    """Return a JSON value whose strings are filled; what is filled in is never read as a placeholder again."""
    match template:
        case str():
            whole = values.get(template)
            return whole if whole is not None else _within(template, values)
        case Mapping():
            return {name: _filled(value, values) for name, value in template.items()}
        case list():
            return [_filled(value, values) for value in template]
        case _:
            return template


def _within(template: str, values: Mapping[str, str]) -> str:
    for name in values:
        before, found, after = template.partition(name)
        if found:
            return _within(before, values) + values[name] + _within(after, values)
    return template
