"""Every refusal of the REST API, by its code: when it comes, in the words of the reference."""

from typing import Any

from portal.web.errors import TABLE
from records.apikeys import Scope

ALWAYS = ("api_key_refused", "address_refused", "forbidden", "too_many_requests", "internal", "unavailable")
"""What every call may be answered with."""
GIVEN = ("bad_request", "too_large", "unsupported_media_type", "invalid_value")
"""What a call with a body may be answered with."""
ACTING = (*GIVEN, "idempotency_key_missing", "idempotency_key_reused", "idempotency_key_in_flight")
"""What a POST may be answered with."""
LISTING = ("invalid_value",)
ENDED = ("not_found", "request_ended", "case_closed")
"""What steering a request may be answered with."""

WHEN = {
    "api_key_refused": "The key is missing, unknown, expired or revoked: these look alike.",
    "address_refused": "The key may not be used from this network address.",
    "forbidden": "The key lacks the scope.",
    "too_many_requests": "The rate limit is reached: wait for the seconds of Retry-After.",
    "internal": "A mistake of ours; nothing happened. The log knows the reference.",
    "unavailable": "Busy: wait for the seconds of Retry-After, then repeat with the same Idempotency-Key.",
    "bad_request": "The body is not JSON, or nested too deeply.",
    "too_large": "The body is larger than 64 KiB.",
    "unsupported_media_type": "The body was not sent as application/json.",
    "invalid_value": "A field or parameter breaks its rule, or is not known; `errors` says which.",
    "idempotency_key_missing": "The Idempotency-Key header is missing, empty or longer than 255 characters.",
    "idempotency_key_reused": "The Idempotency-Key was used before with another body.",
    "idempotency_key_in_flight": "The first call with this Idempotency-Key is still running: repeat it in a second.",
    "not_found": "Nothing that this key reaches has this id, key or reference.",
    "method_not_allowed": "The address exists, and takes other methods.",
    "request_ended": "The request is complete or cancelled; `detail` says which.",
    "case_closed": "The case is closed.",
    "external_ref_taken": "A case that this key does not reach has this external_ref.",
    "message_pending": "A message is on its way or may still be confirmed: another one would come twice.",
    "contact_opted_out": "The person asked for no more messages, and no other way leads to them.",
    "link_ended": "The link was revoked or replaced: resend first.",
}
"""Code, and when it is answered. Other codes never leave this API."""


def needs(scope: Scope) -> list[str | dict[str, list[str]]]:
    """Return the security of an operation for its description: a key with this scope (a role name, OpenAPI 3.1)."""
    return [{"ApiKey": [scope.value]}]


def refusals(*codes: str) -> dict[int | str, dict[str, Any]]:
    """Return the responses of an operation's refusals for its description: what always may come, and `codes`."""
    by_status: dict[int | str, list[str]] = {}
    for code in (*ALWAYS, *codes):
        by_status.setdefault(TABLE[code].status, []).append(code)
    return {status: _response(int(status), found) for status, found in sorted(by_status.items())}


def _response(status: int, codes: list[str]) -> dict[str, Any]:
    examples = {code: {"summary": WHEN[code], "value": _example(status, code)} for code in codes}
    content = {"schema": {"$ref": "#/components/schemas/ProblemOut"}, "examples": examples}
    headers = {} if status not in (409, 429, 503) else {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}}
    return {
        "description": " ".join(f"`{code}`: {WHEN[code]}" for code in codes),
        "content": {"application/problem+json": content},
        **({"headers": headers} if headers else {}),
    }


def _example(status: int, code: str) -> dict[str, Any]:
    return {
        "type": f"/api/v1/docs#{code}",
        "title": TABLE[code].words("en"),
        "status": status,
        "code": code,
        "detail": None,
        "reference": "9f2c4e81a0b3",
    }
