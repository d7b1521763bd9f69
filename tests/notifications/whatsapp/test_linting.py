"""The linter: what review would reject is named with a code, a place and words; what passes has no complaint."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.whatsapp import authentication
from notifications.whatsapp.library import REQUEST
from notifications.whatsapp.linting import Code, lint, lint_all
from notifications.whatsapp.linting.complaints import Complaint
from notifications.whatsapp.linting.phrases import PHRASES
from notifications.whatsapp.linting.words import LANGUAGES, say, where
from notifications.whatsapp.templates import LIBRARY, find, unchecked_payload

BASE = "https://docs.aurora.example/s/"
Change = Callable[[dict[str, Any]], object]


def a_body(name: str = "avisos_v1") -> dict[str, Any]:
    """A template of ours under a name of somebody's own, so that only its content counts."""
    return unchecked_payload(find(REQUEST, "es_MX"), base_url=BASE) | {"name": name}


def found(body: object) -> set[tuple[str, str]]:
    return {(complaint.code.value, complaint.place) for complaint in lint(body)}


def part(kind: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda body: next(each for each in body["components"] if each["type"] == kind)


def says(text: str, *samples: str) -> Change:
    """Give the body another text and samples."""

    def change(body: dict[str, Any]) -> None:
        part("BODY")(body).update(text=text, example={"body_text": [list(samples)]})

    return change


def footer(text: str) -> Change:
    return lambda body: part("FOOTER")(body).update(text=text)


def button(**values: Any) -> Change:
    return lambda body: part("BUTTONS")(body)["buttons"][0].update(values)


def buttons(*rows: dict[str, Any]) -> Change:
    return lambda body: part("BUTTONS")(body).update(buttons=list(rows))


def header(**values: Any) -> Change:
    return lambda body: body["components"].insert(0, {"type": "HEADER", "format": "TEXT", **values})


def top(**values: Any) -> Change:
    return lambda body: body.update(values)


def link(url: str, *samples: str) -> Change:
    return button(url=url, example=list(samples or ["a1b2c3"]))


def reply(label: str) -> dict[str, Any]:
    return {"type": "QUICK_REPLY", "text": label}


OPEN = {"type": "URL", "text": "Abrir", "url": BASE}
CALM = "Hola {{1}}, tu trámite sigue su curso en nuestro portal seguro."
BROKEN: list[tuple[Change, str, str]] = [
    (top(name="Avisos v1"), "name", "name"),
    (top(name="a" * 513), "name", "name"),
    (top(name=7), "name", "name"),
    (top(language="es-MX"), "language", "language"),
    (top(language="es_XX"), "language", "language"),
    (top(category="NEWS"), "category", "category"),
    (top(parameter_format="LETTERS"), "format", "parameter_format"),
    (top(message_send_ttl_seconds=29), "ttl", "message_send_ttl_seconds"),
    (top(message_send_ttl_seconds=43_201), "ttl", "message_send_ttl_seconds"),
    (top(message_send_ttl_seconds=True), "ttl", "message_send_ttl_seconds"),
    (top(components="BODY"), "shape", "components"),
    (lambda body: body["components"].append({"type": "CAROUSEL"}), "part_unknown", "components[3]"),
    (lambda body: body["components"].append(part("BODY")(body)), "part_twice", "body"),
    (lambda body: body["components"].pop(0), "body_missing", "body"),
    (says(""), "length", "body"),
    (says("Hola, " + "tu trámite sigue. " * 60), "length", "body"),
    (footer("Responde BAJA " + "x" * 50), "length", "footer"),
    (header(text="x" * 61), "length", "header"),
    (button(text="x" * 26), "length", "buttons[0].text"),
    (button(text=""), "length", "buttons[0].text"),
    (says("Hola {{1}}, bien.\n\n\nTu trámite sigue su curso.", "Ana"), "line_breaks", "body"),
    (says("\nHola {{1}}, tu trámite sigue su curso.", "Ana"), "line_breaks", "body"),
    (footer("Responde BAJA\npara salir"), "line_breaks", "footer"),
    (header(text="Tu\ntrámite"), "line_breaks", "header"),
    (says("Hola {{1}},    tu trámite sigue su curso.", "Ana"), "spaces", "body"),
    (says("Hola {{1}},\ttu trámite sigue su curso.", "Ana"), "spaces", "body"),
    (says("Hola {{1}}, tu tr\u200bámite sigue su curso.", "Ana"), "invisible", "body"),
    (footer("Responde BAJA \u202epara salir"), "invisible", "footer"),
    (button(text="Abrir\ud800"), "invisible", "buttons[0].text"),
    (footer("Responde *BAJA* para salir"), "formatting", "footer"),
    (header(text="Tu _trámite_"), "formatting", "header"),
    (button(text="~Abrir~"), "formatting", "buttons[0].text"),
    (footer("Responde BAJA 🙂"), "emoji", "footer"),
    (header(text="📄 Tu trámite"), "emoji", "header"),
    (button(text="Abrir ➡"), "emoji", "buttons[0].text"),
    (says("Hola {{1}}, tu trámite sigue su curso. " + "🙂" * 11, "Ana"), "emoji_many", "body"),
    (says("Hola {1}, tu trámite sigue su curso."), "variable_malformed", "body"),
    (says("Hola {{1}, tu trámite sigue su curso."), "variable_malformed", "body"),
    (says("Hola {{ 1 }}, tu trámite sigue su curso.", "Ana"), "variable_name", "body"),
    (says("Hola {{}}, tu trámite sigue su curso.", "Ana"), "variable_name", "body"),
    (says("Hola {{nombre}}, tu trámite sigue su curso.", "Ana"), "variable_name", "body"),
    (says("Hola {{2}}, tu trámite {{1}} sigue su curso en el portal.", "Ana", "A"), "variable_order", "body"),
    (says("Hola {{1}}, tu trámite {{3}} sigue su curso en el portal.", "Ana", "A"), "variable_order", "body"),
    (says("{{1}}, tu trámite sigue su curso.", "Ana"), "variable_edge", "body"),
    (says("Tu trámite sigue su curso, {{1}}.", "Ana"), "variable_edge", "body"),
    (says("Hola {{1}} {{2}}, tu trámite sigue su curso.", "Ana", "A"), "variable_adjacent", "body"),
    (says("Hola {{1}}, va {{2}} ya", "Ana", "A"), "variable_many", "body"),
    (footer("BAJA {{1}}"), "variable_forbidden", "footer"),
    (button(text="Abrir {{1}}"), "variable_forbidden", "buttons[0].text"),
    (header(text="Para {{1}} y {{2}}", example={"header_text": ["a", "b"]}), "variable_forbidden", "header"),
    (says(CALM), "sample_missing", "body.example"),
    (says(CALM, "Ana", "otro"), "sample_superfluous", "body.example"),
    (lambda body: part("BODY")(body).update(example={"body_text": "Ana"}), "sample_missing", "body.example"),
    (header(text="Para {{1}} va"), "sample_missing", "header.example"),
    (says(CALM, " "), "sample_characters", "body.example"),
    (says(CALM, "Ana\nRuiz"), "sample_characters", "body.example"),
    (says(CALM, "$100"), "sample_characters", "body.example"),
    (says(CALM, "GODE561231GR8"), "sample_identifier", "body.example"),
    (says(CALM, "55 1234 5678 9012"), "sample_identifier", "body.example"),
    (buttons({"type": "FAX", "text": "Fax"}), "button_unknown", "buttons[0]"),
    (buttons(*(reply(f"Opción {n}") for n in range(11))), "buttons_many", "buttons"),
    (buttons(*(OPEN | {"text": f"Abrir {n}"} for n in "abc")), "buttons_many", "buttons"),
    (buttons(reply("Sí"), OPEN, reply("No")), "buttons_mixed", "buttons"),
    (buttons(reply("Sí"), reply("sí ")), "label_twice", "buttons"),
    (buttons(), "shape", "buttons"),
    (link("ftp://x.example/{{1}}"), "url", "buttons[0].url"),
    (link("https:///{{1}}"), "url", "buttons[0].url"),
    (link("https://me@x.example/{{1}}"), "url", "buttons[0].url"),
    (link("https://x.example/un trámite/{{1}}"), "url", "buttons[0].url"),
    (link("https://[::1/{{1}}"), "url", "buttons[0].url"),
    (link("https://x.example/" + "a" * 1800 + "/{{1}}"), "url_length", "buttons[0].url"),
    (link("https://x.example/{{1}}/{{2}}"), "url_variable", "buttons[0].url"),
    (link("https://x.example/{{1}}/ver"), "url_variable", "buttons[0].url"),
    (link("https://x.example/{{2}}"), "url_variable", "buttons[0].url"),
    (link("https://x.example/s{{1}}"), "url_variable", "buttons[0].url"),
    (link("https://x.example/{{token}}"), "url_variable", "buttons[0].url"),
    (button(example=[]), "sample_missing", "buttons[0].example"),
    (button(example=["https://other.example/s/a"]), "url_sample", "buttons[0].example"),
    (link("https://bit.ly/{{1}}"), "url_shortener", "buttons[0].url"),
    (link("https://wa.me/{{1}}"), "url_whatsapp", "buttons[0].url"),
    (link("https://api.whatsapp.com/send?text={{1}}"), "url_whatsapp", "buttons[0].url"),
    (link("http://docs.aurora.example/s/{{1}}"), "url_insecure", "buttons[0].url"),
    (says("Hola {{1}}, mira en bit.ly/3x lo que sigue en tu trámite.", "Ana"), "url_shortener", "body"),
    (says("Hola {{1}}, tu trámite sigue en https://x.example hoy mismo.", "Ana"), "link_in_text", "body"),
    (says("Hola {{1}}, tu trámite sigue. Marca 5512345678 y te ayudamos.", "Ana"), "number_in_text", "body"),
    (footer("Responde con una palabra"), "opt_out_missing", "footer"),
    (lambda body: body["components"].pop(1), "opt_out_missing", "footer"),
    (says("Hola {{1}}, URGENTE: tu trámite sigue su curso.", "Ana"), "alarming", "body"),
    (says("HOLA {{1}}, TU TRÁMITE SIGUE SU CURSO EN EL PORTAL", "Ana"), "shouting", "body"),
]


@pytest.mark.parametrize(("change", "code", "place"), BROKEN)
def test_what_review_would_reject_is_named(change: Change, code: str, place: str) -> None:
    body = copy.deepcopy(a_body())
    change(body)
    assert (code, place) in found(body)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("sube tu INE para seguir", "asks_identifier"),
        ("ten a la mano tu cédula", "asks_identifier"),
        ("confirma tu contrasena", "asks_identifier"),
        ("send us your passport", "asks_identifier"),
        ("confirm your account", "asks_identifier"),
        ("informe seu cartão", "asks_identifier"),
        ("envie seu CPF", "asks_identifier"),
        ("envíanos tus documentos", "asks_documents"),
        ("manda las fotos que faltan", "asks_documents"),
        ("upload your documents", "asks_documents"),
        ("envie os arquivos", "asks_documents"),
        ("aprovecha este descuento", "marketing_words"),
        ("tienes 20 % de más", "marketing_words"),
        ("a special offer for you", "marketing_words"),
        ("uma promoção para você", "marketing_words"),
        ("tu crédito será bloqueado", "alarming"),
        ("this is the final notice", "alarming"),
    ],
)
def test_a_text_that_asks_sells_or_scares_is_named(text: str, code: str) -> None:
    body = copy.deepcopy(a_body())
    says(f"Hola {{{{1}}}}, {text}, en nuestro portal seguro.", "Ana")(body)
    assert (code, "body") in found(body)


