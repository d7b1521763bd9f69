"""The message templates that a company registers with the platform, and the rules they must pass.

The words are in `library.py`, the rules in `linting`. One template per portal address and language, since the platform
freezes the address in front of the token.
"""

from dataclasses import dataclass
from typing import Any

from notifications.whatsapp.errors import InvalidMessage
from notifications.whatsapp.library import BODIES, COMMON
from notifications.whatsapp.linting import lint

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


def languages_for(locale: str, *, country: str, fallback: str) -> tuple[str, ...]:
    """Return the template languages that may carry a message to a person, best first.

    Another country's Spanish gives way to that of Mexico, and any language to the company's own.
    """
    first = language_for(locale, country)
    regional = (DEFAULT_LANGUAGE,) if first.startswith("es_") else ()
    return tuple(dict.fromkeys((first, *regional, language_for(fallback, country))))


def find(name: str, language: str) -> Template:
    """Return the template of the library. Raises KeyError when there is none."""
    for template in LIBRARY:
        if (template.name, template.language) == (name, language):
            return template
    raise KeyError(f"{name}/{language}")


def payload(template: Template, *, base_url: str) -> dict[str, Any]:
    """Return the JSON body that registers `template` for links that are `base_url` plus a token.

    Raises InvalidMessage naming every rule of review that it would break.
    """
    body = unchecked_payload(template, base_url=base_url)
    if broken := [complaint for complaint in lint(body) if not complaint.only_advice]:
        told = "; ".join(f"{complaint.code} at {complaint.place}" for complaint in broken)
        raise InvalidMessage(f"template {template.name}/{template.language}: {told}")
    return body


def unchecked_payload(template: Template, *, base_url: str) -> dict[str, Any]:
    """Return the same JSON body for the linter, whatever the words are."""
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
