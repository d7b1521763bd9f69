"""Every screen at the size of a phone and of a desk: axe finds nothing, nothing is cut off at the side."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e import files
from tests.e2e.browsers import DESK, PHONE, Complaints, accessible, context, fits
from tests.e2e.installation import Asked, Installation
from tests.e2e.people import ADDRESS, FILED, FRONT, IDENTITY, INCOME, REFUSED, Customer, Desk

NARROW, WIDE = {"width": 360, "height": 740}, {"width": 1280, "height": 800}


@pytest.fixture(params=[PHONE, DESK], ids=["phone", "desk"])
def screen(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A page of either size."""
    opened = context(browser, **(request.param | {"has_touch": True}))
    complaints = Complaints(opened)
    yield opened.new_page()
    opened.close()
    assert complaints.said == []


def good(page: Page) -> None:
    """Fail unless the page is accessible and fits."""
    accessible(page)
    fits(page)


def test_the_customer_s_screens(here: Installation, screen: Page) -> None:
    asked = here.ask(mode="none")
    screen.goto(str(asked.link))
    good(screen)
    screen.get_by_role("link", name="Leer el aviso completo").tap()
    expect(screen.get_by_role("heading", level=1)).to_have_text("Aviso de privacidad")
    good(screen)
    screen.get_by_role("link", name="Volver").tap()
    ana = Customer(screen)
    ana.accept()
    expect(ana.slot(ADDRESS)).to_be_visible()
    good(screen)
    ana.choose(IDENTITY, files.image_file("frente.jpg", files.camera_jpeg(size=(1200, 900))), FRONT)
    ana.choose(ADDRESS, files.pdf_file("recibo.pdf", files.pdf()))
    ana.choose(INCOME, files.eicar_pdf())
    ana.sees(IDENTITY, FILED, FRONT)
    ana.sees(ADDRESS, FILED)
    ana.sees(INCOME, REFUSED)
    good(screen)
    screen.goto(f"{here.urls['customer']}/e/done")
    good(screen)
    screen.get_by_role("button", name="Salir y borrar").tap()
    expect(screen.get_by_role("heading", level=1)).to_have_text("Saliste de forma segura")
    good(screen)
    screen.goto(f"{here.urls['customer']}/s/none")
    good(screen)
    screen.goto(here.urls["customer"])
    good(screen)


def test_the_phone_s_screens(here: Installation, screen: Page) -> None:
    asked = here.ask()
    here.message_link(asked)
    screen.goto(here.urls["whatsapp"])
    good(screen)
    screen.goto(f"{here.urls['whatsapp']}/phones/{asked.wa_id}")
    good(screen)


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["phone", "desk"])
def test_the_console_s_screens(
    size: Any, here: Installation, reviewed: Asked, team: Callable[[str], Desk], screen: Page
) -> None:
    eva, carla, saul = team("eva"), team("carla"), team("saul")
    screen.goto(f"{here.urls['staff']}/sign-in")
    good(screen)
    for desk, paths in (
        (eva, ("/cases", "/cases?group=all", "/cases/new")),
        (carla, ("/cases", "/audit")),
        (saul, ("/",)),
    ):
        desk.page.set_viewport_size(size)
        for path in paths:
            desk.page.goto(here.urls["staff"] + path)
            good(desk.page)
    for desk in (eva, carla):
        desk.open_case(reviewed)
        good(desk.page)
    eva.look_at(f"{IDENTITY} · frente", pages=1)
    good(eva.page)
    for desk in (eva, carla, saul):
        desk.page.set_viewport_size(WIDE)


@pytest.fixture(scope="module")
def reviewed(here: Installation, browser: Browser) -> Asked:
    """A case with documents in several states."""
    asked, opened = here.ask(), context(browser, **PHONE)
    page = opened.new_page()
    page.goto(here.message_link(asked))
    ana = Customer(page)
    ana.accept()
    ana.choose(IDENTITY, files.image_file("frente.jpg", files.camera_jpeg(size=(1200, 900))), FRONT)
    ana.choose(INCOME, files.eicar_pdf())
    ana.sees(IDENTITY, FILED, FRONT)
    ana.sees(INCOME, REFUSED)
    opened.close()
    return asked