@pytest.mark.parametrize(
    "text",
    [
        "no envíes archivos por este chat",
        "please do not send files in this chat",
        "não envie arquivos por este chat",
        "ten en cuenta que puedes volver después",
        "leve em conta que pode voltar depois",
        "tu trámite y tu domicilio siguen igual",
    ],
)
def test_a_text_that_only_warns_passes(text: str) -> None:
    body = copy.deepcopy(a_body())
    says(f"Hola {{{{1}}}}, {text}, gracias por tu paciencia.", "Ana")(body)
    assert found(body) == set()


def test_the_library_and_the_codes_pass_also_beside_each_other() -> None:
    bodies = [unchecked_payload(template, base_url=BASE) for template in LIBRARY] + authentication.payloads()
    assert [complaint for complaints in lint_all(bodies) for complaint in complaints] == []


def test_a_demo_on_this_machine_needs_no_certificate() -> None:
    assert found(unchecked_payload(find(REQUEST, "en"), base_url="http://portal.localhost:8000/s/")) == set()


def test_named_variables_need_named_samples() -> None:
    body = a_body() | {"parameter_format": "NAMED"}
    text = "Hola {{nombre}}, tu trámite {{tramite}} sigue su curso en nuestro portal."
    samples = [{"param_name": "nombre", "example": "Ana"}, {"param_name": "tramite", "example": "Crédito 4711"}]
    part("BODY")(body).update(text=text, example={"body_text_named_params": samples})
    assert found(body) == set()
    for wrong in (samples[:1], [samples[0], samples[0]], "Ana", [{"param_name": "nombre"}]):
        part("BODY")(body).update(example={"body_text_named_params": wrong})
        assert ("sample_missing", "body.example") in found(body)
    part("BODY")(body).update(text=text.replace("{{nombre}}", "{{Nombre}}"))
    assert ("variable_name", "body") in found(body)
    part("BODY")(body).update(text=text.replace("{{nombre}}", "{{1}}"))
    assert ("variable_name", "body") in found(body)


