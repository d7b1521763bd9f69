"""A real browser on the phone screen, small and large: it arrives, is read, is tapped, is answered, is accessible."""

import uuid
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from tests.sandbox.whatsapp.plain import a_message, a_template
from tests.sandbox.whatsapp.stage import ANA, ANA_ID, PORTAL, Stage, staged

pytestmark = pytest.mark.e2e
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def theatre() -> Iterator[Stage]:
    with staged(frozen_clock=False, sent_after=0.05, delivered_after=0.1) as stage:
        stage.sim("phones", {"phone": ANA, "name": "Ana Torres"})
        yield stage


@pytest.fixture(params=[(360, 740), (1280, 900)], ids=["small", "large"])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    width, height = request.param
    context = browser.new_context(viewport={"width": width, "height": height}, locale="es-MX")
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    assert complaints == []
    context.close()


def accessible(page: Page) -> None:
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


def test_a_message_arrives_is_read_and_its_button_opens_the_portal(page: Page, theatre: Stage) -> None:
    page.goto(theatre.url)
    accessible(page)
    suffix = f"{uuid.uuid4().hex}.aZ_-"
    accepted = theatre.request_ana(button_suffix=suffix)
    page.get_by_text("sin leer").wait_for(state="attached", timeout=8000)
    page.get_by_role("link", name="Ana Torres").click()
    link = page.get_by_role("link", name="Abrir portal seguro").last
    assert link.get_attribute("href") == PORTAL + suffix
    page.locator(".theirs").last.locator(".state.read").wait_for(timeout=8000)
    (message,) = [m for m in theatre.sim("state")["messages"] if m["wamid"] == accepted.wamid]
    assert message["status"] == "read"
    page.context.route(PORTAL + "**", lambda route: route.fulfill(body="portal", content_type="text/html"))
    with page.context.expect_page() as opened:
        link.click()
    assert opened.value.url == PORTAL + suffix
    assert opened.value.evaluate("window.opener === null && document.referrer === ''")
    opened.value.close()


def test_a_customer_answers_by_keyboard_and_sends_a_photo(page: Page, theatre: Stage) -> None:
    theatre.request_ana()
    page.goto(f"{theatre.url}/phones/{ANA_ID}")
    field = page.get_by_label("Escribe un mensaje")
    field.fill("¿Así está bien?")
    field.press("Enter")
    page.locator(".mine").get_by_text("¿Así está bien?").last.wait_for(timeout=8000)
    png = page.screenshot()
    count = len(theatre.sim("state")["media"])
    page.set_input_files("input[type=file]", files=[{"name": "ine.png", "mimeType": "image/png", "buffer": png}])
    page.locator(".mine img").nth(count).wait_for(timeout=8000)
    assert len(theatre.sim("state")["media"]) == count + 1
    assert any(b'"type":"image"' in body for body in theatre.received.bodies)
    accessible(page)


def test_nothing_is_wider_than_the_screen(page: Page, theatre: Stage) -> None:
    theatre.request_ana(body=("Ana", "x" * 150))
    for path in ("/", f"/phones/{ANA_ID}"):
        page.goto(theatre.url + path)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_quick_reply_is_tapped_and_the_tools_are_one_tap_away(page: Page, theatre: Stage) -> None:
    theatre.sim("templates", a_template())
    theatre.post(f"{theatre.settings.phone_number_id}/messages", a_message())
    page.goto(f"{theatre.url}/phones/{ANA_ID}")
    tapped = page.locator(".mine").get_by_text("No quiero avisos")
    count = tapped.count()
    page.get_by_role("button", name="No quiero avisos").last.click()
    tapped.nth(count).wait_for(timeout=8000)
    if (gear := page.get_by_role("link", name="Ajustes del simulador para este teléfono")).is_visible():
        gear.click()
    page.get_by_label("Qué le pasa a lo que recibe").select_option("offline")
    page.get_by_role("button", name="Cambiar").click()
    page.get_by_text("Este teléfono está apagado.").wait_for(timeout=8000)
    accessible(page)
    theatre.sim("phones", {"phone": ANA, "fate": {"kind": "deliver"}})
