"""Messages that arrive, and a CRM that never needs the file: one customer's story from the first message to the last.

A CRM asks by API; the message lies on the phone; three days pass and a reminder comes with the same link; the customer
sends photos into the chat all the same, where nobody looks at them; the button of the answer opens the portal; what is
uploaded there is accepted. A webhook endpoint that checks every signature, and a ticket system of somebody else, are
told all along, and never a file, a name, a number or the customer's link.
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from sandbox.launch.catalogue import base_environment
from tests.e2e import files
from tests.e2e.browsers import accessible, fits
from tests.e2e.commands import command
from tests.e2e.installation import Asked, Installation
from tests.e2e.people import ADDRESS, BACK, FILED, FRONT, IDENTITY, INCOME, OPEN_BUTTON, Customer, Desk
from tests.e2e.waiting import until
from tests.notifications.crm.receiver import Receiver, receiving
from tests.services.helpdesk import Helpdesk
from tests.services.processes import ROOT

RESOLVED, COMPLETE = 3, "Todo está recibido y aceptado"
DAY_AND_NIGHT = ("--opens", "00:00", "--closes", "24:00", "--rest-days", "none", "--rest-on-holidays", "no")
OFFICE_HOURS = ("--opens", "09:00", "--closes", "20:00", "--rest-days", "sun", "--rest-on-holidays", "yes")
PHOTO = "ine-canario.jpg"


@dataclass(frozen=True, slots=True)
class Crm:
    """Both of the company's systems that want to know."""

    webhooks: Receiver
    helpdesk: Helpdesk

    def events(self, asked: Asked) -> list[dict[str, Any]]:
        """What the endpoint was told about a request's case."""
        return [one for one in self.webhooks.got if one["data"].get("external_ref") == asked.reference]

    def types(self, asked: Asked) -> list[str]:
        """The types of that, in the order of their coming."""
        return [one["type"] for one in self.events(asked)]

    def notes(self, asked: Asked) -> list[str]:
        """What an agent reads in the ticket; nothing while there is none."""
        found = [one for one in self.helpdesk.tickets() if asked.reference in one["title"]]
        return [note["comment"] for one in found for note in one["followup_set"][1:]]


@pytest.fixture
def crm(here: Installation, helpdesk: Helpdesk, tmp_path: Path) -> Iterator[Crm]:
    """An endpoint for webhooks and a ticket system, both added by the operator."""
    key = tmp_path / "secret"
    key.touch(mode=0o600)
    key.write_text(f"agente:{helpdesk.password}")
    with receiving() as webhooks:
        told = command(here, "webhook", "add", "aurora", "--url", webhooks.url, "--name", "CRM", "--allow-private")
        hook, secret = (re.search(rf"^{name}\s+(\S+)$", told, re.MULTILINE)[1] for name in ("id", "secret"))
        webhooks.secrets = (secret,)
        words = ("connector", "add", "helpdesk", "aurora", "--name", "Mesa de ayuda", "--secret-file", str(key))
        desk = command(here, *words, "--url", helpdesk.url, "--allow-private", "--set", "queue=1").strip()
        command(here, "organization", "reminders", "aurora", *DAY_AND_NIGHT)
        yield Crm(webhooks, helpdesk)
        command(here, "organization", "reminders", "aurora", *OFFICE_HOURS)
        for added in (hook, desk):
            command(here, "webhook", "remove", added, "--yes")


def test_a_customer_is_reached_reminded_kept_from_the_chat_and_the_crm_told_without_a_file(
    here: Installation, crm: Crm, phone: BrowserContext, team: Callable[[str], Desk]
) -> None:
    here.phone("knobs", {"preview_links": True})
    asked = here.ask()
    screen = phone.new_page()
    the_message_lies_on_the_phone(screen, here, asked)
    a_reminder_comes_after_three_days(screen, here, asked)
    portal = photos_in_the_chat_are_left_alone(screen, here, asked)
    everything_is_uploaded_and_accepted(Customer(portal), team("eva"), asked)
    the_endpoint_heard_it_all(crm, here, asked)
    the_ticket_tells_it_all(crm, here, asked)


def the_message_lies_on_the_phone(screen: Page, here: Installation, asked: Asked) -> None:
    """It arrives by itself, is read by being seen, and robots that looked at its link have used nothing up."""
    screen.goto(here.urls["whatsapp"])
    screen.get_by_role("link", name=re.compile(asked.wa_id)).tap()
    expect(screen.get_by_role("link", name=OPEN_BUTTON)).to_have_count(1)
    until(lambda: here.messages(asked)[0]["status"] == "read", "the message is read")
    assert here.messages(asked)[0]["previews"] == [200] * 4
    links = here.rows("SELECT activations FROM upload_links WHERE request_id = :id", id=asked.id)
    assert [activations for (activations,) in links] == [0]
    fits(screen)
    accessible(screen)


