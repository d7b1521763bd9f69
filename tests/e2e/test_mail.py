"""A person without a phone: asked from the console, reached by mail, in with a code from a second mail."""

import re
from collections.abc import Callable
from typing import Any

import httpx
from playwright.sync_api import BrowserContext, expect

from tests.e2e.browsers import accessible, fits
from tests.e2e.installation import Installation
from tests.e2e.people import Desk
from tests.e2e.waiting import until

ADDRESS = "ana.sin.telefono@example.com"


def mails(here: Installation) -> list[dict[str, Any]]:
    """What lies in Ana's inbox, oldest first."""
    url = f"http://127.0.0.1:{here.stack.site.port('mail')}/sim/mails"
    return [one for one in httpx.get(url, trust_env=False, timeout=30).json() if one["to"] == ADDRESS]


def test_link_and_code_come_by_mail(
    here: Installation, simple_phone: BrowserContext, phone: BrowserContext, team: Callable[[str], Desk]
) -> None:
    eva = team("eva").page
    eva.goto(f"{here.urls['staff']}/cases/new")
    eva.get_by_label("Qué documentos se piden").select_option("domicilio-con-codigo")
    eva.get_by_label("Nombre de la persona").fill("Ana Sin Teléfono")
    eva.get_by_label("Correo").fill("no es un correo")
    eva.get_by_role("button", name="Pedir documentos").click()
    expect(eva.get_by_role("alert")).to_have_text("Ese correo no parece válido.")
    eva.get_by_label("Correo").fill(ADDRESS)
    eva.get_by_label("Palabra acordada").fill("girasol")
    accessible(eva)
    eva.get_by_role("button", name="Pedir documentos").click()
    expect(eva.get_by_text(ADDRESS)).to_be_visible()

    (first,) = until(lambda: mails(here), "the mail with the link")
    inbox = phone.new_page()
    inbox.goto(f"{here.urls['mail']}/mails/{first['id']}")
    accessible(inbox)
    fits(inbox)
    with phone.expect_page() as opened:
        inbox.frame_locator("iframe").get_by_role("link", name="Abrir portal seguro").click()
    address = opened.value.url

    page = simple_phone.new_page()
    page.goto(address)
    page.get_by_role("button", name="Acepto y continuar").tap()
    expect(page.get_by_text("Lo enviamos al correo a•••@e•••.com.")).to_be_visible()
    second = until(lambda: mails(here)[1:], "the mail with the code")[0]
    found = re.search(r"\b\d{6}\b", second["text"])
    assert found is not None
    page.get_by_label("Código de 6 dígitos").fill(found[0])
    page.get_by_role("button", name="Continuar").tap()
    expect(page.get_by_role("heading", level=1)).to_have_text("Tus documentos para Financiera Aurora")
