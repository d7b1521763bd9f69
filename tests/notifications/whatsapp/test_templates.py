"""The template library passes the platform's review rules and asks for nothing."""

from dataclasses import replace

import pytest

from notifications.whatsapp.authentication import LABELS
from notifications.whatsapp.errors import InvalidMessage
from notifications.whatsapp.library import LANGUAGES, NAMES, REQUEST
from notifications.whatsapp.management import create_template, list_templates
from notifications.whatsapp.parameters import carries_identifier, checked_parameters
from notifications.whatsapp.templates import (
    LIBRARY,
    VARIABLES,
    Template,
    find,
    language_for,
    payload,
)
from tests.sandbox.whatsapp.stage import staged

BASE = "https://docs.aurora.example/s/"


def a_template(**changes: str) -> Template:
    return replace(find(REQUEST, "es_MX"), **changes)


def test_every_message_exists_in_every_language() -> None:
    assert {(t.name, t.language) for t in LIBRARY} == {(name, language) for name in NAMES for language in LANGUAGES}
    assert set(LABELS) == set(LANGUAGES)


def test_no_two_templates_have_the_same_words() -> None:
    assert len({t.body for t in LIBRARY}) == len(LIBRARY)


@pytest.mark.parametrize("template", LIBRARY, ids=lambda t: f"{t.name}-{t.language}")
def test_every_template_of_the_library_passes_the_rules(template: Template) -> None:
    payload(template, base_url=BASE)
    assert template.body.count("{{") == len(VARIABLES)


def test_the_library_is_accepted_by_the_platform() -> None:
    with staged(templates=()) as stage:
        for template in LIBRARY:
            made = create_template(stage.api, stage.sender, payload=payload(template, base_url=BASE))
            assert getattr(made, "body", made)["status"] == "PENDING"
        stage.pass_time(5)
        listed = list(list_templates(stage.api, stage.sender))
        assert [row["status"] for row in listed] == ["APPROVED"] * len(LIBRARY)  # type: ignore[index]


def test_the_address_of_the_button_ends_in_its_only_variable() -> None:
    button = payload(a_template(), base_url=BASE)["components"][2]["buttons"][0]
    assert button["url"] == BASE + "{{1}}"
    assert button["example"] == [BASE + "a1b2c3"]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"body": "{{1}}, tu trámite {{2}} tiene pasos pendientes en el portal."}, "variable_edge at body"),
        ({"body": "Hola {{1}}, sube tu INE para el trámite {{2}} en nuestro portal."}, "asks_identifier at body"),
        ({"footer": "x" * 61}, "length at footer"),
        ({"label": "Abre nuestro portal seguro ya"}, r"length at buttons\[0\].text"),
        ({"name": "Solicitud"}, "name at name"),
    ],
)
def test_a_template_that_review_would_reject_is_not_submitted(changes: dict[str, str], complaint: str) -> None:
    with pytest.raises(InvalidMessage, match=complaint):
        payload(a_template(**changes), base_url=BASE)


@pytest.mark.parametrize("base", ["ftp://x/s/", "https://docs.example/s", "https://docs.example/{{1}}/", "/s/", ""])
def test_an_address_that_cannot_carry_a_link_is_refused(base: str) -> None:
    with pytest.raises(InvalidMessage, match="url"):
        payload(a_template(), base_url=base)


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1111",
        "012180001234567895",
        "12345678Z",
        "12.345.678-Z",
        "X1234567L",
        "123.456.789-09",
        "GODE561231GR8",
        "GODE561231HDFRRN04",
        "caso gode561231gr8",
        "cuenta 5512345678",
    ],
)
def test_an_identifier_may_not_travel_in_a_parameter(text: str) -> None:
    assert carries_identifier(text)
    with pytest.raises(InvalidMessage) as refusal:
        checked_parameters(["Ana", text])
    assert text not in str(refusal.value)


@pytest.mark.parametrize("text", ["Crédito 4711", "EXP-2026-000123", "María José", "Alta 12/11/2026", "Póliza A-77"])
def test_ordinary_names_of_cases_travel(text: str) -> None:
    assert checked_parameters([text]) == (text,)


def test_invisible_and_turning_marks_do_not_travel() -> None:
    assert checked_parameters(["An\u202ea\x00\ud800 \u200bRuiz"]) == ("Ana Ruiz",)


def test_parameters_become_one_line() -> None:
    assert checked_parameters(["Ana\n\tMaría     Ruiz "]) == ("Ana María Ruiz",)
    with pytest.raises(InvalidMessage):
        checked_parameters([" \n"])


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("es-MX", "es_MX"),
        ("es", "es_MX"),
        ("es-ES", "es_ES"),
        ("es_AR", "es_MX"),
        ("es-CO", "es_CO"),
        ("pt", "pt_BR"),
        ("pt-PT", "pt_BR"),
        ("en-GB", "en"),
        ("EN", "en"),
        ("fr", "es_MX"),
        ("", "es_MX"),
    ],
)
def test_every_locale_has_a_language(locale: str, language: str) -> None:
    assert language_for(locale) == language


@pytest.mark.parametrize(
    ("locale", "country", "language"),
    [
        ("es", "CO", "es_CO"),
        ("es", "ES", "es_ES"),
        ("es", "BR", "es_MX"),
        ("es-MX", "CO", "es_MX"),
        ("es-CO", "ES", "es_CO"),
        ("es-AR", "ES", "es_MX"),
        ("pt", "CO", "pt_BR"),
        ("en", "ES", "en"),
        ("fr", "CO", "es_CO"),
        ("", "es", "es_ES"),
    ],
)
def test_where_the_locale_says_no_region_the_country_of_the_company_does(
    locale: str, country: str, language: str
) -> None:
    assert language_for(locale, country) == language