def test_a_code_carries_no_words_and_no_link_of_ours() -> None:
    body = copy.deepcopy(authentication.payloads()[0])
    part("BODY")(body)["text"] = "Tu código es {{1}}, no lo des a nadie."
    part("BUTTONS")(body)["buttons"].append(OPEN)
    body["message_send_ttl_seconds"] = 901
    assert {("authentication_words", "body"), ("authentication_link", "buttons[1]")} <= found(body)
    assert ("ttl", "message_send_ttl_seconds") in found(body)


def test_marketing_may_sell() -> None:
    body = a_body() | {"category": "MARKETING"}
    body["message_send_ttl_seconds"] = 86_400
    says("Hola {{1}}, hay un descuento para ti en nuestro portal seguro.", "Ana")(body)
    assert found(body) == set()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (says("Hola {{1}}, tu trámite {{2}} sigue su curso en el portal.", "Ana", "A"), "library_variables"),
        (header(text="Aviso"), "library_variables"),
        (button(url=BASE), "library_button"),
        (lambda body: part("BUTTONS")(body)["buttons"].append(reply("No gracias")), "library_button"),
    ],
)
def test_under_a_name_of_the_library_a_message_keeps_what_is_filled_in(change: Change, code: str) -> None:
    body = copy.deepcopy(a_body(REQUEST))
    change(body)
    assert code in {each for each, _ in found(body)}


