"""What became of one call to the Cloud API: values, so that a caller has to look at each case.

The difference that matters is between `NotSent` (nothing left this machine: repeat at once, safely) and `Unknown` (the
request left and no answer came back: the platform has no idempotency key, so wait for a status that carries the opaque
id before sending again). Representations hold no phone, token, link or message id (a wamid encodes the phone).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from notifications.whatsapp.errors import ApiError
from notifications.whatsapp.shapes import text


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The platform took the message. That is not delivery: most failures come later, by webhook."""

    wamid: str = field(repr=False)
    message_status: str = "accepted"
    """accepted, held_for_quality_assessment or paused; accepted when the platform left it out."""
    wa_id: str = field(default="", repr=False)
    """The recipient as the platform writes the number; empty when it did not say."""
    user_id: str = field(default="", repr=False)
    """The recipient's business-scoped user id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The platform answered with an error: nothing was sent."""

    error: ApiError


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSent:
    """No connection came about, so nothing left. Safe to repeat at once."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """The request left and no usable answer came. Not safe to repeat before a status had time to come."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A success that is not a message: the JSON object of the answer."""

    body: Mapping[str, Any] = field(repr=False)


SendOutcome = Accepted | Refused | NotSent | Unknown
CallOutcome = Answered | Refused | NotSent | Unknown


def read_answer(status: int, headers: Mapping[str, str], untrusted_body: bytes) -> Answered | Refused | Unknown:
    """Turn an HTTP answer into an outcome. A 2xx that is not a JSON object is `Unknown`: it was probably accepted."""
    document = _object(untrusted_body)
    if document is not None and isinstance(document.get("error"), dict):
        return Refused(error=_graph_error(status, headers, document["error"]))
    if not 200 <= status < 300:
        return Refused(error=ApiError(code=None, http_status=status, retry_after=_retry_after(headers)))
    if document is None:
        return Unknown(reason="unreadable_answer")
    return Answered(body=document)


def read_acceptance(answer: Answered) -> Accepted | Unknown:
    """Find the message id in the answer to a sending. Without one the sending is `Unknown`, never a success."""
    match answer.body.get("messages"):
        case [{"id": str(wamid), **rest}, *_] if wamid:
            status = rest.get("message_status")
            said = status if isinstance(status, str) and status else "accepted"
            return Accepted(wamid=wamid, message_status=said, **_contact(answer.body.get("contacts")))
        case _:
            return Unknown(reason="answer_without_message_id")


def _contact(untrusted: object) -> dict[str, str]:
    """Return what the answer tells of the one recipient."""
    match untrusted:
        case [dict(contact)]:
            return {
                "wa_id": text(contact.get("wa_id"), 32),
                "user_id": text(contact.get("user_id"), 140),
            }
        case _:
            return {}


def _object(untrusted_body: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(untrusted_body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _graph_error(status: int, headers: Mapping[str, str], untrusted_error: Mapping[str, Any]) -> ApiError:
    trace, title = untrusted_error.get("fbtrace_id"), untrusted_error.get("type")
    return ApiError(
        code=_whole(untrusted_error.get("code")),
        subcode=_whole(untrusted_error.get("error_subcode")),
        is_transient=untrusted_error.get("is_transient") is True,
        http_status=status,
        retry_after=_retry_after(headers),
        trace=trace[:64] if isinstance(trace, str) else None,
        title=title[:64] if isinstance(title, str) else "",
    )


def _whole(untrusted: object) -> int | None:
    if isinstance(untrusted, bool):
        return None
    if isinstance(untrusted, int):
        return untrusted
    return int(untrusted) if isinstance(untrusted, str) and untrusted.isdecimal() and len(untrusted) < 10 else None


def _retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """Read Retry-After (RFC 9110 section 10.2.3), else the minutes of X-Business-Use-Case-Usage; at most a day."""
    waits = [wait for wait in (_retry_after_header(headers), _use_case_wait(headers)) if wait is not None]
    return min(max(waits), timedelta(days=1)) if waits else None


def _retry_after_header(headers: Mapping[str, str]) -> timedelta | None:
    value = headers.get("retry-after", "").strip()
    if value.isdecimal() and len(value) < 8:
        return timedelta(seconds=int(value))
    try:
        until, answered = parsedate_to_datetime(value), parsedate_to_datetime(headers.get("date", ""))
    except ValueError:
        return None
    return max(_utc(until) - _utc(answered), timedelta(0))


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _use_case_wait(headers: Mapping[str, str]) -> timedelta | None:
    usage = _object(headers.get("x-business-use-case-usage", "").encode())
    entries = [
        row for rows in (usage or {}).values() if isinstance(rows, list) for row in rows if isinstance(row, dict)
    ]
    minutes = [row.get("estimated_time_to_regain_access") for row in entries]
    longest = max((m for m in minutes if isinstance(m, int) and not isinstance(m, bool) and 0 < m < 10_000), default=0)
    return timedelta(minutes=longest) if longest else None
