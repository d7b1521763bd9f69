"""Photos in a real browser: the tray, hints, covered zones, and uploads that another browser goes on with."""

import io
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image, ImageDraw, ImageFilter
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect
from sqlalchemy import select, update

from records import trays
from records.documents import Document, DocumentState
from records.requirements import Requirement
from records.uploads import Upload, UploadState
from tests.e2e.browsers import chromium
from tests.portal.customer.conftest import Live
from tests.portal.customer.test_in_a_browser import DARK, DESK, PHONE, RULES, SMALL, a_file, network, opened, throttle

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        expect.set_options(timeout=15_000)
        yield found


@pytest.fixture(autouse=True)
def _pages_and_covers(live: Live) -> None:
    """The second requirement takes photos as pages; on both, zones may be covered."""
    live.world.allow_pages(4)
    with live.world.database.transaction() as session:
        session.execute(update(Requirement).values(may_cover={"es": "Puedes tapar tu firma."}))
        session.execute(update(Requirement).where(Requirement.position == 0).values(max_pages=1))


@pytest.fixture
def phone(browser: Browser, live: Live) -> Iterator[Page]:
    context = browser.new_context(**PHONE)
    yield opened(context, live)
    context.close()


def a_photo(folder: Path, name: str = "foto.jpg", *, size: tuple[int, int] = (1200, 1600), **how: object) -> Path:
    """A page of text as a phone takes it: sharp and bright, unless told otherwise; a red square stands top left."""
    paper = Image.new("RGB", size, (225, 222, 215))
    draw, dice = ImageDraw.Draw(paper), random.Random(name)
    for y in range(120, size[1] - 100, 34):
        x = 100
        while x < size[0] - 140:
            width = dice.randint(20, 90)
            draw.rectangle((x, y, x + width, y + 14), fill=(30, 30, 40))
            x += width + 16
    draw.rectangle((0, 0, 80, 80), fill="red")
    if how.get("blurred"):
        paper = paper.filter(ImageFilter.GaussianBlur(14))
    if how.get("dark"):
        paper = paper.point(lambda value: value // 8)
    path = folder / name
    paper.save(path, "JPEG", quality=88, exif=how.get("exif", b""))
    return path


def slot(page: Page, live: Live, number: int) -> Locator:
    return page.locator(f"#s-{live.world.slots[number]}")


def gallery(page: Page, live: Live, number: int) -> Locator:
    return slot(page, live, number).locator(".gal input")


def pages(page: Page, live: Live) -> Locator:
    return slot(page, live, 2).locator(".tray li")


def documents(live: Live) -> list[Document]:
    with live.world.database.reading() as session:
        found = select(Document).where(Document.request_id == live.world.request_id)
        return list(session.scalars(found))


def sent(live: Live, number: int) -> bytes:
    with live.world.database.reading() as session:
        found = select(Upload.id).where(Upload.slot_id == live.world.slots[number], Upload.state != UploadState.ENDED)
        return live.world.content(session.scalars(found).one())


def accessible(page: Page) -> None:
    found = Axe().run(page, options={"runOnly": RULES})
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_several_photos_lie_in_the_tray_are_ordered_and_go_as_one_document(
    phone: Page, live: Live, tmp_path: Path
) -> None:
    photos = [a_photo(tmp_path, f"{number}.jpg") for number in range(3)]
    gallery(phone, live, 2).set_input_files(photos)
    expect(pages(phone, live)).to_have_count(3)
    expect(pages(phone, live).locator("canvas")).to_have_count(3)
    expect(slot(phone, live, 2)).to_contain_text("Por enviar")
    assert documents(live) == []
    first, second, _ = live.world.tray(2)
    slot(phone, live, 2).get_by_role("button", name="Mover después la página 1").click()
    expect(pages(phone, live).nth(1)).to_have_attribute("data-page", first)
    slot(phone, live, 2).get_by_role("button", name="Girar la página 1").click()
    expect(pages(phone, live).first).to_contain_text("girada 90°")
    expect(slot(phone, live, 2).get_by_role("button", name="Girar la página 1")).to_be_focused()
    slot(phone, live, 2).get_by_role("button", name="Quitar la página 3").click()
    expect(pages(phone, live)).to_have_count(2)
    assert live.world.tray(2) == [second, first]
    accessible(phone)
    slot(phone, live, 2).get_by_role("button", name="Enviar 2 páginas").dblclick()
    expect(slot(phone, live, 2)).to_contain_text("Recibido, en revisión")
    assert len(documents(live)) == 1


def test_a_retaken_photo_stands_where_the_old_one_stood(phone: Page, live: Live, tmp_path: Path) -> None:
    gallery(phone, live, 2).set_input_files([a_photo(tmp_path, "1.jpg"), a_photo(tmp_path, "2.jpg")])
    expect(pages(phone, live)).to_have_count(2)
    before = live.world.tray(2)
    with phone.expect_file_chooser() as chooser:
        slot(phone, live, 2).get_by_role("button", name="Repetir la foto de la página 1").click()
    better = a_photo(tmp_path, "better.jpg")
    chooser.value.set_files(better)
    expect(pages(phone, live).first).not_to_have_attribute("data-page", before[0])
    after = live.world.tray(2)
    assert (len(after), after[1], live.world.content(after[0])) == (2, before[1], better.read_bytes())


def test_another_phone_with_the_link_sees_states_only_and_sends(
    phone: Page, browser: Browser, live: Live, tmp_path: Path
) -> None:
    gallery(phone, live, 2).set_input_files([a_photo(tmp_path, "secreto.jpg"), a_photo(tmp_path, "2.jpg")])
    expect(pages(phone, live)).to_have_count(2)
    context = browser.new_context(**PHONE)
    other = opened(context, live)
    expect(pages(other, live)).to_have_count(2)
    expect(pages(other, live).locator("canvas")).to_have_count(0)
    assert "secreto" not in other.content()
    slot(other, live, 2).get_by_role("button", name="Enviar 2 páginas").click()
    expect(slot(other, live, 2)).to_contain_text("Recibido, en revisión")
    context.close()
    slot(phone, live, 2).get_by_role("button", name="Girar la página 1").click()
    expect(slot(phone, live, 2)).to_contain_text("Recibido, en revisión")
    assert len(documents(live)) == 1


def test_a_bad_photo_does_not_cost_the_good_ones(phone: Page, live: Live, tmp_path: Path) -> None:
    gallery(phone, live, 2).set_input_files([a_photo(tmp_path, f"{number}.jpg") for number in range(3)])
    expect(pages(phone, live)).to_have_count(3)
    slot(phone, live, 2).get_by_role("button", name="Girar la página 3").click()
    expect(pages(phone, live).last).to_contain_text("girada 90°")
    first, _, last = live.world.tray(2)
    slot(phone, live, 2).get_by_role("button", name="Enviar 3 páginas").click()
    expect(slot(phone, live, 2)).to_contain_text("Recibido, en revisión")
    with live.world.database.transaction() as session:
        document = session.scalars(select(Document).where(Document.request_id == live.world.request_id)).one()
        document.move(DocumentState.REFUSED)
        document.slot.refused("unknown_type", live.world.clock.now, 2)
        trays.reopen(session, document, 2, live.world.clock.now)
    expect(slot(phone, live, 2)).to_contain_text("Página 2: No es una foto.")
    expect(slot(phone, live, 2)).to_contain_text("Las otras páginas siguen aquí.")
    expect(pages(phone, live)).to_have_count(2)
    accessible(phone)
    gallery(phone, live, 2).set_input_files(a_photo(tmp_path, "better.jpg"))
    expect(pages(phone, live)).to_have_count(3)
    expect(slot(phone, live, 2)).to_contain_text("Por enviar")
    expect(pages(phone, live).last).to_contain_text("girada 90°")
    after = live.world.tray(2)
    assert (after[0], after[2]) == (first, last)
    slot(phone, live, 2).get_by_role("button", name="Enviar 3 páginas").click()
    expect(slot(phone, live, 2)).to_contain_text("Recibido, en revisión")
    assert len(documents(live)) == 2


def test_the_tray_works_without_script(browser: Browser, live: Live, tmp_path: Path) -> None:
    context = browser.new_context(**PHONE | {"java_script_enabled": False})
    page = opened(context, live)
    form = slot(page, live, 2).locator(".pick")
    form.locator("input[multiple]").last.set_input_files([a_photo(tmp_path, "1.jpg"), a_photo(tmp_path, "2.jpg")])
    form.get_by_role("button", name="Subir").click()
    expect(pages(page, live)).to_have_count(2)
    first, second = live.world.tray(2)
    slot(page, live, 2).get_by_role("button", name="Mover antes la página 2").click()
    assert live.world.tray(2) == [second, first]
    slot(page, live, 2).get_by_role("button", name="Enviar 2 páginas").click()
    expect(slot(page, live, 2)).to_contain_text("Recibido, en revisión")
    context.close()


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"dark": True}, "La foto se ve muy oscura."),
        ({"blurred": True}, "La foto se ve borrosa."),
        ({"size": (320, 240)}, "La foto es muy pequeña"),
    ],
)
def test_a_poor_photo_is_told_of_before_it_is_sent_and_goes_when_the_customer_insists(
    phone: Page, live: Live, tmp_path: Path, how: dict, words: str
) -> None:
    poor = a_photo(tmp_path, **how)
    gallery(phone, live, 0).set_input_files(poor)
    hint = slot(phone, live, 0).get_by_role("alertdialog")
    expect(hint).to_contain_text(words)
    accessible(phone)
    assert documents(live) == []
    hint.get_by_role("button", name="Usar de todos modos").click()
    expect(slot(phone, live, 0)).to_contain_text("Recibido, en revisión")
    assert sent(live, 0) == poor.read_bytes()


