"""Take out of a log record what must never be in one: tokens, codes, passwords, names, phones, addresses, file names.

Two nets. Fields whose *name* says that they hold such a thing are replaced whole. Every text is then searched for what
such things *look like*. Ids (32 hexadecimal digits) pass: they are what logs are for.
"""

import re
from collections.abc import Mapping
from typing import Any

REDACTED = "[redacted]"
DEEPEST = 6
"""Nesting beyond this is cut off rather than searched."""

SENSITIVE = frozenset(
    {
        "token",
        "tokens",
        "phone",
        "phones",
        "msisdn",
        "wa",
        "name",
        "names",
        "filename",
        "code",
        "password",
        "passwd",
        "authorization",
        "cookie",
        "secret",
        "secrets",
        "seed",
        "otp",
        "totp",
        "email",
        "mail",
        "body",
        "text",
        "address",
        "curp",
        "rfc",
        "key",
        "keys",
        "signature",
        "params",
        "parameters",
        "url",
        "referrer",
        "referer",
    }
)
"""Words of a field name (split at underscores, dashes, capitals) that make its value unfit for a log."""
PLAIN = frozenset({"error_code", "status_code", "error_name", "key_id", "role_name", "process_name"})
"""Field names that hold such a word and yet say nothing about a person or a secret."""

_WORDS = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_PATTERNS = (
    re.compile(r"(?<=/s/)[^\s/?#\"'<>\\]+"),  # the token of an upload link
    re.compile(r"(?i)\b(?:bearer|basic|digest)\s+[\w.~+/=-]+"),  # credentials of an Authorization header
    re.compile(r"(?<=://)[^\s/@:]+:[^\s/@]+(?=@)"),  # user and password of a URL
    re.compile(r"\bAGE-SECRET-KEY-1[0-9A-Z]+", re.IGNORECASE),
    re.compile(r"\bEAA[0-9A-Za-z]{16,}"),  # Graph API access tokens begin so
    re.compile(r"[\w-]{16,}\.[\w-]{43}(?![\w-])"),  # value and SHA-256 signature, as itsdangerous writes them
    re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),  # mail addresses
    re.compile(r"\+\d[\d ().-]{5,}\d"),  # phones as people write them (E.164)
    re.compile(r"(?<![\w.:/+-])\d{10,15}(?![\w.:])"),  # phones as WhatsApp writes them (wa_id)
    re.compile(
        r"(?i)[^\s/\\\"'=,:;()\[\]{}]+\.(?:pdf|jpe?g|png|heic|heif|webp|avif|tiff?|gif|docx?|xlsx?|zip|txt|csv)\b"
    ),
)


def redact_text(text: str) -> str:
    """Return `text` with everything replaced that looks like a secret or a person."""
    for pattern in _PATTERNS:
        text = pattern.sub(REDACTED, text)
    return text


def redact_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of `fields` that is fit for a log."""
    return {name: _value(name, value, DEEPEST) for name, value in fields.items()}


def is_sensitive(name: str) -> bool:
    """Tell whether a field of this name is unfit for a log whatever it holds."""
    if name.lower() in PLAIN:
        return False
    return any(word.lower() in SENSITIVE for word in _WORDS.findall(name))


def _value(name: str, value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if is_sensitive(name) or depth == 0:
        return REDACTED
    match value:
        case int() | float():
            return value
        case str():
            return redact_text(value)
        case Mapping():
            return {redact_text(str(key)): _value(str(key), item, depth - 1) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_value(name, item, depth - 1) for item in value]
        case bytes() | bytearray() | memoryview():
            return REDACTED
        case _:
            return redact_text(str(value))
