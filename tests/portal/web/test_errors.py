"""The table of errors is complete: every code of the product has a status and words in three languages."""

import importlib
import pkgutil
import re
from types import ModuleType

import pytest
from sqlalchemy.exc import DataError, OperationalError

from portal.web.errors import HTTP_CODES, TABLE, code_of

PACKAGES = ("config", "storage", "audit", "records", "intake", "notifications", "portal")


def modules() -> list[ModuleType]:
    found = []
    for name in PACKAGES:
        package = importlib.import_module(name)
        found.append(package)
        for info in pkgutil.walk_packages(package.__path__, f"{name}."):
            if not info.name.endswith("__main__"):
                found.append(importlib.import_module(info.name))
    return found


def codes() -> dict[str, str]:
    """Every code of an exception class, with the class."""
    found = {}
    for module in modules():
        for thing in vars(module).values():
            ours = isinstance(thing, type) and issubclass(thing, Exception) and thing.__module__.startswith(PACKAGES)
            if ours and isinstance(getattr(thing, "code", None), str):
                found[thing.code] = f"{thing.__module__}.{thing.__name__}"
    return found


def test_every_code_of_the_product_has_its_row():
    found = codes()
    assert len(found) > 60
    assert {code: where for code, where in found.items() if code not in TABLE} == {}


def test_every_code_is_a_stable_word():
    assert [code for code in TABLE if not re.fullmatch(r"[a-z][a-z0-9_]{2,59}", code)] == []


def test_every_http_status_has_its_row():
    assert set(HTTP_CODES.values()) <= TABLE.keys()
    assert {status for status, code in HTTP_CODES.items() if TABLE[code].status != status} == set()


@pytest.mark.parametrize("code", sorted(TABLE))
def test_every_row_speaks_three_languages(code):
    row = TABLE[code]
    texts = [row.words(language) for language in ("es", "en", "pt")]
    assert len(set(texts)) == 3
    for text in texts:
        assert text == text.strip()
        assert text[0].isupper()
        assert text.endswith((".", "?"))
    assert 400 <= row.status < 600
    assert (row.retry_after is not None) >= (row.status == 503)


@pytest.mark.parametrize("code", sorted(TABLE))
def test_no_row_tells_people_about_machinery(code):
    words = " ".join(TABLE[code].words(language) for language in ("es", "en", "pt")).lower()
    for word in ("exception", "sql", "traceback", "null", "header mac", "x25519", "ed25519", "postgres", "clamd"):
        assert word not in words


def test_an_unknown_exception_is_internal():
    class Strange(Exception):
        code = "never_heard_of"

    assert code_of(Strange()) == code_of(ValueError("x")) == "internal"


def test_a_database_that_is_away_may_be_asked_again_and_an_impossible_value_may_not():
    assert code_of(OperationalError("SELECT", {}, Exception())) == "unavailable"
    assert code_of(DataError("SELECT", {}, Exception())) == "internal"
