"""The message templates that a company registers with the platform, and the rules they must pass.

The words are in `library.py`. No identifier may travel in a parameter: parameters end in the logs of others. One
template per portal address and language, since the platform freezes the address in front of the token.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from notifications.whatsapp.errors import InvalidMessage
from notifications.whatsapp.library import BODIES, COMMON

BODY_MAX, FOOTER_MAX, LABEL_MAX, URL_MAX = 1024, 60, 25, 2000
"""Lengths in characters. Source: message template components, as of 2026-09."""
TTL_SECONDS = 12 * 3600
"""How long the platform tries to deliver: the longest it allows, and well under the life of a link."""
DEFAULT_LANGUAGE = "es_MX"
VARIABLES = ("contact_name", "case_title", "check_code")
"""What fills {{1}}, {{2}} and {{3}} of every template of this library."""
SAMPLE_SUFFIX = "a1b2c3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One text in one language, ready to be registered. `body` holds {{1}}, {{2}} ... in the order of `VARIABLES`."""

    name: str
    language: str
    body: str
    footer: str
    label: str
    examples: tuple[str, ...]


LIBRARY: tuple[Template, ...] = tuple(
    Template(
        name=name,
        language=language,
        body=body,
        footer=COMMON[language][1],
        label=COMMON[language][0],
        examples=COMMON[language][2],
    )
    for (name, language), body in BODIES.items()
)


def language_for(locale: str, country: str = "") -> str:
    """Return the template language that serves a person's `locale` (es-MX, pt, en_US ...), else Spanish.

    Which Spanish: that of the region in the locale, else of the company's `country` (ISO 3166), else of Mexico.
    """
    language, _, region = locale.strip().replace("-", "_").lower().partition("_")
    if language in {"en", "pt"}:
        return {"en": "en", "pt": "pt_BR"}[language]
    where = region.upper() if language == "es" and region else country.upper()
    return f"es_{where}" if where in {"ES", "CO"} else DEFAULT_LANGUAGE


def find(name: str, language: str) -> Template:
    """Return the template of the library. Raises KeyError when there is none."""
    for template in LIBRARY:
        if (template.name, template.language) == (name, language):
            return template
    raise KeyError(f"{name}/{language}")


def payload(template: Template, *, base_url: str) -> dict[str, Any]:
    """Return the JSON body that registers `template` for links that are `base_url` plus a token.

    Raises InvalidMessage naming every rule of the platform that it would break.
    """
    if broken := lint(template, base_url=base_url):
        raise InvalidMessage(f"template {template.name}/{template.language}: " + "; ".join(broken))
    button = {
        "type": "URL",
        "text": template.label,
        "url": base_url + "{{1}}",
        "example": [base_url + SAMPLE_SUFFIX],
    }
    return {
        "name": template.name,
        "language": template.language,
        "category": "UTILITY",
        "parameter_format": "POSITIONAL",
        "message_send_ttl_seconds": TTL_SECONDS,
        "components": [
            {"type": "BODY", "text": template.body, "example": {"body_text": [list(template.examples)]}},
            {"type": "FOOTER", "text": template.footer},
            {"type": "BUTTONS", "buttons": [button]},
        ],
    }


_VARIABLE = re.compile(r"\{\{([^{}]*)\}\}")
_ASKS_FOR = re.compile(
    r"\b(ine|ife|curp|rfc|dni|nie|nif|cpf|rg|cnh|ssn|clabe|iban|cvv|pasaporte|passport|passaporte|cédula|licencia"
    r"|tarjeta|cuenta|card|account|cartão|conta|identificación|identidad|identity|identidade|contraseña|password|senha)\b",
    re.IGNORECASE,
)


def lint(template: Template, *, base_url: str) -> list[str]:
    """Return in words every review rule that `template` breaks; an empty list means that it may be submitted."""
    body, variables = template.body, _VARIABLE.findall(template.body)
    words = len(_VARIABLE.sub(" ", body).split())
    rules = {
        "the name may hold a-z, 0-9 and _ only": re.fullmatch(r"[a-z0-9_]{1,512}", template.name),
        "the body must have 1 to 1024 characters": 0 < len(body) <= BODY_MAX,
        "variables must be {{1}}, {{2}} ... in order": variables == [str(n + 1) for n in range(len(variables))],
        "the body may not begin or end with a variable": not re.search(r"^\W*\{\{|\}\}\W*$", body),
        "two variables may not touch": not re.search(r"\}\}\s*\{\{", body),
        "too many variables for so short a text": words >= 2 * len(variables) + 1,
        "every variable needs one example": len(template.examples) == len(variables),
        "an example may not be an identifier": not any(carries_identifier(text) for text in template.examples),
        "the footer must have 1 to 60 characters, no variable": (
            0 < len(template.footer) <= FOOTER_MAX and not _VARIABLE.search(template.footer)
        ),
        "the button label must have 1 to 25 characters, no variable": (
            0 < len(template.label) <= LABEL_MAX and not _VARIABLE.search(template.label)
        ),
        "the text asks for an identifier": not _ASKS_FOR.search(f"{body} {template.footer} {template.label}"),
        "the address must be http(s), end in / or = and leave room for the token": (
            re.fullmatch(r"https?://[^\s{}]+[/=]", base_url) and len(base_url) <= URL_MAX - 256
        ),
        "four spaces or three line ends in a row": not re.search(r" {4,}|\n{3,}|\t", body),
    }
    return [complaint for complaint, holds in rules.items() if not holds]


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
