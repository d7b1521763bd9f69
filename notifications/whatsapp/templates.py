"""The message templates that a company registers with the platform, and the rules they must pass.

Texts stay neutral: the platform rejects a template that asks for documents which may hold identifiers, so the list of
what is missing lives only in the portal. No identifier may travel in a parameter either: parameters end in the logs of
others. One template per portal address and language, since the platform freezes the address in front of the token.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from notifications.whatsapp.errors import InvalidMessage

BODY_MAX, FOOTER_MAX, LABEL_MAX, URL_MAX = 1024, 60, 25, 2000
"""Lengths in characters. Source: message template components, as of 2026-09."""
TTL_SECONDS = 12 * 3600
"""How long the platform tries to deliver: the longest it allows, and well under the life of a link."""
DEFAULT_LANGUAGE = "es_MX"
VARIABLES = ("contact_name", "case_title", "check_code")
"""What fills {{1}}, {{2}} and {{3}} of every template of this library."""
SAMPLE_SUFFIX = "a1b2c3"
SAMPLE_CODE = "7K3F-9QXM"


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One text in one language, ready to be registered. `body` holds {{1}}, {{2}} ... in the order of `VARIABLES`."""

    name: str
    language: str
    body: str
    footer: str
    label: str
    examples: tuple[str, ...]


REQUEST = "solicitud_documentos_v2"
RETURNED = "documento_devuelto_v2"

_COMMON = {  # language: (button label, footer, examples)
    "es_MX": ("Abrir portal seguro", "Responde BAJA para no recibir avisos", ("Ana", "Crédito 4711", SAMPLE_CODE)),
    "es_ES": ("Abrir portal seguro", "Responde BAJA para no recibir avisos", ("Ana", "Préstamo 4711", SAMPLE_CODE)),
    "en": ("Open secure portal", "Reply STOP to get no more notices", ("Ana", "Loan 4711", SAMPLE_CODE)),
    "pt_BR": ("Abrir portal seguro", "Responda SAIR para não receber avisos", ("Ana", "Crédito 4711", SAMPLE_CODE)),
}
_BODIES = {
    (REQUEST, "es_MX"): (
        "Hola {{1}}, tu trámite {{2}} tiene pasos pendientes. Revísalos con el botón de abajo, en nuestro portal "
        "seguro. Este mensaje lleva el código {{3}}, con el que puedes comprobar en el portal que es nuestro. Por tu "
        "seguridad, no envíes archivos por este chat."
    ),
    (REQUEST, "es_ES"): (
        "Hola, {{1}}: tu gestión {{2}} tiene pasos pendientes. Consúltalos con el botón de abajo, en nuestro portal "
        "seguro. Este mensaje lleva el código {{3}}, con el que puedes comprobar en el portal que es nuestro. Por tu "
        "seguridad, no envíes archivos por este chat."
    ),
    (REQUEST, "en"): (
        "Hello {{1}}, your application {{2}} has pending steps. See them with the button below, in our secure portal. "
        "This message carries the code {{3}}, by which you can check in the portal that it is ours. For your safety, "
        "please do not send files in this chat."
    ),
    (REQUEST, "pt_BR"): (
        "Olá {{1}}, seu processo {{2}} tem etapas pendentes. Veja quais são com o botão abaixo, no nosso portal "
        "seguro. Esta mensagem leva o código {{3}}, com o qual você pode conferir no portal que ela é nossa. Para sua "
        "segurança, não envie arquivos por este chat."
    ),
    (RETURNED, "es_MX"): (
        "Hola {{1}}, hay una novedad en tu trámite {{2}}: falta algo o hay que repetir un paso. Mira el detalle con "
        "el botón de abajo, en nuestro portal seguro. Este mensaje lleva el código {{3}}, con el que puedes comprobar "
        "en el portal que es nuestro. Por tu seguridad, no envíes archivos por este chat."
    ),
    (RETURNED, "es_ES"): (
        "Hola, {{1}}: hay una novedad en tu gestión {{2}}: falta algo o hay que repetir un paso. Consulta el detalle "
        "con el botón de abajo, en nuestro portal seguro. Este mensaje lleva el código {{3}}, con el que puedes "
        "comprobar en el portal que es nuestro. Por tu seguridad, no envíes archivos por este chat."
    ),
    (RETURNED, "en"): (
        "Hello {{1}}, there is news about your application {{2}}: something is missing or a step must be repeated. "
        "See the details with the button below, in our secure portal. This message carries the code {{3}}, by which "
        "you can check in the portal that it is ours. For your safety, please do not send files in this chat."
    ),
    (RETURNED, "pt_BR"): (
        "Olá {{1}}, há uma novidade no seu processo {{2}}: falta algo ou é preciso repetir uma etapa. Veja os "
        "detalhes com o botão abaixo, no nosso portal seguro. Esta mensagem leva o código {{3}}, com o qual você pode "
        "conferir no portal que ela é nossa. Para sua segurança, não envie arquivos por este chat."
    ),
}

LIBRARY: tuple[Template, ...] = tuple(
    Template(
        name=name,
        language=language,
        body=body,
        footer=_COMMON[language][1],
        label=_COMMON[language][0],
        examples=_COMMON[language][2],
    )
    for (name, language), body in _BODIES.items()
)


def language_for(locale: str) -> str:
    """Return the template language that serves a person's `locale` (es-MX, pt, en_US ...), else Spanish of Mexico."""
    tag = locale.strip().replace("-", "_").lower()
    if tag == "es_es":
        return "es_ES"
    return {"es": "es_MX", "en": "en", "pt": "pt_BR"}.get(tag.split("_")[0], DEFAULT_LANGUAGE)


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
