"""Languages: Spanish is the source text; English and Portuguese come from catalogues (.po) read at start.

Each application may have a folder `translations/` with `en.po` and `pt.po`; those of portal/web are shared. A missing
text shows in Spanish, and a test refuses it.
"""

import io
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from flask import Flask, request
from flask_babel import Babel, Domain, format_datetime, get_locale

LANGUAGES = ("es", "en", "pt")
BABEL_LOCALES = {"es": "es", "en": "en", "pt": "pt_BR"}
HTML_LANG = {"es": "es", "en": "en", "pt": "pt-BR"}


class _Catalogues(Domain):  # type: ignore[misc]
    """The translations of one application, compiled in memory: no built file can be stale."""

    def __init__(self, folders: list[Path]) -> None:
        super().__init__()
        self._loaded = {language: load_catalogue(language, folders) for language in LANGUAGES}

    def get_translations(self) -> Translations:
        return self._loaded[current_language()]


class _PortalBabel(Babel):  # type: ignore[misc]
    def __init__(self, catalogues: _Catalogues) -> None:
        self._catalogues = catalogues
        super().__init__()

    @property
    def domain_instance(self) -> Domain:
        return self._catalogues


def load_catalogue(language: str, folders: list[Path]) -> Translations:
    merged = Translations()
    for folder in folders:
        path = folder / f"{language}.po"
        if language == "es" or not path.exists():
            continue
        with path.open("rb") as source:
            catalogue = read_po(source, locale=BABEL_LOCALES[language])
        compiled = io.BytesIO()
        write_mo(compiled, catalogue)
        compiled.seek(0)
        merged.merge(Translations(compiled))
    return merged


def normalise(untrusted: str | None) -> str | None:
    """Return es, en or pt for a language tag such as `pt-BR`, or None when it is none of them."""
    primary = (untrusted or "").replace("_", "-").partition("-")[0].lower()
    return primary if primary in LANGUAGES else None


def from_browser() -> str:
    """Return the best language of Accept-Language; Spanish when nothing fits."""
    for tag, _quality in request.accept_languages:
        found = normalise(tag)
        if found is not None:
            return found
    return "es"


def current_language() -> str:
    """Return es, en or pt for the running request; Spanish outside one."""
    locale: Any = get_locale()
    return normalise(str(locale)) or "es" if locale is not None else "es"


def local_time(value: datetime, form: str = "medium") -> str:
    """Write a time in the reader's language and time zone."""
    return str(format_datetime(value, form))


def install(app: Flask, *, locale_selector: Callable[[], str], timezone_selector: Callable[[], str | None]) -> None:
    """Set up Flask-Babel with the catalogues of portal/web and of the application's own folder."""
    folders = [Path(__file__).parent / "translations", Path(app.root_path) / "translations"]
    babel = _PortalBabel(_Catalogues(folders))
    babel.init_app(
        app,
        default_locale="es",
        default_timezone="UTC",
        locale_selector=lambda: BABEL_LOCALES[normalise(locale_selector()) or "es"],
        timezone_selector=timezone_selector,
    )
    app.jinja_env.globals["html_lang"] = lambda: HTML_LANG[current_language()]
    app.jinja_env.globals["language"] = current_language
    app.jinja_env.filters["local_time"] = local_time
