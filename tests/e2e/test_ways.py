"""The customer's ways out and back, on the phone: no such document, undo, finish later, a new link."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.e2e import files
from tests.e2e.browsers import accessible, fits
from tests.e2e.installation import Asked, Installation
from tests.e2e.people import ADDRESS, FILED, IDENTITY, INCOME, Customer, Desk, tap_message
from tests.e2e.waiting import until

Team = Callable[[str], Desk]


def arrive(here: Installation, phone: BrowserContext, asked: Asked, *, script: bool, number: int = 1) -> Customer:
    ana = Customer(tap_message(phone.new_page(), here, asked, number=number, script=script), script=script)
    ana.accept()
    return ana


def well_made(ana: Customer) -> None:
    """Fits the screen, and is accessible."""
    fits(ana.page)
    if ana.script:
        accessible(ana.page)


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_who_has_no_document_says_so_and_eva_lets_it_go(
    here: Installation, phone: BrowserContext, simple_phone: BrowserContext, team: Team, script: bool
) -> None:
    asked = here.ask()
    ana = arrive(here, phone if script else simple_phone, asked, script=script)
    expect(ana.slot(IDENTITY, "Frente").get_by_text("No lo tengo")).to_have_count(0)
    slot = ana.slot(INCOME)
    slot.get_by_text("No lo tengo o no aplica").tap()
    slot.get_by_label("Lo perdí o no lo encuentro").check()
    slot.get_by_label("Si quieres, explícalo").fill("Trabajo por mi cuenta")
    well_made(ana)
    slot.get_by_role("button", name="Responder que no lo tengo").tap()
    expect(slot.locator(".chip")).to_have_text("Respondiste que no lo tienes")
    expect(ana.page.locator("#sum")).to_contain_text("Faltan 3 de 4.")
    well_made(ana)
    eva = team("eva")
    eva.open_case(asked)
    expect(eva.page.get_by_text("Trabajo por mi cuenta")).to_be_visible()
    accessible(eva.page)
    eva.page.get_by_role("button", name="Dispensar").click()
    expect(eva.page.get_by_text("Documento dispensado.")).to_be_visible()
    ana.page.reload()
    expect(ana.slot(INCOME).locator(".chip")).to_have_text("Ya no hace falta")


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_a_file_is_taken_back_and_erased_and_another_one_sent(
    here: Installation, phone: BrowserContext, simple_phone: BrowserContext, script: bool
) -> None:
    asked = here.ask()
    ana = arrive(here, phone if script else simple_phone, asked, script=script)
    ana.choose(ADDRESS, files.pdf_file("equivocado.pdf", files.pdf()))
    ana.sees(ADDRESS, FILED)
    slot = ana.slot(ADDRESS)
    slot.get_by_text(re.compile(r"Deshacer \(quedan (30|29) min\)")).tap()
    well_made(ana)
    slot.get_by_role("button", name="Sí, borrarlo").tap()
    expect(slot.locator(".chip")).to_have_text("Falta")
    documents = "SELECT id FROM documents WHERE request_id = :r AND state = 'withdrawn'"
    until(lambda: bool(here.rows(documents, r=asked.id)), "the document is withdrawn")
    erased = "SELECT 1 FROM withdrawals JOIN documents d ON d.id = document_id WHERE request_id = :r AND erased_at > 0"
    until(lambda: bool(here.rows(erased, r=asked.id)), "the document is erased")
    parts = "SELECT p.id FROM parts p JOIN documents d ON d.id = p.document_id WHERE d.request_id = :r"
    assert here.rows(parts, r=asked.id) == []
    ana.choose(ADDRESS, files.pdf_file("recibo.pdf", files.pdf()))
    ana.sees(ADDRESS, FILED)


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_who_finishes_later_gets_a_new_link_when_the_old_one_is_over(
    here: Installation, phone: BrowserContext, simple_phone: BrowserContext, script: bool
) -> None:
    asked, used = here.ask(), phone if script else simple_phone
    ana = arrive(here, used, asked, script=script)
    ana.page.get_by_role("link", name="Terminar después").tap()
    expect(ana.page.get_by_role("heading", level=1)).to_have_text("Puedes terminar después")
    well_made(ana)
    ana.page.get_by_role("button", name="Salir y seguir después").tap()
    expect(ana.page.get_by_role("heading", level=1)).to_have_text("Saliste de forma segura")
    expect(ana.page.get_by_text(ADDRESS)).to_be_visible()
    well_made(ana)
    over = (datetime.now(UTC) - timedelta(minutes=1)).replace(tzinfo=None)
    here.change("UPDATE upload_links SET expires_at = :t WHERE request_id = :r", t=str(over), r=asked.id)
    page: Page = used.new_page()
    page.goto(here.message_link(asked))
    expect(page.get_by_role("heading", level=1)).to_have_text("Pide un enlace nuevo")
    fits(page)
    page.get_by_role("button", name="Pedir un enlace nuevo").tap()
    expect(page.get_by_role("heading", level=1)).to_have_text("Listo, revisa tus mensajes")
    fits(page)
    back = arrive(here, used, asked, script=script, number=2)
    back.choose(ADDRESS, files.pdf_file("recibo.pdf", files.pdf()))
    back.sees(ADDRESS, FILED)
