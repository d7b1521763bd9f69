"""The main job as one walk through every screen, for whichever installation and browser a test brings."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import bagit
import pytest
from playwright.sync_api import BrowserContext, expect

from tests.e2e import files
from tests.e2e.browsers import accessible, fits
from tests.e2e.installation import Asked, Installation
from tests.e2e.people import (
    ACCEPTED,
    ADDRESS,
    BACK,
    FILED,
    FRONT,
    IDENTITY,
    INCOME,
    REFUSED,
    RETURNED,
    Customer,
    Desk,
    tap_message,
)

REASON, SEEN_REASON = "No se lee bien", "No se alcanza a leer."
NOTE = "Se ve borroso el CURP, toma la foto sin flash"


def main_job(
    here: Installation,
    phone: BrowserContext,
    team: Callable[[str], Desk],
    asked: Asked,
    folder: Path,
    *,
    script: bool = True,
) -> None:
    """From the message to a record that verifies. Every promise on the way is checked."""
    portal = tap_message(phone.new_page(), here, asked, script=script)
    expect(portal.get_by_role("heading", level=1)).to_have_text("Financiera Aurora te pide 3 documentos")
    ana = Customer(portal, script=script)
    ana.accept()
    sends_four_files(ana)
    nothing_refused_is_in_the_vault(here, asked)
    reviews(team("eva"), asked)

    portal = tap_message(phone.new_page(), here, asked, number=2, script=script)
    ana = Customer(portal, script=script)
    if portal.get_by_role("button", name="Acepto y continuar").is_visible():
        ana.accept()
    sends_again(ana)
    assert here.slots(asked.id) == ["accepted", "filed", "accepted", "filed"]

    carla = team("carla")
    carla.open_case(asked)
    the_bag_verifies(carla.export(folder), folder, documents=5)  # the returned one is part of the story


def sends_four_files(ana: Customer) -> None:
    """Three good files are filed, the fourth is refused in plain words."""
    ana.choose(IDENTITY, files.image_file("IMG_20260102.jpg", files.camera_jpeg()), FRONT)
    ana.choose(IDENTITY, files.image_file("IMG_0042.HEIC", files.heic()), BACK)
    ana.choose(ADDRESS, files.pdf_file("recibo luz.pdf", files.pdf()))
    ana.choose(INCOME, files.eicar_pdf())
    ana.sees(IDENTITY, FILED, FRONT)
    ana.sees(IDENTITY, FILED, BACK)
    ana.sees(ADDRESS, FILED)
    ana.sees(INCOME, REFUSED)
    expect(ana.slot(INCOME)).to_contain_text("El archivo tiene un virus, así que no lo guardamos.")
    fits(ana.page)
    if ana.script:
        accessible(ana.page)


def reviews(eva: Desk, asked: Asked) -> None:
    """The executive accepts two and returns one."""
    eva.open_case(asked)
    eva.look_at(f"{IDENTITY} · frente", pages=1)
    eva.accept()
    eva.open_case(asked)
    eva.look_at(f"{IDENTITY} · reverso", pages=1)
    eva.return_(REASON, NOTE)
    eva.open_case(asked)
    eva.look_at(ADDRESS, pages=3)
    eva.accept()


def sends_again(ana: Customer) -> None:
    """The customer reads the reason and sends what is missing."""
    ana.sees(IDENTITY, ACCEPTED, FRONT)
    ana.sees(IDENTITY, RETURNED, BACK)
    expect(ana.slot(IDENTITY, BACK)).to_contain_text(SEEN_REASON)
    expect(ana.slot(IDENTITY, BACK)).to_contain_text(NOTE)
    ana.choose(IDENTITY, files.image_file("IMG_0043.HEIC", files.heic(title="REVERSO OTRA VEZ")), BACK)
    ana.choose(INCOME, files.pdf_file("nomina.pdf", files.pdf(pages=1, title="Recibo de nómina")))
    ana.sees(IDENTITY, FILED, BACK)
    ana.sees(INCOME, FILED)
    expect(ana.page.get_by_text("Ya enviaste todo lo necesario.")).to_be_visible()


def nothing_refused_is_in_the_vault(here: Installation, asked: Asked) -> None:
    """No part of a refused document was sealed to the case, under whatever name."""
    query = (
        "SELECT d.state, (SELECT count(*) FROM parts p WHERE p.document_id = d.id) FROM documents d "
        "WHERE d.request_id = :id"
    )
    parts = [tuple(row) for row in here.rows(query, id=asked.id)]
    assert len(parts) == 4
    assert [count for state, count in parts if state == "refused"] == [0]
    assert all(count >= 2 for state, count in parts if state == "filed")


def the_bag_verifies(archive: Path, folder: Path, *, documents: int) -> None:
    """The bag is whole by `bagit` and by its own verifier; one flipped byte and both name the file."""
    with zipfile.ZipFile(archive) as bundle:
        bundle.extractall(folder / "bag")
    (root,) = (path.parent for path in (folder / "bag").rglob("bagit.txt"))
    index = json.loads((root / "data/index.json").read_text("utf-8"))
    assert len(index["documents"]) == documents
    bagit.Bag(str(root)).validate()
    told = verify(root)
    assert told.returncode == 0, told.stdout
    assert told.stdout.splitlines()[-1] == "VALID"

    victim = root / index["documents"][0]["path"]
    victim.write_bytes(files.bitten(victim.read_bytes(), [victim.stat().st_size // 2]))
    with pytest.raises(bagit.BagValidationError, match=victim.name):
        bagit.Bag(str(root)).validate()
    told = verify(root)
    assert told.returncode == 1
    assert victim.name in told.stdout
    assert told.stdout.splitlines()[-1] == "NOT VALID"


def verify(root: Path) -> subprocess.CompletedProcess[str]:
    """Run the verifier that lies in the bag, with nothing but Python."""
    return subprocess.run([sys.executable, "-I", "verify.py"], cwd=root, capture_output=True, text=True, check=False)
