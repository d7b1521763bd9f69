"""A link that asks for a one-time code, from the message to the checklist, as the customer goes."""

import re
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, expect

from tests.e2e import files
from tests.e2e.browsers import accessible, fits
from tests.e2e.installation import Asked, Installation
from tests.e2e.people import ADDRESS, FILED, Customer, Desk, tap_message
from tests.e2e.waiting import until

TEMPLATE = "domicilio-con-codigo"


def the_code(here: Installation, asked: Asked, number: int = 1) -> str:
    """Wait for code number `number` on the person's phone."""
    found = until(
        lambda: [one["code"] for one in here.messages(asked) if one["code"]][number - 1 :], f"code of {asked.name}"
    )
    return str(found[0])


def press_on(page: Page) -> None:
    page.get_by_role("button", name="Acepto y continuar").tap()
    expect(page).to_have_url(re.compile(r"/e/code$"))


def type_code(page: Page, code: str) -> None:
    page.get_by_label("Código de 6 dígitos").fill(code)
    page.get_by_role("button", name="Continuar").tap()


def test_the_code_opens_the_checklist(here: Installation, phone: BrowserContext, team: Callable[[str], Desk]) -> None:
    asked = here.ask(template=TEMPLATE)
    page = tap_message(phone.new_page(), here, asked)
    press_on(page)
    expect(page.get_by_text(f"al número que termina en {asked.phone[-2:]}.")).to_be_visible()
    accessible(page)
    fits(page)
    page.goto(f"{here.urls['customer']}/e/done")
    expect(page).to_have_url(re.compile(r"/e/code$"))
    code = the_code(here, asked)
    type_code(page, f"{(int(code) + 1) % 10**6:06d}")
    expect(page.get_by_role("alert")).to_contain_text("Te quedan 4 intentos.")
    accessible(page)
    type_code(page, f"{code[:3]} {code[3:]}")
    expect(page).to_have_url(re.compile(r"/e$"))
    ana = Customer(page)
    ana.choose(ADDRESS, files.pdf_file("recibo.pdf", files.pdf()))
    ana.sees(ADDRESS, FILED)
    story = team("eva")
    story.open_case(asked)
    expect(story.page.get_by_text("escribió el código correcto")).to_be_visible()


def test_the_code_opens_the_checklist_without_scripts(here: Installation, simple_phone: BrowserContext) -> None:
    asked = here.ask(template=TEMPLATE)
    page = tap_message(simple_phone.new_page(), here, asked, script=False)
    press_on(page)
    fits(page)
    type_code(page, the_code(here, asked))
    expect(page).to_have_url(re.compile(r"/e$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Tus documentos para Financiera Aurora")


def test_a_forwarded_link_stops_at_the_code(
    here: Installation, phone: BrowserContext, simple_phone: BrowserContext
) -> None:
    """The friend sees that a code went to a number that is not theirs; Ana's own visit goes on."""
    asked = here.ask(template=TEMPLATE)
    page = tap_message(phone.new_page(), here, asked)
    press_on(page)
    type_code(page, the_code(here, asked))
    expect(page).to_have_url(re.compile(r"/e$"))
    friend = simple_phone.new_page()
    friend.goto(here.message_link(asked))
    press_on(friend)
    type_code(friend, the_code(here, asked))
    if the_code(here, asked) != the_code(here, asked, 2):
        expect(friend.get_by_role("alert")).to_contain_text("Ese no es el código.")
    friend.goto(f"{here.urls['customer']}/e")
    expect(friend).to_have_url(re.compile(r"/e/code$"))
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Tus documentos para Financiera Aurora")
