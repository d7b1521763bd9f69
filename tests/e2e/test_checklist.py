"""The checklist follows the customer: what was chosen is sent, whatever the page does meanwhile."""

from collections.abc import Callable

from playwright.sync_api import BrowserContext, Route, expect

from tests.e2e import files
from tests.e2e.installation import Asked, Installation
from tests.e2e.people import ADDRESS, FILED, FRONT, IDENTITY, Customer


def test_a_file_chosen_in_a_dialog_that_was_opened_before_the_page_changed_is_still_sent(
    here: Installation, visit: Callable[[Asked], Customer]
) -> None:
    asked = here.ask(mode="none")
    ana = visit(asked)
    chooser = ana.slot(ADDRESS).locator("input[id^=f-]").last.element_handle()  # the camera is open
    ana.choose(IDENTITY, files.image_file("frente.jpg", files.camera_jpeg(size=(1200, 900))), FRONT)
    ana.sees(IDENTITY, FILED, FRONT)
    assert chooser is not None
    chooser.set_input_files(files.pdf_file("recibo.pdf", files.pdf()))
    ana.sees(ADDRESS, FILED)


def test_a_file_chosen_before_the_script_came_is_still_sent(here: Installation, phone: BrowserContext) -> None:
    page, held = phone.new_page(), list[Route]()
    page.route(
        "**/customer.js*", lambda route: held.append(route)
    )  # a slow network: the page is there, its script is not
    page.goto(str(here.ask(mode="none").link))
    page.get_by_role("button", name="Acepto y continuar").tap(no_wait_after=True)
    ana = Customer(page)
    expect(ana.slot(ADDRESS)).to_be_visible()
    ana.choose(ADDRESS, files.pdf_file("recibo.pdf", files.pdf()))
    for route in held:
        route.continue_()
    ana.sees(ADDRESS, FILED)
