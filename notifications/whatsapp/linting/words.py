"""Says a complaint and its place in the language of whoever reads it."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from notifications.whatsapp.linting.complaints import Complaint
from notifications.whatsapp.linting.phrases import PHRASES

LANGUAGES = ("es", "en", "pt")

PLACES: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "name": ("Nombre", "Name", "Nome"),
        "language": ("Idioma", "Language", "Idioma"),
        "category": ("Categoría", "Category", "Categoria"),
        "header": ("Encabezado", "Header", "Cabeçalho"),
        "body": ("Texto", "Text", "Texto"),
        "footer": ("Pie", "Footer", "Rodapé"),
        "buttons": ("Botón", "Button", "Botão"),
    }
)
OTHER_PLACE = ("Plantilla", "Template", "Modelo")


def say(complaint: Complaint, language: str) -> str:
    """Return what is wrong in es, en or pt; Spanish for any other language."""
    return _in(PHRASES[complaint.code], language).replace("{found}", complaint.found)


def where(complaint: Complaint, language: str) -> str:
    """Return which part of a template is meant, in words."""
    part = re.match(r"[a-z_]*", complaint.place)
    return _in(PLACES.get(part[0] if part else "", OTHER_PLACE), language)


def _in(texts: tuple[str, str, str], language: str) -> str:
    return texts[LANGUAGES.index(language) if language in LANGUAGES else 0]
