"""`python -m sandbox.screenshots`: the pictures of the README, taken from the running product.

A company of its own is started in a temporary folder, some people are asked and some of them answer, and every screen
is photographed at the size at which it is used. Nothing is drawn by hand: what the pictures show happened.
"""

import argparse
import io
import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Page, sync_playwright

from sandbox import paperwork
from sandbox.launch.layout import REPOSITORY
from sandbox.launch.stack import Stack

PHONE: dict[str, Any] = {
    "viewport": {"width": 360, "height": 740},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
PATIENCE_MS = 60_000
COLOURS = 160
OTHERS = (
    ("Bruno Cárdenas", "Crédito hipotecario 2041", "credito-personal"),
    ("Lucía Ferrer", "Cambio de domicilio 118", "cambio-domicilio"),
    ("Diego Salas", "Crédito personal 4698", "credito-personal"),
    ("Marta Quiroz", "Crédito personal 4702", "credito-personal"),
    ("Iván Ocampo", "Crédito automotriz 771", "credito-personal"),
)


class Studio:
    """The running product, a browser, and the folder that the pictures go to."""

    def __init__(self, stack: Stack, browser: Browser, folder: Path) -> None:
        """Take what was started."""
        self.stack, self._browser, self._folder = stack, browser, folder
        self.urls = stack.urls

    def page(self, **how: Any) -> Page:
        """Return a page of a browser of its own, in Spanish."""
        context = self._browser.new_context(locale="es-MX", timezone_id="America/Mexico_City", **how)
        context.set_default_timeout(PATIENCE_MS)
        return context.new_page()

    def shoot(self, page: Page, name: str) -> None:
        """Write the picture of what the page shows now, in few colours."""
        page.wait_for_load_state("networkidle")
        picture = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
        path = self._folder / f"{name}.png"
        picture.quantize(COLOURS, dither=Image.Dither.NONE).save(path, "PNG", optimize=True)
        print(f"  {path} ({path.stat().st_size // 1000} kB)")

    def ask(self, name: str, title: str, template: str, phone: str) -> dict[str, Any]:
        """Ask somebody for documents, as a CRM does."""
        body = {
            "external_ref": f"CRM-{title.rpartition(' ')[2]}",
            "title": title,
            "contact": {"name": name, "phone": phone, "locale": "es"},
            "template_key": template,
        }
        port = self.stack.site.port("gateway")
        headers = {
            "Authorization": f"Bearer {self.stack.demo['api_key']}",
            "Host": f"api.localhost:{port}",
            "Idempotency-Key": secrets.token_hex(8),
        }
        answer = httpx.post(
            f"http://127.0.0.1:{port}/api/v1/requests", json=body, headers=headers, trust_env=False, timeout=30
        )
        answer.raise_for_status()
        told = {"phone": phone, "name": name}
        simulator = f"http://127.0.0.1:{self.stack.site.port('whatsapp')}/sim/phones"
        httpx.post(simulator, json=told, trust_env=False, timeout=30).raise_for_status()
        asked: dict[str, Any] = answer.json()
        return asked

    def sign_in(self, login: str) -> Page:
        """Return a desk at which somebody of the team is signed in."""
        (told,) = [one for one in self.stack.logins() if one["email"].startswith(f"{login}@")]
        page = self.page(**DESK)
        page.goto(self.urls["staff"])
        page.get_by_label("Correo").fill(told["email"])
        page.get_by_label("Contraseña").fill(told["password"])
        page.get_by_label("Código de un solo uso").fill(told["code"])
        page.get_by_role("button", name="Entrar").click()
        page.get_by_role("button", name="Cerrar sesión").wait_for(state="attached")
        return page


def take(studio: Studio) -> None:
    """Let the story happen and take its pictures."""
    for number, (name, title, template) in enumerate(OTHERS):
        studio.ask(name, title, template, f"+5255500040{number:02d}")
    ana = "+525512345678"
    studio.ask("Ana López Hernández", "Crédito personal 4711", "credito-personal", ana)
    phone = studio.page(**PHONE)
    _answer_for_others(studio, phone)
    portal = _receive(studio, phone, ana)
    _send(studio, portal)
    eva = studio.sign_in("eva")
    _review(studio, eva)
    _send_again(studio, phone, ana)
    _console(studio, eva)
    _compliance(studio)


def _open_message(studio: Studio, phone: Page, number: str) -> Page:
    phone.goto(f"{studio.urls['whatsapp']}/phones/521{number.removeprefix('+52')}")
    with phone.context.expect_page() as opened:
        phone.get_by_role("link", name="Abrir portal seguro").last.tap()
    return opened.value


def _arrived(studio: Studio, phone: Page, number: str, messages: int) -> None:
    phone.goto(studio.urls["whatsapp"])
    phone.locator(f"a[href*='521{number.removeprefix('+52')}']").tap()
    phone.get_by_role("link", name="Abrir portal seguro").nth(messages - 1).wait_for()


def _choose(page: Page, slot: int, name: str, kind: str, data: bytes) -> None:
    page.locator(".slot").nth(slot).locator("input[name=file]").last.set_input_files(
        {"name": name, "mimeType": kind, "buffer": data}
    )


def _filed(page: Page, *slots: int) -> None:
    for slot in slots:
        page.locator(".slot").nth(slot).get_by_text("Recibido y archivado").wait_for()


def _answer_for_others(studio: Studio, phone: Page) -> None:
    """Three other customers have sent something already, so that the board shows a working day."""
    photo, bill = paperwork.camera_jpeg("LICENCIA", size=(1200, 900)), paperwork.bill("Recibo de agua")
    for number, slots in ((0, (0, 1)), (1, (0,)), (3, (0, 1, 2, 3))):
        _arrived(studio, phone, f"+5255500040{number:02d}", 1)
        portal = _open_message(studio, phone, f"+5255500040{number:02d}")
        portal.get_by_role("button", name="Acepto y continuar").tap()
        for slot in slots:
            if slot < 2 and len(slots) > 1:
                _choose(portal, slot, "foto.jpg", "image/jpeg", photo)
            else:
                _choose(portal, slot, "recibo.pdf", "application/pdf", bill)
        _filed(portal, *slots)
        portal.close()
        phone.context.clear_cookies()


def _receive(studio: Studio, phone: Page, number: str) -> Page:
    _arrived(studio, phone, number, 1)
    studio.shoot(phone, "phone-message")
    _chat(studio, phone)
    portal = _open_message(studio, phone, number)
    studio.shoot(portal, "customer-landing")
    portal.get_by_role("button", name="Acepto y continuar").tap()
    portal.locator(".slot").first.wait_for()
    return portal


def _chat(studio: Studio, phone: Page) -> None:
    """A photo goes into the chat all the same: it is not looked at, and the answer leads to the portal."""
    photo = paperwork.camera_jpeg("CREDENCIAL PARA VOTAR", grain=5)
    phone.locator("input[type=file]").set_input_files(
        FilePayload(name="IMG_0100.jpg", mimeType="image/jpeg", buffer=photo)
    )
    phone.get_by_role("link", name="Subir documentos").wait_for()
    phone.get_by_text("borrado de los servidores").wait_for()
    phone.locator(".scroll").evaluate("chat => chat.scrollTo(0, chat.scrollHeight)")
    studio.shoot(phone, "phone-chat")
    desk = studio.page(**DESK)
    desk.goto(phone.url)
    desk.get_by_role("link", name="Subir documentos").wait_for()
    desk.locator(".scroll").evaluate("chat => chat.scrollTo(0, chat.scrollHeight)")
    studio.shoot(desk, "phone-desk")
    desk.context.close()


def _send(studio: Studio, portal: Page) -> None:
    _choose(portal, 0, "IMG_0101.jpg", "image/jpeg", paperwork.camera_jpeg("CREDENCIAL PARA VOTAR", grain=5))
    _filed(portal, 0)
    portal.evaluate("document.activeElement.blur(), scrollTo(0, 0)")
    portal.locator(".card").first.evaluate("card => scrollTo(0, card.offsetTop - 12)")
    studio.shoot(portal, "customer-checklist")
    _choose(portal, 1, "IMG_0102.HEIC", "image/heic", paperwork.heic("CREDENCIAL (REVERSO)", blurred=True))
    _choose(portal, 2, "recibo luz.pdf", "application/pdf", paperwork.bill("Comisión de Electricidad", pages=3))
    _filed(portal, 1, 2)
    portal.close()


def _review(studio: Studio, eva: Page) -> None:
    _open_case(studio, eva, "Crédito personal 4711")
    _document(eva, "Identificación oficial · frente")
    studio.shoot(eva, "console-document")
    eva.get_by_role("button", name="Aceptar").click()
    _open_case(studio, eva, "Crédito personal 4711")
    _document(eva, "Identificación oficial · reverso")
    eva.get_by_label("No se lee bien").check()
    eva.get_by_label("Nota para el cliente").fill("Salió movida. Apoya el teléfono y toma la foto otra vez.")
    eva.get_by_role("button", name="Devolver", exact=True).click()
    eva.get_by_text("Documento devuelto.").wait_for()


def _send_again(studio: Studio, phone: Page, number: str) -> None:
    _arrived(studio, phone, number, 2)
    portal = _open_message(studio, phone, number)
    portal.locator(".slot").nth(1).get_by_text("Hay que enviarlo otra vez").wait_for()
    portal.locator(".card").first.evaluate("card => scrollTo(0, card.offsetTop - 12)")
    studio.shoot(portal, "customer-returned")
    _choose(portal, 1, "IMG_0103.HEIC", "image/heic", paperwork.heic("CREDENCIAL (REVERSO)"))
    _photos(studio, portal, 3)
    _filed(portal, 1, 3)
    portal.goto(f"{studio.urls['customer']}/e/done")
    portal.get_by_role("button", name="Obtener acuse (PDF)").tap()
    portal.get_by_text("Acuse auténtico").wait_for()
    studio.shoot(portal, "customer-receipt")


def _photos(studio: Studio, portal: Page, slot: int) -> None:
    """Two photos become the pages of one document."""
    place, photo = portal.locator(".slot").nth(slot), paperwork.camera_jpeg("RECIBO DE NÓMINA", size=(1500, 2000))
    files = [FilePayload(name=f"IMG_{number}.jpg", mimeType="image/jpeg", buffer=photo) for number in (1, 2)]
    place.locator(".gal input").set_input_files(files)
    place.locator(".tray li").nth(1).wait_for()
    place.evaluate("slot => scrollTo(0, slot.offsetTop - 12)")
    studio.shoot(portal, "customer-pages")
    place.get_by_role("button", name="Enviar 2 páginas").tap()


def _console(studio: Studio, eva: Page) -> None:
    eva.goto(f"{studio.urls['staff']}/cases?group=all")
    studio.shoot(eva, "console-board")
    _open_case(studio, eva, "Crédito personal 4711")
    studio.shoot(eva, "console-case")


def _compliance(studio: Studio) -> None:
    carla = studio.sign_in("carla")
    _open_case(studio, carla, "Crédito personal 4711")
    carla.get_by_role("button", name="Preparar exportación").click()
    ready = carla.get_by_role("button", name="Descargar ZIP").first
    ready.wait_for()
    ready.scroll_into_view_if_needed()
    studio.shoot(carla, "console-export")
    carla.goto(f"{studio.urls['staff']}/audit")
    carla.get_by_role("button", name="Verificar la cadena").click()
    carla.locator(".report").wait_for()
    studio.shoot(carla, "console-audit")


def _open_case(studio: Studio, page: Page, title: str) -> None:
    page.goto(f"{studio.urls['staff']}/cases?group=all")
    page.get_by_role("link", name=title).click()
    page.get_by_role("heading", level=1, name=title).wait_for()


def _document(page: Page, title: str) -> None:
    """Open a document and wait until its first page is drawn; the pages follow the filing by a moment."""
    page.locator(".slot").filter(has_text=title).get_by_role("link").click()
    image = page.locator(".sheet img").first
    while not image.count():
        page.wait_for_timeout(500)
        page.reload()
    image.evaluate("image => image.decode()")


@contextmanager
def studio(folder: Path, port_base: int) -> Iterator[Studio]:
    """Start the product and a browser."""
    with tempfile.TemporaryDirectory(prefix="resguardo-pictures-") as root, sync_playwright() as playwright:
        stack = Stack(Path(root), port_base=port_base)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            with stack:
                yield Studio(stack, browser, folder)
        finally:
            browser.close()


def main() -> int:
    """Take all pictures. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.screenshots", description=__doc__)
    parser.add_argument("--folder", type=Path, default=REPOSITORY / "docs" / "images", help="where the pictures go")
    parser.add_argument("--port-base", type=int, default=8790)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with studio(options.folder, options.port_base) as opened:
        take(opened)
    return 0


if __name__ == "__main__":
    sys.exit(main())
