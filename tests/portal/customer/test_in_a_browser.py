"""A real browser on the customer's pages: uploads survive a lost network and a reload, with script and without."""

import hashlib
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, CDPSession, Locator, Page, expect
from sqlalchemy import select

from intake.sweeping import sweep
from records.requests import Slot, SlotState
from records.uploads import Upload, UploadState
from tests.e2e.browsers import chromium
from tests.portal.customer.conftest import Live

pytestmark = pytest.mark.e2e
PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True, "locale": "es-MX"}
SMALL = {"viewport": {"width": 320, "height": 600}, "locale": "es-MX"}
DESK = {"viewport": {"width": 1280, "height": 900}, "locale": "es-MX"}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
DARK = PHONE | {"color_scheme": "dark"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        expect.set_options(timeout=15_000)
        yield found


def opened(context: BrowserContext, live: Live) -> Page:
    """Tap the link, accept, arrive at the checklist."""
    page = context.new_page()
    page.goto(f"http://portal.localhost:{live.port}/s/{live.token}")
    page.get_by_role("button", name="Acepto y continuar").click()
    page.wait_for_url("**/e")
    return page


@pytest.fixture
def phone(browser: Browser, live: Live) -> Iterator[Page]:
    context = browser.new_context(**PHONE)
    yield opened(context, live)
    context.close()


def slot(page: Page, live: Live, number: int) -> Locator:
    return page.locator(f"#s-{live.world.slots[number]}")


def told(page: Page, live: Live, number: int) -> Locator:
    """How far the upload is, as the eye sees it; what is read aloud follows only now and then."""
    return slot(page, live, number).locator(".run .said")


def choose(page: Page, live: Live, number: int, path: Path) -> None:
    slot(page, live, number).locator(".pick input[type=file]:not([data-cover])").last.set_input_files(path)


def network(page: Page) -> CDPSession:
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    return session


def throttle(session: CDPSession, *, rate: int = -1, offline: bool = False) -> None:
    session.send(
        "Network.emulateNetworkConditions",
        {"offline": offline, "latency": 20, "downloadThroughput": rate, "uploadThroughput": rate},
    )


def a_file(tmp_path: Path, size: int, name: str = "ine.jpg") -> Path:
    path = tmp_path / name
    path.write_bytes(secrets.token_bytes(size))
    return path


def finished(live: Live, number: int) -> bytes:
    with live.world.database.reading() as session:
        found = select(Upload.id).where(
            Upload.slot_id == live.world.slots[number], Upload.state == UploadState.FINISHED
        )
        upload_id = session.scalars(found).one()
    return live.world.content(upload_id)


def test_choosing_a_file_sends_it_and_the_state_follows_the_server(phone: Page, live: Live, tmp_path: Path) -> None:
    path = a_file(tmp_path, 3_000_000)
    choose(phone, live, 0, path)
    expect(slot(phone, live, 0)).to_contain_text("Recibido, en revisión")
    assert finished(live, 0) == path.read_bytes()
    expect(phone.locator("#sum")).to_contain_text("Faltan 2 de 3")
    with live.world.database.transaction() as session:
        session.get_one(Slot, live.world.slots[0]).filed(live.world.clock.now)
    expect(slot(phone, live, 0)).to_contain_text("Recibido y archivado")
    assert "ine.jpg" not in phone.content()


def test_two_slots_send_at_once(phone: Page, live: Live, tmp_path: Path) -> None:
    throttle(network(phone), rate=600_000)
    paths = [a_file(tmp_path, 900_000, f"{number}.jpg") for number in range(2)]
    for number, path in enumerate(paths):
        choose(phone, live, number, path)
    for number, path in enumerate(paths):
        expect(slot(phone, live, number)).to_contain_text("Recibido, en revisión")
        assert finished(live, number) == path.read_bytes()


def test_a_lost_network_is_waited_for_and_the_file_arrives_whole(phone: Page, live: Live, tmp_path: Path) -> None:
    path = a_file(tmp_path, 3_000_000)
    line = network(phone)
    throttle(line, rate=700_000)
    choose(phone, live, 0, path)
    status = told(phone, live, 0)
    expect(status).to_contain_text("Enviando: 4")
    throttle(line, offline=True)
    expect(status).to_contain_text("Esperando la red")
    expect(slot(phone, live, 0).get_by_role("button", name="Reintentar ahora")).to_be_visible()
    throttle(line)
    expect(slot(phone, live, 0)).to_contain_text("Recibido, en revisión")
    assert hashlib.sha256(finished(live, 0)).digest() == hashlib.sha256(path.read_bytes()).digest()


def test_the_same_file_after_a_reload_goes_on_where_it_was(phone: Page, live: Live, tmp_path: Path) -> None:
    path = a_file(tmp_path, 3_000_000)
    line = network(phone)
    throttle(line, rate=700_000)
    choose(phone, live, 0, path)
    expect(told(phone, live, 0)).to_contain_text("Enviando: 5")
    phone.on("dialog", lambda dialog: dialog.accept())
    phone.reload()
    expect(slot(phone, live, 0)).to_contain_text("A medias")
    with live.world.database.reading() as session:
        before = session.scalars(select(Upload).where(Upload.slot_id == live.world.slots[0])).one()
    assert before.offset > 0
    throttle(line)
    choose(phone, live, 0, path)
    expect(slot(phone, live, 0)).to_contain_text("Recibido, en revisión")
    assert finished(live, 0) == path.read_bytes()
    with live.world.database.reading() as session:
        uploads = session.scalars(select(Upload.id).where(Upload.slot_id == live.world.slots[0])).all()
    assert uploads == [before.id]


def test_another_file_after_a_reload_starts_cleanly(phone: Page, live: Live, tmp_path: Path) -> None:
    line = network(phone)
    throttle(line, rate=400_000)
    choose(phone, live, 0, a_file(tmp_path, 2_000_000))
    expect(told(phone, live, 0)).to_contain_text("Enviando: 4")
    phone.on("dialog", lambda dialog: dialog.accept())
    phone.reload()
    throttle(line)
    other = a_file(tmp_path, 700_000, "other.jpg")
    choose(phone, live, 0, other)
    expect(slot(phone, live, 0)).to_contain_text("Recibido, en revisión")
    assert finished(live, 0) == other.read_bytes()


def test_cancelling_frees_the_slot(phone: Page, live: Live, tmp_path: Path) -> None:
    throttle(network(phone), rate=200_000)
    choose(phone, live, 0, a_file(tmp_path, 2_000_000))
    expect(told(phone, live, 0)).to_contain_text("Enviando: 4")
    slot(phone, live, 0).get_by_role("button", name="Cancelar").click()
    expect(slot(phone, live, 0)).to_contain_text("Falta")
    expect(slot(phone, live, 0).locator(".pick label").last).to_be_visible()
    assert sweep(live.world.database, live.world.blobs, now=live.world.clock.now).slices >= 2


@pytest.mark.parametrize(("size", "words"), [(0, "El archivo está vacío."), (26 * 1024 * 1024, "el límite es 25 MB")])
def test_a_file_that_cannot_be_taken_is_told_at_once(
    phone: Page, live: Live, tmp_path: Path, size: int, words: str
) -> None:
    choose(phone, live, 0, a_file(tmp_path, size))
    expect(slot(phone, live, 0).locator(".told")).to_contain_text(words)
    expect(slot(phone, live, 0).locator(".pick label").last).to_be_visible()


def test_a_refusal_of_the_server_is_told_in_its_words(phone: Page, live: Live, tmp_path: Path) -> None:
    with live.world.database.transaction() as session:
        session.get_one(Slot, live.world.slots[0]).request.slots[0].requirement.max_image_bytes = 1000
        session.get_one(Slot, live.world.slots[0]).requirement.max_pdf_bytes = 1000
    choose(phone, live, 0, a_file(tmp_path, 5000))
    expect(slot(phone, live, 0).locator(".told")).to_contain_text("más grande que el límite")


def test_without_script_the_form_does_it(browser: Browser, live: Live, tmp_path: Path) -> None:
    context = browser.new_context(**PHONE, java_script_enabled=False)
    page = opened(context, live)
    path = a_file(tmp_path, 2_500_000)
    choose(page, live, 0, path)
    slot(page, live, 0).get_by_role("button", name="Enviar").click()
    expect(slot(page, live, 0)).to_contain_text("Recibido, en revisión")
    assert finished(live, 0) == path.read_bytes()
    context.close()


@pytest.mark.parametrize("how", [PHONE, SMALL, DESK, DARK], ids=["phone", "small", "desk", "dark"])
def test_every_page_is_accessible_and_fits(browser: Browser, live: Live, how: dict) -> None:
    context = browser.new_context(**how)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    home = f"http://portal.localhost:{live.port}"
    page.goto(f"{home}/s/{live.token}")
    check(page)
    page.goto(f"{home}/s/{live.token}/notice")
    check(page)
    page.goto(f"{home}/s/{live.token}")
    page.get_by_role("button", name="Acepto y continuar").click()
    states = [SlotState.RETURNED, SlotState.RECEIVED, SlotState.FILED]
    with live.world.database.transaction() as session:
        for slot_id, state in zip(live.world.slots, states, strict=True):
            found = session.get_one(Slot, slot_id)
            found.state, found.reason, found.note = state, "unreadable", "Sale borrosa"
    for path in ("/e", "/e/done", "/e/notice", "/nowhere"):
        page.goto(home + path)
        check(page)
    page.goto(f"{home}/e/done")
    page.get_by_role("button", name="Salir").click()
    check(page)
    page.goto(f"{home}/e")
    expect(page.get_by_role("heading", level=1)).to_have_text("Pide un enlace nuevo")
    check(page)
    assert complaints == []
    context.close()


def check(page: Page) -> None:
    """No violation of WCAG 2.2 AA that axe can see, and no horizontal scrolling."""
    found = Axe().run(
        page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    )
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.title().endswith(" · Resguardo")
