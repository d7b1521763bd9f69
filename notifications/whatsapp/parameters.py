"""What may travel in a parameter of a message: one line, nothing invisible, no identifier.

Parameters end in the logs of others, and the platform's policy forbids identifiers in messages.
"""

import re
from collections.abc import Sequence

from notifications.whatsapp.errors import InvalidMessage

_IDENTIFIERS = re.compile(
    r"\d{8,}"  # account, DNI, CPF without dots, phone
    r"|\b(?:\d[ -]?){12,18}\d\b"  # a payment card or a CLABE in groups
    r"|\b\d{3}\.\d{3}\.\d{3}-\d{2}\b"  # CPF
    r"|\b\d{2}\.?\d{3}\.?\d{3}-?[A-Z]\b"  # DNI with dots
    r"|\b[XYZ]-?\d{7}-?[A-Z]\b"  # NIE
    r"|\b[A-ZÑ&]{3,4}-?\d{6}-?[A-Z0-9]{3}\b"  # RFC
    r"|\b[A-Z]{4}\d{6}[HMX][A-Z]{5}[A-Z0-9]\d\b",  # CURP
    re.IGNORECASE,
)


def carries_identifier(text: str) -> bool:
    """Tell whether `text` looks like a payment card, an account or a personal identity number (MX, ES, BR)."""
    return _IDENTIFIERS.search(text) is not None


def checked_parameters(values: Sequence[str]) -> tuple[str, ...]:
    """Return `values` ready to be sent as body parameters: one line each, no run of spaces, nothing invisible.

    Raises InvalidMessage on an empty value, one over 200 characters, or one that looks like an identifier: the
    platform's policy forbids those in messages, and they would end in other people's logs.
    """
    cleaned = tuple(_one_line(value) for value in values)
    for place, value in enumerate(cleaned, start=1):
        if not value or len(value) > 200:
            raise InvalidMessage(f"body parameter {place} is empty or over 200 characters")
        if carries_identifier(value):
            raise InvalidMessage(f"body parameter {place} looks like an identifier and may not travel in a message")
    return cleaned


def _one_line(text: str) -> str:
    """Return `text` without controls, half surrogates and marks that turn the direction of writing."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())
