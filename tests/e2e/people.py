"""What people do: the customer on the phone, the team at its desks. Every step is one that the screen offers."""

import re
from pathlib import Path

from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.e2e.files import Sent
from tests.e2e.installation import Asked, Installation
from tests.e2e.waiting import until

IDENTITY, ADDRESS, INCOME = "Identificación oficial", "Comprobante de domicilio", "Comprobante de ingresos"
FRONT, BACK = "Frente", "Reverso"
FILED, IN_REVIEW, REFUSED = "Recibido y archivado", "Recibido, en revisión", "No se pudo aceptar"
RETURNED, ACCEPTED = "Hay que enviarlo otra vez", "Aceptado"
OPEN_BUTTON = "Abrir portal seguro"


def tap_message(page: Page, here: Installation, asked: Asked, *, number: int = 1, script: bool = True) -> Page:
    """Look at the phone, wait for message `number` and tap its button. Return the tab that opens.

    The screen shows by itself what arrives; without JavaScript it has to be opened when it is there.
    """
    if script and number == 1:
        page.goto(here.urls["whatsapp"])
        page.get_by_role("link", name=re.compile(asked.wa_id)).tap()
    else:
        here.message_link(asked, number)
        page.goto(f"{here.urls['whatsapp']}/phones/{asked.wa_id}")
    buttons = page.get_by_role("link", name=OPEN_BUTTON)
    if not script:
        until(lambda: buttons.count() == number or page.reload() is None, f"message {number}", every=0.3)
    expect(buttons).to_have_count(number)
    with page.context.expect_page() as opened:
        buttons.last.tap()
    opened.value.wait_for_load_state()
    return opened.value


class Customer:
    """Somebody in front of the portal, with or without JavaScript."""

    def __init__(self, page: Page, *, script: bool = True) -> None:
        """Use a page that shows the portal."""
        self.page, self.script = page, script

    def accept(self) -> None:
        """Read the landing page and go on."""
        self.page.get_by_role("button", name="Acepto y continuar").tap()
        expect(self.page).to_have_url(re.compile(r"/e$"))

    def slot(self, title: str, side: str | None = None) -> Locator:
        """The place of one document on the checklist."""
        card = self.page.locator("section.card").filter(has=self.page.get_by_role("heading", name=title, level=2))
        slots = card.locator(".slot")
        return slots.filter(has=self.page.get_by_role("heading", name=side, level=3)) if side else slots

    def choose(self, title: str, file: Sent, side: str | None = None) -> None:
        """Choose a file; without JavaScript the form has to be sent too, and a photo among pages always."""
        slot = self.slot(title, side)
        chooser = slot.locator("input[id^=f-]")
        many = chooser.get_attribute("multiple") is not None
        chooser.set_input_files(file)
        if not self.script:
            with self.page.expect_navigation():
                slot.get_by_role("button", name="Subir" if many else "Enviar").tap()
        if many and file["mimeType"].startswith("image/"):
            slot.get_by_role("button", name="Enviar 1 página").tap()

    def sees(self, title: str, state: str, side: str | None = None) -> None:
        """Wait until the checklist says `state`; without JavaScript by loading it again and again."""
        chip = self.slot(title, side).locator(".chip")
        if self.script:
            expect(chip).to_have_text(state)
            return

        def said() -> bool:
            if (chip.text_content() or "").strip() == state:
                return True
            self.page.goto(f"{self.page.url.partition('/e')[0]}/e")
            return False

        until(said, f"{title}: {state}", every=0.3)


class Desk:
    """Somebody of the team at the console."""

    def __init__(self, here: Installation, context: BrowserContext, login: str) -> None:
        """`login` is the first part of the address: eva, carla ..."""
        self._here, self._login = here, login
        self.page = context.new_page()

    def sign_in(self) -> None:
        """Sign in with password and the code of this moment."""
        address = f"{self._login}@aurora.example"
        (told,) = [one for one in self._here.stack.logins() if one["email"] == address]
        page = self.page
        page.goto(self._here.urls["staff"])
        page.get_by_label("Correo").fill(address)
        page.get_by_label("Contraseña").fill(told["password"])
        page.get_by_label("Código de un solo uso").fill(told["code"])
        page.get_by_role("button", name="Entrar").click()
        expect(page.get_by_role("button", name="Cerrar sesión")).to_be_attached()

    def open_case(self, asked: Asked) -> None:
        """Find the case by its reference and open it."""
        page = self.page
        page.goto(f"{self._here.urls['staff']}/cases")
        page.get_by_label("Buscar por referencia").fill(asked.reference)
        page.get_by_role("button", name="Buscar").click()
        page.locator("table.board td.what a").first.click()
        expect(page.get_by_role("heading", name=asked.name)).to_be_visible()

    def look_at(self, title: str, *, pages: int) -> None:
        """Open a document of the open case and see all its pages, drawn. A side stands behind a comma."""
        page = self.page
        page.get_by_role("link", name=re.compile(rf"^(Revisar|Ver) {re.escape(title)}", re.IGNORECASE)).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
        self.sees_pages(pages)

    def sees_pages(self, count: int) -> None:
        """Wait until `count` page images are there and each of them shows something."""
        page, images = self.page, self.page.locator(".sheet img")
        until(lambda: images.count() == count or (page.reload() and False), f"{count} pages", every=0.5)
        for number in range(count):
            image = images.nth(number)
            image.scroll_into_view_if_needed()
            expect(image).to_have_js_property("complete", value=True)
            assert image.evaluate("image => image.naturalWidth") > 200

    def accept(self) -> None:
        """Accept the document that is open."""
        self.page.get_by_role("button", name="Aceptar").click()
        expect(self.page.get_by_text("Documento aceptado.")).to_be_visible()

    def return_(self, reason: str, note: str) -> None:
        """Return the document that is open."""
        page = self.page
        page.get_by_label(reason).check()
        page.get_by_label("Nota para el cliente").fill(note)
        page.get_by_role("button", name="Devolver", exact=True).click()
        expect(page.get_by_text("Documento devuelto.")).to_be_visible()

    def export(self, into: Path) -> Path:
        """Ask for an export of the open case, wait until it is ready and download it."""
        page = self.page
        page.get_by_role("button", name="Preparar exportación").click()
        expect(page.get_by_text("Exportación en preparación.")).to_be_visible()
        ready = page.get_by_role("button", name="Descargar ZIP").first
        expect(ready).to_be_visible()
        with page.expect_download() as download:
            ready.click()
        path = into / "export.zip"
        download.value.save_as(path)
        return path
