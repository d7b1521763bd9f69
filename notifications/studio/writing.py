"""How templates are written for the platform, and compared with what stands there. Opens no connection."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from notifications.whatsapp import authentication
from notifications.whatsapp.library import BODIES, COMMON, NAMES, STANDBYS
from notifications.whatsapp.linting.reading import read
from notifications.whatsapp.templates import DEFAULT_LANGUAGE, Template, unchecked_payload
from records.studio import Wording
from records.templates import MessageTemplate


def written(template: MessageTemplate, public_url: str) -> dict[str, Any]:
    """Return the JSON body of a template, unchecked."""
    words = {"body": template.body, "footer": template.footer, "label": template.label}
    return body_of(template.name, template.language, public_url=public_url, **words)


def body_of(name: str, language: str, *, body: str, footer: str, label: str, public_url: str) -> dict[str, Any]:
    """Return the JSON body for words that may not stand in any row yet, unchecked."""
    if name == authentication.CODE:
        return authentication.payload(language, label)
    texts = Template(name=name, language=language, body=body, footer=footer, label=label, examples=samples(language))
    return unchecked_payload(texts, base_url=f"{public_url}/s/")


def samples(language: str) -> tuple[str, ...]:
    """Return what stands for the variables in a language's examples."""
    return COMMON.get(language, COMMON[DEFAULT_LANGUAGE])[2]


def wordings(languages: Iterable[str]) -> list[Wording]:
    """Return the library in these languages as it is registered, one-time codes included."""
    found: list[Wording] = []
    for language in languages:
        label, footer, _ = COMMON[language]
        code = authentication.LABELS[language]
        found.append(Wording(name=authentication.CODE, language=language, category="AUTHENTICATION", label=code))
        found += [
            Wording(
                name=name,
                language=language,
                category="UTILITY",
                label=label,
                body=BODIES[name, language],
                footer=footer,
                standby=STANDBYS.get(name),
            )
            for name in NAMES
        ]
    return found


def fingerprint(untrusted_body: Mapping[str, Any]) -> str:
    """Return a hash of what a customer sees and where buttons lead: equal on both sides unless somebody changed it."""
    found = read(dict(untrusted_body))
    if found.category == "AUTHENTICATION":  # the platform writes everything but the label
        seen: list[object] = [button.label for button in found.buttons]
    else:
        seen = [part.text.strip() if part is not None else None for part in (found.header, found.body, found.footer)]
        seen += [[button.kind, button.label, button.url] for button in found.buttons]
    return hashlib.sha256(json.dumps(seen).encode("utf-8", "replace")).hexdigest()


def words_of(untrusted_body: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """Return body, footer and label of a template at the platform, None when it is not made like ours."""
    found = read(dict(untrusted_body))
    labels = [button.label for button in found.buttons]
    if len(labels) != 1 or found.header is not None:
        return None
    if found.category == "AUTHENTICATION":
        return "", "", labels[0][:25]
    if found.body is None:
        return None
    return found.body.text[:1024], found.footer.text[:60] if found.footer is not None else "", labels[0][:25]
