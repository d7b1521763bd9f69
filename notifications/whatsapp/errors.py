"""What to do about each error code of the WhatsApp Cloud API, as data.

The code decides (with `is_transient`), never the HTTP status, the title or the subcode: the platform documents only
that. A code that is not in the table is nobody's permission to repeat a message: it counts as our own bug unless the
platform itself calls it transient.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType

MAX_TRIES = 5
"""Attempts of one message that meets only transient errors, the first one included; then a person decides."""


class WhatsAppError(Exception):
    """Base of what this package raises. `code` is stable; the message holds no phone, token or link."""

    code = "whatsapp_error"


class InvalidMessage(WhatsAppError):
    """A message that must not leave: its recipient, text, address or length breaks a rule of the platform or ours."""

    code = "whatsapp_message_invalid"


class Disposition(StrEnum):
    """What becomes of a message, its sender, its recipient or its template after an error."""

    RETRY_LATER = "retry_later"  # a passing fault: 4^n s, at most MAX_TRIES
    THROTTLE_SENDER = "throttle_sender"  # too fast: the whole number pauses 4^n s (or Retry-After), then goes on
    PAUSE_SENDER = "pause_sender"  # token, permission, account, number: hold the queue, a person is needed
    PAUSE_INITIATED = "pause_initiated"  # spam limits: nothing business-initiated for a day or more
    PAUSE_RECIPIENT = "pause_recipient"  # too fast for one recipient: 4^n s for that recipient only
    HOLD_TEMPLATE = "hold_template"  # missing, paused, disabled: re-synchronise, use a standby or wait
    SHORTEN = "shorten"  # the filled-in text is too long: shorten the parameters, once
    RESEND_AS_TEMPLATE = "resend_as_template"  # the 24 h window is closed
    UNDELIVERABLE = "undeliverable"  # this address does not receive: other channel, flag the contact
    FALLBACK = "fallback"  # the platform withheld it this time: other channel
    SUPPRESS = "suppress"  # the person said no: never again on this channel
    REVERIFY = "reverify"  # the number may have a new owner: block the link, an executive verifies
    INBOUND_UNREADABLE = "inbound_unreadable"  # what came in cannot be shown: keep the fact, answer with the link
    BUG = "bug"  # our own request is wrong: no retry, fail visibly, alert


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The disposition of a code, with what else must happen."""

    disposition: Disposition
    same_message_again: bool = False
    """Whether the unchanged message may be sent again later on this channel without a person's decision."""
    page_admin: bool = False
    use_fallback: bool = False
    """Whether the next channel of the tenant should carry the link now."""
    hold: timedelta | None = None
    """Shortest pause the platform asks for, where it names one."""


_TRANSIENT = Rule(disposition=Disposition.RETRY_LATER, same_message_again=True)
_SENDER = Rule(disposition=Disposition.PAUSE_SENDER, same_message_again=True, page_admin=True)
_LOCKED = Rule(disposition=Disposition.PAUSE_SENDER, same_message_again=True, page_admin=True, use_fallback=True)
_THROTTLED = Rule(disposition=Disposition.THROTTLE_SENDER, same_message_again=True)
_PAIR = Rule(disposition=Disposition.PAUSE_RECIPIENT, same_message_again=True)
_SPAM = Rule(disposition=Disposition.PAUSE_INITIATED, page_admin=True, use_fallback=True, hold=timedelta(hours=24))
_UNDELIVERABLE = Rule(disposition=Disposition.UNDELIVERABLE, use_fallback=True)
_BUG = Rule(disposition=Disposition.BUG, page_admin=True)
_TEMPLATE = Rule(disposition=Disposition.HOLD_TEMPLATE, same_message_again=True, page_admin=True)


def _rows(codes: Iterable[int], rule: Rule) -> dict[int, Rule]:
    return dict.fromkeys(codes, rule)


RULES = MappingProxyType(
    _rows((190, 0, 3, 10, *range(200, 300), 131005), _SENDER)
    | _rows((368, 131031, 130497), _LOCKED)
    | _rows((133010, 131045, 131037, 131042), _SENDER)
    | _rows((4, 80007, 130429), _THROTTLED)
    | _rows((131056,), _PAIR)
    | _rows((131048, 131064), _SPAM)
    | _rows((1, 2, 131000, 131016, 131057, 133004, 131053), _TRANSIENT)
    | _rows((131026, 131021, 130403, 131062), _UNDELIVERABLE)
    | _rows((131047,), Rule(disposition=Disposition.RESEND_AS_TEMPLATE))
    # A cap on marketing: a utility template that meets it has probably been re-categorised.
    | _rows(
        (131049,), Rule(disposition=Disposition.FALLBACK, page_admin=True, use_fallback=True, hold=timedelta(days=1))
    )
    | _rows((130472,), Rule(disposition=Disposition.FALLBACK, use_fallback=True))
    | _rows((131050,), Rule(disposition=Disposition.SUPPRESS, use_fallback=True))
    | _rows((132000, 132012, 132018, 131008, 131009, 100), _BUG)
    | _rows((132001, 132007, 132015, 132016), _TEMPLATE)
    | _rows((132005,), Rule(disposition=Disposition.SHORTEN))
    | _rows((137000,), Rule(disposition=Disposition.REVERIFY, page_admin=True))
    | _rows((131051, 131052), Rule(disposition=Disposition.INBOUND_UNREADABLE))
)
"""Every documented code that a sender or a webhook may show. Source: Cloud API error codes, as of 2026-09."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiError:
    """One error as the platform tells it, in an answer or in a webhook. `http_status` informs, it never decides."""

    code: int | None
    """The Graph error code; None when the answer carried no Graph envelope (an HTML page of a proxy)."""
    subcode: int | None = None
    is_transient: bool = False
    http_status: int | None = None
    retry_after: timedelta | None = None
    trace: str | None = None
    title: str = ""

    @property
    def rule(self) -> Rule:
        """The row of the table for this error; an unknown code is a bug unless the platform says it will pass."""
        known = None if self.code is None else RULES.get(self.code)
        if known is not None and (known.disposition is not Disposition.BUG or not self.is_transient):
            return known
        if self.code is None and self.http_status in (401, 403):
            return _SENDER  # not the platform's own words: a provider in front of it does not take the key
        server_fault = self.http_status is not None and self.http_status >= 500
        return _TRANSIENT if self.is_transient or server_fault else _BUG

    @property
    def disposition(self) -> Disposition:
        """Short for `rule.disposition`."""
        return self.rule.disposition


def backoff(failures: int, *, jitter: float = 0.0, retry_after: timedelta | None = None) -> timedelta | None:
    """Return how long to wait after the `failures`-th transient failure (1, 2, ...), None when tries are used up.

    4^n seconds (1, 4, 16, 64 ...) as the platform advises, stretched by up to half with `jitter` in [0, 1), and never
    shorter than what the platform asked for.
    """
    if failures < 1:
        raise ValueError("backoff counts failures from 1")
    if failures >= MAX_TRIES:
        return None
    wait = timedelta(seconds=4 ** (failures - 1) * (1 + jitter / 2))
    return max(wait, retry_after) if retry_after is not None else wait
