"""A CRM of somebody else, django-helpdesk, kept up to date by the running product: state and link, never a file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.e2e import files
from tests.e2e.commands import command
from tests.e2e.installation import Asked, Installation
from tests.e2e.people import ADDRESS, BACK, FILED, FRONT, IDENTITY, INCOME, Customer, Desk
from tests.e2e.waiting import until
from tests.services.helpdesk import Helpdesk

OPEN, RESOLVED, COMPLETE = 1, 3, "Todo está recibido y aceptado"
PAYSLIP = "nomina-canario-8841.pdf"


@pytest.fixture
def connected(here: Installation, helpdesk: Helpdesk, tmp_path: Path) -> Helpdesk:
    """The ticket system, connected by its operator."""
    secret = tmp_path / "secret"
    secret.touch(mode=0o600)
    secret.write_text(f"agente:{helpdesk.password}")
    where = ("--url", helpdesk.url, "--allow-private", "--set", "queue=1")
    words = ("connector", "add", "helpdesk", "aurora", "--name", "Mesa de ayuda", "--secret-file", str(secret))
    added = command(here, *words, *where).strip()
    command(here, "connector", "test", added)
    yield helpdesk
    command(here, "connector", "remove", added, "--yes")


def test_an_agent_in_the_ticket_system_follows_a_case_without_its_files(
    here: Installation, connected: Helpdesk, team: Callable[[str], Desk], phone: BrowserContext
) -> None:
    asked = here.ask(mode="none")
    until(lambda: notes(connected, asked), "a ticket")
    ticket = connected.ticket_of(asked.reference)
    link = f"{here.urls['staff']}/cases/"
    assert link in ticket["description"]
    assert ticket["status"] == OPEN

    page = phone.new_page()
    page.goto(str(asked.link))
    ana = Customer(page)
    ana.accept()
    ana.choose(IDENTITY, files.image_file("frente.jpg", files.camera_jpeg()), FRONT)
    ana.choose(IDENTITY, files.image_file("reverso.jpg", files.camera_jpeg()), BACK)
    ana.choose(ADDRESS, files.pdf_file("recibo.pdf", files.pdf()))
    ana.choose(INCOME, files.pdf_file(PAYSLIP, files.pdf(pages=1, title="CANARIO-EN-EL-TEXTO")))
    ana.sees(INCOME, FILED)
    eva = team("eva")
    for title in (f"{IDENTITY} · frente", f"{IDENTITY} · reverso", ADDRESS, INCOME):
        eva.open_case(asked)
        eva.look_at(title, pages=3 if title == ADDRESS else 1)
        eva.accept()

    until(lambda: COMPLETE in "\n".join(notes(connected, asked)), "the ticket says that all is there")
    until(lambda: connected.ticket_of(asked.reference)["status"] == RESOLVED, "the ticket is resolved")
    said = "\n".join(notes(connected, asked))
    for words in ("Se pidieron documentos", "abrió el portal", f"Aceptado: {ADDRESS}"):
        assert words in said
    assert said.count(COMPLETE) == 1
    assert all(not each["public"] for each in connected.ticket_of(asked.reference)["followup_set"][1:])
    nothing_confidential_is_there(connected, asked)
    the_link_asks_to_sign_in(phone, ticket["description"].partition(": ")[2])


def notes(helpdesk: Helpdesk, asked: Asked) -> list[str]:
    """What an agent reads in the ticket of a case, oldest first; nothing while there is no ticket."""
    found: list[dict[str, Any]] = [each for each in helpdesk.tickets() if asked.reference in each["title"]]
    return [note["comment"] for each in found for note in each["followup_set"][1:]]


def nothing_confidential_is_there(helpdesk: Helpdesk, asked: Asked) -> None:
    """No file, no file name, no person and not the customer's link, anywhere in its database or on its disk."""
    everything = helpdesk.everything()
    token = str(asked.link).rpartition("/")[2]
    for secret in (token, "/s/", PAYSLIP, "frente.jpg", "CANARIO", "%PDF", asked.name, asked.phone[-8:]):
        assert secret not in everything, secret
    assert helpdesk.files() == []


def the_link_asks_to_sign_in(context: BrowserContext, link: str) -> None:
    """Whoever holds the link of the ticket and no login sees a sign-in page."""
    page = context.new_page()
    page.goto(link)
    expect(page.get_by_label("Contraseña")).to_be_visible()
