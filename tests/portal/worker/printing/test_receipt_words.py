"""The receipt's texts in three languages: catalogues complete, no words outside of them, nothing fetched."""

import re
import string

import pytest
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

from portal.worker.printing.page import FOLDER, DrawingFailed, _as_pdf

TEMPLATE = FOLDER / "templates" / "receipt.html"
FIELD = re.compile(r"%\(\w+\)s")


def messages() -> set[str | tuple[str, ...]]:
    found: set[str | tuple[str, ...]] = set()
    with TEMPLATE.open("rb") as source:
        for _, _, message, _ in babel_extract(source, ("_", "gettext", "ngettext"), (), {}):
            kept = tuple(text for text in (message if isinstance(message, tuple) else (message,)) if text)
            found.add(kept[0] if len(kept) == 1 else kept)
    return found


@pytest.mark.parametrize("language", ["en", "pt"])
def test_the_catalogue_holds_every_text_and_no_other(language: str) -> None:
    with (FOLDER / "translations" / f"{language}.po").open("rb") as source:
        catalogue = read_po(source, locale=language)
    translated = {entry.id: entry.string for entry in catalogue if entry.id and not entry.fuzzy}
    assert set(translated) == messages()
    for source_text, target in translated.items():
        sources = source_text if isinstance(source_text, tuple) else (source_text,)
        for text in target if isinstance(target, tuple) else (target,):
            assert text.strip()
            assert sorted(FIELD.findall(text)) in [sorted(FIELD.findall(one)) for one in sources]


def test_the_template_holds_no_words_outside_the_catalogue() -> None:
    markup = re.compile(r"<style>.*?</style>|\{%.*?%\}|\{\{.*?\}\}|<[^>]*>", re.DOTALL)
    for line in markup.sub("\n", TEMPLATE.read_text(encoding="utf-8")).splitlines():
        words = line.strip(string.whitespace + string.punctuation + "·")
        assert words in {"", "Resguardo", "SHA-256", "SHA-256 ("}, words


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/x.png", "file:///etc/hostname", "data:text/css,p{}"])
def test_a_document_that_wants_something_from_outside_is_not_drawn(address: str) -> None:
    with pytest.raises(DrawingFailed):
        _as_pdf(f"<!doctype html><html lang=es><title>x</title><img alt=x src='{address}'>", [])
