"""Several photos, from the phone's gallery to the pages in front of the executive."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e import files
from tests.e2e.browsers import accessible, fits
from tests.e2e.installation import Asked, Installation
from tests.e2e.people import FILED, INCOME, Customer, Desk


def test_photos_of_a_payslip_become_one_document_that_the_executive_reads_page_by_page(
    here: Installation, visit: Callable[[Asked], Customer], team: Callable[[str], Desk]
) -> None:
    asked = here.ask(mode="none")
    ana = visit(asked)
    slot = ana.slot(INCOME)
    upright = files.camera_jpeg(size=(1500, 2000))
    photos = [files.image_file(f"IMG_{number}.jpg", upright) for number in (1, 2)]
    slot.locator(".gal input").set_input_files([*photos, files.image_file("IMG_3.HEIC", files.heic())])
    expect(slot.locator(".tray li")).to_have_count(3)
    slot.get_by_role("button", name="Mover antes la página 3").tap()
    expect(slot.get_by_role("button", name="Mover antes la página 2")).to_be_focused()
    fits(ana.page)
    accessible(ana.page)
    slot.get_by_role("button", name="Enviar 3 páginas").tap()
    ana.sees(INCOME, FILED)
    eva = team("eva")
    eva.open_case(asked)
    eva.look_at(INCOME, pages=3)