def a_reminder_comes_after_three_days(screen: Page, here: Installation, asked: Asked) -> None:
    """The installation is made three days older; the reminder brings the link that the customer has already."""
    first = here.message_link(asked)
    travel = [sys.executable, "-m", "sandbox.travel", "--hours", "73", "--root", str(here.stack.site.layout.root)]
    subprocess.run(travel, cwd=ROOT, env=base_environment(here.stack.site), check=True, timeout=60)
    assert here.message_link(asked, 2) == first
    expect(screen.get_by_role("link", name=OPEN_BUTTON)).to_have_count(2)
    reminder = here.messages(asked)[1]
    assert reminder["template"] != here.messages(asked)[0]["template"]


def photos_in_the_chat_are_left_alone(screen: Page, here: Installation, asked: Asked) -> Page:
    """Two photos go into the chat: none is looked at, both are deleted, one answer comes, its button is the way."""
    reads = here.phone()["media_reads"]
    photos = [files.image_file(PHOTO, files.camera_jpeg()), files.image_file("otra.jpg", files.camera_jpeg())]
    screen.set_input_files("input[type=file]", photos)
    button = screen.get_by_role("link", name="Subir documentos")
    expect(button).to_have_count(1)
    expect(screen.get_by_text("borrado de los servidores")).to_have_count(2)
    state = here.phone()
    assert (state["media_reads"], state["media"]) == (reads, [])
    with screen.context.expect_page() as opened:
        button.tap()
    opened.value.wait_for_load_state()
    return opened.value


def everything_is_uploaded_and_accepted(ana: Customer, eva: Desk, asked: Asked) -> None:
    """The customer sends what is asked for; the executive sees that it was tried by chat, and accepts."""
    ana.accept()
    ana.choose(IDENTITY, files.image_file("frente.jpg", files.camera_jpeg()), FRONT)
    ana.choose(IDENTITY, files.image_file("reverso.jpg", files.camera_jpeg()), BACK)
    ana.choose(ADDRESS, files.pdf_file("recibo.pdf", files.pdf()))
    ana.choose(INCOME, files.pdf_file("nomina.pdf", files.pdf(pages=1, title="CANARIO-EN-EL-TEXTO")))
    for title, side in ((IDENTITY, FRONT), (IDENTITY, BACK), (ADDRESS, None), (INCOME, None)):
        ana.sees(title, FILED, side)
    eva.open_case(asked)
    expect(eva.page.get_by_role("heading", name="Archivos por el chat")).to_be_visible()
    expect(eva.page.get_by_text("Borrado en WhatsApp")).to_have_count(2)
    for title in (f"{IDENTITY} · frente", f"{IDENTITY} · reverso", ADDRESS, INCOME):
        eva.open_case(asked)
        eva.look_at(title, pages=3 if title == ADDRESS else 1)
        eva.accept()


def the_endpoint_heard_it_all(crm: Crm, here: Installation, asked: Asked) -> None:
    """Every event once, in the order in which it happened, signed, and about nobody."""
    until(lambda: "request.completed" in crm.types(asked), "the endpoint hears that the request is complete")
    told = crm.types(asked)
    order = ["request.created", "request.sent", "request.delivered", "request.read", "chat_document.intercepted"]
    order += ["request.opened", "document.received", "document.clean", "document.approved", "request.completed"]
    assert [told.index(kind) for kind in order] == sorted(told.index(kind) for kind in order)
    counts = {kind: told.count(kind) for kind in order}
    assert counts["chat_document.intercepted"] == 2
    assert [counts[f"document.{state}"] for state in ("received", "clean", "approved")] == [4, 4, 4]
    assert [counts[kind] for kind in ("request.created", "request.opened", "request.completed")] == [1, 1, 1]
    assert len(set(crm.webhooks.ids())) == len(crm.webhooks.ids())
    nothing_confidential_in(json.dumps(crm.events(asked), ensure_ascii=False), here, asked)


def the_ticket_tells_it_all(crm: Crm, here: Installation, asked: Asked) -> None:
    """The agent reads how the case stands, in private notes, and finds the case behind a login."""
    until(lambda: COMPLETE in "\n".join(crm.notes(asked)), "the ticket says that all is there")
    until(lambda: crm.helpdesk.ticket_of(asked.reference)["status"] == RESOLVED, "the ticket is resolved")
    ticket, said = crm.helpdesk.ticket_of(asked.reference), "\n".join(crm.notes(asked))
    assert f"{here.urls['staff']}/cases/" in ticket["description"]
    for words in ("Se pidieron documentos", "chat", f"Aceptado: {ADDRESS}"):
        assert words in said
    nothing_confidential_in(crm.helpdesk.everything(), here, asked)
    assert crm.helpdesk.files() == []


def nothing_confidential_in(told: str, here: Installation, asked: Asked) -> None:
    """No file, no name of one, no word of the chat, no person, no number, and not the customer's link."""
    token = here.message_link(asked).rpartition("/")[2]
    for secret in (token, "/s/", PHOTO, "nomina.pdf", "CANARIO", "%PDF", asked.name, asked.phone[-8:]):
        assert secret not in told, secret
