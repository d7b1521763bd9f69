"""Every screen in a real browser, at a desk and on a phone: accessible, no sideways scrolling, no CSP complaint."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import make_server

from records.signing_in import Passwords
from storage.blobs import LocalBlobStore
from storage.database import Database, utcnow
from tests.portal.staff.company import PASSWORD, Company, console_of, found_company
from tests.portal.staff.integrations import some_integrations
from tests.portal.staff.seeding import fill
from tests.services.processes import free_port

pytestmark = pytest.mark.services
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
SIZES = ((1280, 800), (360, 740))


class Console:
    """The console served over http, with rows, and the address of its rich case."""

    def __init__(self, company: Company, base: str, case_id: str, delivery_id: str) -> None:
        self.company = company
        self.base = base
        self.case_id = case_id
        self.delivery_id = delivery_id

    def enter(self, browser: Browser, who: str, complaints: list[str]) -> Page:
        """Sign in as a member of the cast and listen to what the browser complains about."""
        page = browser.new_context(locale="es-MX").new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{self.base}/sign-in")
        page.fill("#email", f"{who}@credito.example")
        page.fill("#password", PASSWORD)
        page.fill("#code", self.company.code(who, utcnow()))
        page.click("form button.btn-primary")
        page.wait_for_load_state()
        return page


@pytest.fixture
def served(sqlite_database: Database, tmp_path: Path, passwords: Passwords) -> Iterator[Console]:
    """The console on a port of its own."""
    (tmp_path / "blobs").mkdir()
    company = found_company(sqlite_database, LocalBlobStore(tmp_path / "blobs"), passwords=passwords)
    with sqlite_database.transaction() as session:
        case_id = fill(session, company, utcnow()).id
        delivery_id = some_integrations(session, company.org.id, case_id, utcnow())
    port = free_port()
    server = make_server("127.0.0.1", port, console_of(company, sqlite_database, passwords=passwords), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Console(company, f"http://staff.localhost:{port}", case_id, delivery_id)
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        yield chromium
        chromium.close()


def look(page: Page, name: str) -> list[str]:
    """What is wrong with the page that is open, at both sizes."""
    wrong = []
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            wrong.append(f"{name} at {width}: scrolls sideways")
        for found in Axe().run(page).response["violations"]:
            wrong.append(f"{name} at {width}: {found['id']} {found['nodes'][0]['html'][:200]}")
    return wrong


def test_every_screen_is_accessible_and_fits(served: Console, browser: Browser) -> None:
    complaints: list[str] = []
    case = f"/cases/{served.case_id}"
    gate = browser.new_page()
    gate.goto(f"{served.base}/sign-in")
    wrong = look(gate, "sign-in")
    rounds = {
        "eva": [
            *("/cases", "/cases?group=all", "/cases?group=complete", case, f"{case}/request", "/cases/new"),
            *("/messages", "/messages?pile=held", "/chats"),
        ],
        "carla": [case, "/audit"],
        "saul": [
            "/administration",
            "/administration/message-templates",
            "/integrations",
            "/integrations/log",
            f"/integrations/deliveries/{served.delivery_id}",
        ],
        "omar": ["/cases"],
    }
    for who, paths in rounds.items():
        page = served.enter(browser, who, complaints)
        for path in paths:
            page.goto(served.base + path)
            wrong += look(page, f"{who} {path}")
    assert wrong == []
    assert complaints == []


def test_words_of_a_template_are_checked_while_they_are_typed(served: Console, browser: Browser) -> None:
    complaints: list[str] = []
    page = served.enter(browser, "saul", complaints)
    page.goto(f"{served.base}/administration/message-templates")
    page.locator("a.chip-link").nth(1).click()
    page.locator(".lint-fine").wait_for()
    page.fill("#body", "Hola {{1}}, sube tu pasaporte para {{2}} con el código {{3}} en el portal.")
    page.locator("#lint .broken", has_text="pasaporte").wait_for()
    page.locator("#preview", has_text="sube tu pasaporte para").wait_for()
    assert look(page, "template") == []
    page.locator("button.btn-primary").click()
    page.wait_for_url("**/submit")
    page.locator("#lint .broken").wait_for()
    assert [said for said in complaints if "422" not in said] == []


def test_eva_reviews_with_the_keyboard_alone(served: Console, browser: Browser) -> None:
    complaints: list[str] = []
    page = served.enter(browser, "eva", complaints)
    page.goto(f"{served.base}/cases/{served.case_id}")
    page.get_by_role("link", name="Revisar INE · reverso").press("Enter")
    page.wait_for_load_state("networkidle")
    assert page.locator(".sheet img").evaluate("image => image.naturalWidth") == 1100
    assert look(page, "review") == []
    page.keyboard.press("a")
    page.keyboard.press("Enter")
    page.wait_for_url("**/documents/*")
    page.get_by_text("Documento aceptado.").wait_for()
    page.keyboard.press("4")
    page.keyboard.type("Es de hace un año.")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/cases/*")
    page.get_by_text("Documento devuelto.").wait_for()
    assert complaints == []
