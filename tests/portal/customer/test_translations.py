"""Every text of the portal in es, en and pt: catalogues complete, advice for every code, errors in three languages."""

import re
import string
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

import portal.customer as package
from intake.errors import IntakeError
from intake.inspection.verdicts import Reason
from portal.customer.reasons import ADVICE, DECLINED, OF_A_PAGE, UNKNOWN
from portal.web.errors import TABLE
from records.errors import RecordsError
from records.reviewing import ReturnReason
from storage.blobs import BlobError

FOLDER = Path(package.__file__).parent
INTERNAL = {"intake_error", "records_error", "blob_error", "link_keys_refused", "blob_missing", "blob_exists"} | {
    "blob_damaged",
    "blob_name_refused",
}
"""Codes that no customer can meet: our own mistakes, answered as `internal`."""


def messages() -> set[str | tuple[str, ...]]:
    advice = [*ADVICE.values(), *OF_A_PAGE.values(), UNKNOWN]
    found: set[str | tuple[str, ...]] = {text for one in advice for text in (one.what, one.how)}
    found |= set(DECLINED.values())
    for template in (FOLDER / "templates").rglob("*.html"):
        with template.open("rb") as source:
            for _, _, message, _ in babel_extract(source, ("_", "gettext", "ngettext"), (), {}):
                texts = message if isinstance(message, tuple) else (message,)
                kept = tuple(text for text in texts if isinstance(text, str))
                if kept:
                    found.add(kept[0] if len(kept) == 1 else kept)
    return found


def fields(text: str) -> list[str]:
    return sorted(re.findall(r"%\(\w+\)s|%%|\{\w\}", text))


@pytest.mark.parametrize("language", ["en", "pt"])
def test_the_catalogue_holds_every_text_and_no_other(language: str) -> None:
    with (FOLDER / "translations" / f"{language}.po").open("rb") as source:
        catalogue = read_po(source, locale=language)
    translated = {entry.id: entry.string for entry in catalogue if entry.id and not entry.fuzzy}
    assert set(translated) == messages()
    for source_text, target in translated.items():
        targets = target if isinstance(target, tuple) else (target,)
        sources = source_text if isinstance(source_text, tuple) else (source_text,)
        for text in targets:
            assert text.strip()
            assert fields(text) in [fields(one) for one in sources]


def test_no_template_holds_words_outside_the_catalogue() -> None:
    markup = re.compile(r"\{%.*?%\}|\{\{.*?\}\}|<[^>]*>|&\w+;", re.DOTALL)
    allowed = {"Resguardo", ""}
    for template in (FOLDER / "templates").rglob("*.html"):
        for line in markup.sub("\n", template.read_text(encoding="utf-8")).splitlines():
            words = line.strip(string.whitespace + string.punctuation + "·“”…")
            assert words in allowed, f"{template.name}: {words}"


@pytest.mark.parametrize("reason", [*Reason, *ReturnReason])
def test_every_refusal_and_return_has_its_advice(reason: str) -> None:
    if reason != Reason.EXAMINED:
        assert ADVICE[reason].what != ADVICE[reason].how


def every(family: type[Exception]) -> set[str]:
    return {family.code} | {code for child in family.__subclasses__() for code in every(child)}  # type: ignore[attr-defined]


def test_every_error_of_intake_has_a_status_and_three_texts() -> None:
    codes = every(IntakeError) | every(RecordsError) | every(BlobError)
    codes |= {"csrf", "tus_version"}
    for code in codes - INTERNAL:
        row = TABLE[code]
        assert 400 <= row.status < 600
        assert len({row.es, row.en, row.pt}) == 3
