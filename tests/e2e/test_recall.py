"""Signatures learn of a virus that was filed as clean: the document is taken back from everybody, while people look."""

import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e import files
from tests.e2e.browsers import accessible
from tests.e2e.installation import Asked, Installation
from tests.e2e.people import ADDRESS, FILED, FRONT, IDENTITY, REFUSED, Customer, Desk
from tests.e2e.waiting import until

LATE = "resguardo-e2e-" + "known-only-to-later-signatures"


def index_of(bag: Path) -> Any:
    """The index of an exported case."""
    with zipfile.ZipFile(bag) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("/index.json")]
        return json.loads(archive.read(name))


@pytest.fixture
def signatures(here: Installation) -> Iterator[Callable[..., None]]:
    """Load other signatures; the old ones are back after the test."""
    yield here.load_signatures
    here.load_signatures()


def test_a_document_that_later_signatures_know_is_recalled_while_it_is_looked_at(
    here: Installation,
    visit: Callable[[Asked], Customer],
    team: Callable[[str], Desk],
    signatures: Callable[..., None],
    tmp_path: Path,
) -> None:
    asked = here.ask(mode="none")
    ana = visit(asked)
    ana.choose(ADDRESS, files.pdf_file("recibo.pdf", files.pdf(text=LATE)))
    ana.choose(IDENTITY, files.image_file("frente.jpg", files.camera_jpeg()), FRONT)
    ana.sees(ADDRESS, FILED)
    ana.sees(IDENTITY, FILED, FRONT)
    eva, carla = team("eva"), team("carla")
    eva.open_case(asked)
    eva.look_at(ADDRESS, pages=3)
    address = eva.page.url
    carla.open_case(asked)
    carla.export(tmp_path)

    signatures(LATE)
    until(lambda: here.events(asked.id, "inspector:document:recalled"), "the recall", within=60)
    ana.page.reload()
    ana.sees(ADDRESS, REFUSED)
    expect(ana.slot(ADDRESS)).to_contain_text("Una revisión posterior encontró un virus en este archivo")
    assert eva.page.evaluate("async path => (await fetch(path)).status", f"{address}/pages/1") == 409
    eva.page.reload()
    expect(eva.page.get_by_text("Este documento se retiró")).to_be_visible()
    expect(eva.page.locator(".sheet img")).to_have_count(0)
    expect(eva.page.get_by_text("Quién lo abrió antes")).to_have_count(0)

    carla.open_case(asked)
    carla.page.get_by_role("link", name="Motivo").click()
    expect(carla.page.locator(".opened li")).to_have_count(2)
    expect(carla.page.locator(".opened")).to_contain_text("vio un documento")
    expect(carla.page.locator(".opened")).to_contain_text("descargó la exportación")
    accessible(carla.page)
    carla.open_case(asked)
    with carla.page.expect_download() as download:
        carla.page.get_by_role("button", name="Descargar ZIP").first.click()
    download.value.save_as(tmp_path / "after.zip")
    index = index_of(tmp_path / "after.zip")
    assert [one["reason"] for one in index["omitted"]] == ["recalled"], "an export that was ready leaves it out"
    assert [one["state"] for one in index["documents"]] == ["filed"]
    assert here.slots(asked.id)[0] == "filed", "the other document stays"