def test_twins_in_one_batch_are_named() -> None:
    first, second = a_body("one_v1"), a_body("two_v1")
    assert lint_all([first, first | {"components": first["components"]}])[1][0].code is Code.TWICE
    assert [each.code for each in lint_all([first, second])[1]] == [Code.SAME_WORDS]


def test_every_complaint_has_words_in_three_languages() -> None:
    assert set(PHRASES) == set(Code)
    for code in Code:
        complaint = Complaint(code=code, place="buttons[0].url", found="bit.ly")
        texts = [say(complaint, language) for language in LANGUAGES]
        assert len(set(texts)) == 3
        assert all("{found}" not in text and text.endswith(".") for text in texts)
    assert [where(complaint, language) for language in ("es", "en", "pt", "fr")] == [
        "Botón",
        "Button",
        "Botão",
        "Botón",
    ]


def test_only_advice_does_not_stop_a_template() -> None:
    body = a_body()
    says("Hola {{1}}, es urgente: tu trámite sigue su curso.", "Ana")(body)
    assert [complaint.only_advice for complaint in lint(body)] == [True]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
TEXT = st.text(alphabet=st.sampled_from("aé1{} \n\t%$*_🙂\u200d\u202e\ud800:/.@[]"), max_size=60)
PART = st.fixed_dictionaries(
    {"type": st.sampled_from(["HEADER", "BODY", "FOOTER", "BUTTONS", "body", ""]) | ANYTHING},
    optional={
        "format": st.sampled_from(["TEXT", "IMAGE"]) | ANYTHING,
        "text": TEXT | ANYTHING,
        "example": st.dictionaries(
            st.sampled_from(["body_text", "header_text", "body_text_named_params"]),
            st.lists(st.lists(TEXT, max_size=2), max_size=2) | ANYTHING,
        )
        | ANYTHING,
        "buttons": st.lists(
            st.fixed_dictionaries(
                {"type": st.sampled_from(["URL", "QUICK_REPLY", "OTP"]) | ANYTHING},
                optional={"text": TEXT, "url": TEXT.map("https://".__add__) | TEXT, "example": ANYTHING},
            )
            | ANYTHING,
            max_size=3,
        )
        | ANYTHING,
    },
)
TEMPLATE = st.fixed_dictionaries(
    {},
    optional={
        "name": TEXT | ANYTHING | st.just(REQUEST),
        "language": st.sampled_from(["es_MX", "pt_BR"]) | ANYTHING,
        "category": st.sampled_from(["UTILITY", "AUTHENTICATION", "MARKETING"]) | ANYTHING,
        "parameter_format": st.sampled_from(["NAMED", "POSITIONAL"]) | ANYTHING,
        "message_send_ttl_seconds": ANYTHING,
        "components": st.lists(PART | ANYTHING, max_size=5) | ANYTHING,
    },
)


@given(body=TEMPLATE | ANYTHING)
def test_no_body_whatever_breaks_the_linter(body: object) -> None:
    for complaint in lint(body):
        assert all(say(complaint, language) for language in LANGUAGES)
    assert len(lint_all([body, body])) == 2


@given(text=TEXT)
def test_a_text_that_passes_survives_its_way_to_the_platform(text: str) -> None:
    body = a_body()
    says(text)(body)
    if "body" not in {complaint.place for complaint in lint(body)}:
        sent = json.loads(json.dumps(body))
        assert part("BODY")(sent)["text"] == text
        assert text.strip()
