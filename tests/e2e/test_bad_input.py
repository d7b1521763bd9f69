"""What goes wrong on the customer's side is told in words, in three languages, with the way to do it right."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.e2e import files
from tests.e2e.installation import Asked, Installation
from tests.e2e.people import Customer

LOCKED = {
    "es": ("El PDF está protegido con contraseña.", "Guarda una copia sin contraseña y envíala."),
    "en": ("The PDF is protected by a password.", "Save a copy without a password and send that."),
    "pt": ("O PDF está protegido por senha.", "Salve uma cópia sem senha e envie-a."),
}
WRONG_TYPE = {
    "es": ("No es una foto ni un PDF.", "Envía una foto (JPG, PNG, HEIC o WebP) o un PDF."),
    "en": ("It is neither a photo nor a PDF.", "Send a photo (JPG, PNG, HEIC or WebP) or a PDF."),
    "pt": ("Não é uma foto nem um PDF.", "Envie uma foto (JPG, PNG, HEIC ou WebP) ou um PDF."),
}
DAMAGED = {
    "es": ("La imagen está dañada o incompleta.", "Toma una foto nueva"),
    "en": ("The image is damaged or incomplete.", "Take a new photo"),
    "pt": ("A imagem está danificada ou incompleta.", "Tire uma foto nova"),
}
EMPTY = {
    "es": "El archivo está vacío. Elige otro.",
    "en": "The file is empty. Choose another one.",
    "pt": "O arquivo está vazio. Escolha outro.",
}
EMPTY_WITHOUT_SCRIPT = {"es": "vacío", "en": "empty", "pt": "vazio"}
LIMIT = {"es": "El límite es de 1 MB.", "en": "The limit is 1 MB.", "pt": "O limite é de 1 MB."}
LIMIT_BEFORE_SENDING = {"es": "el límite es 1 MB", "en": "the limit is 1 MB", "pt": "o limite é 1 MB"}
GO_ON = {"es": "Acepto y continuar", "en": "Accept and continue", "pt": "Aceito e continuar"}
CLOSED = {"es": "Pide un enlace nuevo", "en": "Ask for a new link", "pt": "Peça um link novo"}
LANGUAGES = ["es", "en", "pt"]


def enter(context: BrowserContext, asked: Asked, language: str) -> Page:
    """Go from the link to the checklist in a language."""
    page = context.new_page()
    page.goto(f"{asked.link}?lang={language}")
    page.get_by_role("button", name=GO_ON[language]).tap()
    expect(page.locator(".slot").first).to_be_visible()
    return page


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_refused_file_is_explained(language: str, here: Installation, phone: BrowserContext) -> None:
    page = enter(phone, here.ask(mode="none", locale=language), language)
    slots = page.locator(".slot")
    bad: list[tuple[files.Sent, tuple[str, ...]]] = [
        (files.image_file("notas.jpg", b"just some words, no picture at all\n" * 50), WRONG_TYPE[language]),
        (files.image_file("vacia.jpg", b""), (EMPTY[language],)),
        (files.pdf_file("estado.pdf", files.locked_pdf()), LOCKED[language]),
        (files.image_file("foto.jpg", files.damaged_jpeg()), DAMAGED[language]),
    ]
    for number, (file, _) in enumerate(bad):
        slots.nth(number).locator("input[id^=f-]").last.set_input_files(file)
    page.locator("button[name=do][value=send]").tap()  # the last one is a page among others
    for number, (_, words) in enumerate(bad):
        for sentence in words:
            expect(slots.nth(number)).to_contain_text(sentence)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_file_over_the_limit_is_refused_with_the_limit_in_words(
    language: str, small_limit: Installation, phone: BrowserContext, simple_phone: BrowserContext
) -> None:
    large = files.image_file("grande.jpg", files.camera_jpeg())
    asked = small_limit.ask(template="cambio-domicilio", mode="none", locale=language)
    page = enter(phone, asked, language)
    page.locator("input[id^=f-]").last.set_input_files(large)
    expect(page.locator(".slot")).to_contain_text(LIMIT_BEFORE_SENDING[language])
    told = page.evaluate(OVER_LIMIT, asked_slot(page))
    assert told["status"] == 413
    assert told["limit"] == 1 << 20

    plain = enter(simple_phone, asked, language)
    plain.locator("input[id^=f-]").last.set_input_files(large)
    plain.locator("form.pick button").tap()
    expect(plain.locator("main")).to_contain_text(LIMIT[language])


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_empty_form_is_refused_in_words(language: str, here: Installation, simple_phone: BrowserContext) -> None:
    page = enter(simple_phone, here.ask(mode="none", locale=language), language)
    page.locator("form.pick button").first.tap()
    expect(page.locator("main")).to_contain_text(EMPTY_WITHOUT_SCRIPT[language])


def test_links_that_do_not_open_look_alike_whatever_closed_them(
    here: Installation, browser: Any, phone: BrowserContext
) -> None:
    expired, revoked, good = (here.ask(mode="none") for _ in range(3))
    close = "UPDATE upload_links SET {} = :then WHERE request_id = :id"
    long_ago = "2020-01-01 00:00:00.000000"
    here.change(close.format("expires_at"), then=long_ago, id=expired.id)
    here.change(close.format("revoked_at"), then=long_ago, id=revoked.id)
    address, _, token = str(good.link).rpartition("/")
    forged = f"{address}/{token[:-6]}{'AAAAAA' if token[-6:] != 'AAAAAA' else 'BBBBBB'}"
    seen = {look(phone, link) for link in (expired.link, revoked.link, forged, f"{address}/abc", f"{address}/{token}x")}
    assert len(seen) == 1
    ((status, text),) = seen
    assert status == 404
    assert CLOSED["es"] in text
    assert look(phone, good.link)[0] == 200


def test_a_closed_link_is_explained_in_the_reader_s_language(here: Installation, phone: BrowserContext) -> None:
    for language in LANGUAGES:
        page = phone.new_page()
        page.goto(f"{here.urls['customer']}/s/none?lang={language}")
        expect(page.get_by_role("heading", level=1)).to_have_text(CLOSED[language])


def test_a_link_that_is_revoked_while_a_file_travels_ends_the_visit(
    here: Installation, visit: Callable[[Asked], Customer], team: Callable[[str], Any]
) -> None:
    asked = here.ask(mode="none")
    ana, eva = visit(asked), team("eva")
    eva.open_case(asked)
    eva.page.once("dialog", lambda dialog: dialog.accept())
    eva.page.get_by_role("button", name="Revocar enlace").click()
    expect(eva.page.get_by_text("Enlace revocado.")).to_be_visible()
    ana.choose("Comprobante de domicilio", files.pdf_file("recibo.pdf", files.pdf()))
    expect(ana.page.get_by_role("heading", level=1)).to_have_text(CLOSED["es"])
    assert here.rows("SELECT count(*) FROM documents WHERE request_id = :id", id=asked.id) == [(0,)]


OVER_LIMIT = """async slot => {
  const answer = await fetch("/e/uploads", {method: "POST", headers: {
    "Tus-Resumable": "1.0.0", "Upload-Length": String(2 << 20), "Upload-Metadata":
    `slot ${btoa(slot)},filename ${btoa("grande.jpg")},filetype ${btoa("image/jpeg")}`}});
  return {status: answer.status, ...(await answer.json())};
}"""


def asked_slot(page: Page) -> str:
    """Return the id of the first slot on the page."""
    return str(page.locator(".slot").first.get_attribute("data-slot"))


def look(context: BrowserContext, link: str | None) -> tuple[int, str]:
    """Open a link and return what is seen of it: status and text."""
    page = context.new_page()
    answer = page.goto(str(link))
    assert answer is not None
    seen = (answer.status, page.locator("main").inner_text())
    page.close()
    return seen


@pytest.fixture
def small_limit(here: Installation) -> Installation:
    """The product with a template whose only requirement takes files of up to 1 MB."""
    here.change(
        "UPDATE requirements SET max_image_bytes = 1048576, max_pdf_bytes = 1048576 WHERE template_id IN "
        "(SELECT id FROM requirement_templates WHERE key = 'cambio-domicilio')"
    )
    return here