def test_a_poor_photo_is_taken_again(phone: Page, live: Live, tmp_path: Path) -> None:
    gallery(phone, live, 0).set_input_files(a_photo(tmp_path, "dark.jpg", dark=True))
    with phone.expect_file_chooser() as chooser:
        slot(phone, live, 0).get_by_role("button", name="Tomar otra").click()
    good = a_photo(tmp_path, "good.jpg")
    chooser.value.set_files(good)
    expect(slot(phone, live, 0)).to_contain_text("Recibido, en revisión")
    assert sent(live, 0) == good.read_bytes()


def test_a_poor_page_carries_its_hint_in_the_tray(phone: Page, live: Live, tmp_path: Path) -> None:
    gallery(phone, live, 2).set_input_files([a_photo(tmp_path, "1.jpg"), a_photo(tmp_path, "2.jpg", blurred=True)])
    expect(pages(phone, live).nth(1)).to_contain_text("La foto se ve borrosa.")
    expect(pages(phone, live).first).not_to_contain_text("borrosa")


@pytest.mark.parametrize("content", [b"\x00\x00\x00\x18ftypheic", b"\xff\xd8\xff not really"])
def test_what_the_browser_cannot_decode_goes_without_a_hint(
    phone: Page, live: Live, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "foto.heic"
    path.write_bytes(content)
    gallery(phone, live, 0).set_input_files(path)
    expect(slot(phone, live, 0)).to_contain_text("Recibido, en revisión")


def test_covered_zones_are_gone_before_the_photo_leaves_the_phone(phone: Page, live: Live, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    original = a_photo(tmp_path, exif=exif)
    loaded: list[str] = []
    phone.on("request", lambda request: loaded.append(request.url))
    slot(phone, live, 0).locator("[data-cover]").set_input_files(original)
    dialog = phone.get_by_role("dialog")
    expect(dialog).to_contain_text("Tapa lo que no hace falta")
    canvas = dialog.locator("canvas")
    expect(dialog.get_by_role("button", name="Agregar zona")).to_be_enabled()
    accessible(phone)
    box = canvas.bounding_box()
    assert box is not None
    assert box["width"] > box["height"]
    right, top = box["x"] + box["width"], box["y"]
    phone.mouse.move(right - 1, top + 1)
    phone.mouse.down()
    phone.mouse.move(right - box["width"] / 3, top + box["height"] / 3, steps=4)
    phone.mouse.up()
    expect(dialog.locator(".zone")).to_have_count(1)
    dialog.get_by_role("button", name="Tapar y enviar").click()
    expect(slot(phone, live, 0)).to_contain_text("Recibido, en revisión")
    picture = Image.open(io.BytesIO(sent(live, 0))).convert("RGB")
    assert picture.width > picture.height
    assert max(picture.getpixel((picture.width - 30, 30))) < 12
    assert sum(channel > 150 for channel in picture.getpixel((picture.width // 3, picture.height - 15))) == 3
    assert not Image.open(io.BytesIO(sent(live, 0))).getexif()
    assert sent(live, 0) != original.read_bytes()
    (document,) = documents(live)
    assert document.covered
    assert len([url for url in loaded if "/static/cover.js" in url]) == 1


def test_zones_are_covered_with_the_keyboard_alone(phone: Page, live: Live, tmp_path: Path) -> None:
    slot(phone, live, 0).locator("[data-cover]").set_input_files(a_photo(tmp_path))
    dialog = phone.get_by_role("dialog")
    add = dialog.get_by_role("button", name="Agregar zona")
    expect(add).to_be_enabled()
    add.focus()
    phone.keyboard.press("Enter")
    zone = dialog.get_by_role("button", name="Zona tapada 1")
    expect(zone).to_be_focused()
    for _ in range(40):
        phone.keyboard.press("ArrowUp")
        phone.keyboard.press("ArrowLeft")
    for _ in range(5):
        phone.keyboard.press("Shift+ArrowDown")
    phone.keyboard.press("Tab")
    add.focus()
    phone.keyboard.press("Enter")
    expect(dialog.locator(".zone")).to_have_count(2)
    phone.keyboard.press("Delete")
    expect(dialog.locator(".zone")).to_have_count(1)
    dialog.get_by_role("button", name="Tapar y enviar").press("Enter")
    expect(slot(phone, live, 0)).to_contain_text("Recibido, en revisión")
    picture = Image.open(io.BytesIO(sent(live, 0))).convert("RGB")
    assert max(picture.getpixel((20, 20))) < 12


def test_nothing_leaves_the_phone_when_covering_is_cancelled(phone: Page, live: Live, tmp_path: Path) -> None:
    slot(phone, live, 0).locator("[data-cover]").set_input_files(a_photo(tmp_path))
    expect(phone.get_by_role("dialog")).to_be_visible()
    phone.keyboard.press("Escape")
    expect(phone.get_by_role("dialog")).to_have_count(0)
    with live.world.database.reading() as session:
        assert session.scalars(select(Upload).where(Upload.link_id == live.world.link_id)).all() == []


def test_a_killed_tab_is_gone_on_with_by_another_browser_with_the_same_link(
    browser: Browser, live: Live, tmp_path: Path
) -> None:
    path = a_file(tmp_path, 3_000_000)
    context: BrowserContext = browser.new_context(**PHONE)
    page = opened(context, live)
    throttle(network(page), rate=400_000)
    slot(page, live, 0).locator(".pick input").nth(2).set_input_files(path)
    expect(slot(page, live, 0).locator(".run .said")).to_contain_text(re.compile(r"Enviando: 5\d"))
    context.close()
    with live.world.database.reading() as session:
        before = session.scalars(select(Upload).where(Upload.slot_id == live.world.slots[0])).one()
    assert before.offset > 0
    context = browser.new_context(**DESK)
    page = opened(context, live)
    expect(slot(page, live, 0)).to_contain_text("A medias")
    slot(page, live, 0).locator(".pick input").nth(2).set_input_files(path)
    expect(slot(page, live, 0)).to_contain_text("Recibido, en revisión")
    context.close()
    assert sent(live, 0) == path.read_bytes()
    with live.world.database.reading() as session:
        uploads = session.scalars(select(Upload.id).where(Upload.slot_id == live.world.slots[0])).all()
    assert uploads == [before.id]


def test_another_file_of_the_same_size_never_goes_on_where_the_first_stopped(
    browser: Browser, live: Live, tmp_path: Path
) -> None:
    context = browser.new_context(**PHONE)
    page = opened(context, live)
    throttle(network(page), rate=400_000)
    slot(page, live, 0).locator(".pick input").nth(2).set_input_files(a_file(tmp_path, 3_000_000))
    expect(slot(page, live, 0).locator(".run .said")).to_contain_text("Enviando: 4")
    context.close()
    other = a_file(tmp_path, 3_000_000, "other.jpg")
    context = browser.new_context(**PHONE)
    page = opened(context, live)
    slot(page, live, 0).locator(".pick input").nth(2).set_input_files(other)
    expect(slot(page, live, 0)).to_contain_text("Recibido, en revisión")
    context.close()
    assert sent(live, 0) == other.read_bytes()


def test_progress_is_read_aloud_now_and_then_only(phone: Page, live: Live, tmp_path: Path) -> None:
    throttle(network(phone), rate=500_000)
    phone.evaluate(
        """box => { window.heard = []; new MutationObserver(() => heard.push(box.textContent))
        .observe(box, {childList: true}) }""",
        slot(phone, live, 0).locator(".run [role=status]").element_handle(),
    )
    gallery(phone, live, 0).set_input_files(a_file(tmp_path, 2_000_000))
    expect(slot(phone, live, 0)).to_contain_text("Recibido, en revisión")
    heard = phone.evaluate("heard")
    assert 2 <= len(heard) <= 7
    assert heard[-1] == "Comprobando que llegó completo…"


@pytest.mark.parametrize("how", [PHONE, DARK, SMALL, DESK], ids=["phone", "dark", "small", "desk"])
def test_tray_hint_and_covering_are_accessible_and_fit(browser: Browser, live: Live, tmp_path: Path, how: dict) -> None:
    context = browser.new_context(**how)
    page = opened(context, live)
    several = slot(page, live, 2).locator(".pick input[multiple]").last
    several.set_input_files([a_photo(tmp_path, f"{number}.jpg", dark=number == 1) for number in range(4)])
    expect(pages(page, live)).to_have_count(4)
    expect(slot(page, live, 2).locator(".pick")).to_have_count(0)
    gallery(page, live, 0).set_input_files(a_photo(tmp_path, "dark.jpg", dark=True))
    expect(slot(page, live, 0).get_by_role("alertdialog")).to_be_visible()
    accessible(page)
    slot(page, live, 1).locator("[data-cover]").set_input_files(a_photo(tmp_path))
    add = page.get_by_role("dialog").get_by_role("button", name="Agregar zona")
    expect(add).to_be_enabled()
    add.click()
    accessible(page)
    context.close()
