"""From the code on a message to the page that tells who sent it, as a wary customer goes."""

import re
import secrets

from playwright.sync_api import BrowserContext, Page, expect

from tests.e2e.browsers import accessible, fits
from tests.e2e.installation import Asked, Installation
from tests.e2e.people import tap_message

CODE = re.compile(r"[0-9A-Z]{4}-[0-9A-Z]{4}")


def asked_with_a_word(here: Installation, word: str) -> Asked:
    body = here.a_request() | {"known_word": word}
    answer = here.api("POST", "/api/v1/requests", key=secrets.token_hex(8), body=body)
    assert answer.status_code == 201, answer.text
    return here.asked(body, answer.json())


def code_on_the_phone(here: Installation, asked: Asked) -> str:
    here.message_link(asked)
    found = CODE.search(here.messages(asked)[0]["text"])
    assert found is not None
    return found[0]


def type_code(page: Page, code: str) -> None:
    page.get_by_label("Código del mensaje").fill(code)
    page.get_by_role("button", name="Comprobar").tap()


def test_the_code_on_the_message_shows_the_word_that_both_know(
    here: Installation, phone: BrowserContext, simple_phone: BrowserContext
) -> None:
    asked = asked_with_a_word(here, "girasol")
    code = code_on_the_phone(here, asked)
    for page in (phone.new_page(), simple_phone.new_page()):
        page.goto(here.urls["customer"])
        page.get_by_role("link", name="¿Es auténtico este enlace?").tap()
        type_code(page, "ZZZZ-ZZZZ")
        expect(page.get_by_role("alert")).to_contain_text("Ningún enlace vigente tiene ese código.")
        type_code(page, code.lower().replace("-", " "))
        expect(page.get_by_role("heading", level=1)).to_have_text("Financiera Aurora envió este enlace")
        expect(page.get_by_text("girasol")).to_be_visible()
        expect(page.get_by_text("3 documentos")).to_be_visible()
        fits(page)
    accessible(phone.pages[0])


def test_the_landing_page_shows_the_code_to_compare(here: Installation, phone: BrowserContext) -> None:
    asked = asked_with_a_word(here, "girasol")
    page = tap_message(phone.new_page(), here, asked)
    page.get_by_role("link", name="Comprueba que el mensaje es de Financiera Aurora").tap()
    expect(page.get_by_text(code_on_the_phone(here, asked))).to_be_visible()
    accessible(page)
    page.get_by_role("link", name="Volver").tap()
    expect(page.get_by_role("button", name="Acepto y continuar")).to_be_visible()
