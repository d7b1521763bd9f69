"""Receipts in the running product: asked for on the phone, proven to a stranger, and nowhere on disk in clear."""

import hashlib
import json
import re
import subprocess
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e import files
from tests.e2e.browsers import DESK, PHONE, accessible, context, fits
from tests.e2e.installation import Asked, Installation
from tests.e2e.people import ADDRESS, FILED, FRONT, IDENTITY, Customer
from tests.e2e.sweeping import Sweep
from tests.e2e.waiting import until

PHOTO, PAPER = files.camera_jpeg(size=(1200, 900)), files.pdf()
ASK, AUTHENTIC = "Obtener acuse (PDF)", "Acuse auténtico"


def sends_two(page: Page, *, script: bool = True) -> Customer:
    """Ana accepts and two of her documents are filed."""
    ana = Customer(page, script=script)
    ana.accept()
    ana.choose(IDENTITY, files.image_file("Ana CANARY.jpg", PHOTO), FRONT)
    ana.choose(ADDRESS, files.pdf_file("recibo CANARY.pdf", PAPER))
    ana.sees(IDENTITY, FILED, FRONT)
    ana.sees(ADDRESS, FILED)
    return ana


def test_ana_gets_her_receipt_and_a_stranger_checks_a_file_with_it(
    here: Installation, phone: BrowserContext, browser: Browser, tmp_path: Path
) -> None:
    asked = here.ask(mode="none")
    page = phone.new_page()
    page.goto(str(asked.link))
    ana = sends_two(page)
    page.goto(f"{here.urls['customer']}/e/done")
    accessible(page)
    fits(page)
    page.get_by_role("button", name=ASK).tap()
    expect(page).to_have_url(re.compile(r"/verify/[0-9a-f]{32}$"))
    expect(page.get_by_text(AUTHENTIC)).to_be_visible()
    accessible(page)
    fits(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Descargar el PDF").tap()
    download.value.save_as(tmp_path / "acuse.pdf")
    the_pdf_verifies(here, tmp_path, asked)
    a_stranger_checks(browser, page.url)
    page.goto(f"{here.urls['customer']}/e/done")
    page.get_by_role("link", name="Ver mi acuse").tap()
    expect(page.get_by_role("link", name="Volver a la lista")).to_be_visible()
    assert ana.page is page
    nothing_lies_in_clear(here, page.url.rpartition("/")[2])


def the_pdf_verifies(here: Installation, folder: Path, asked: Asked) -> None:
    """By openssl and by the command line, with keys from elsewhere; and it names nobody."""
    told = subprocess.run(["pdftotext", "acuse.pdf", "-"], cwd=folder, capture_output=True, text=True, check=True)
    assert hashlib.sha256(PHOTO).hexdigest() in told.stdout
    subprocess.run(["pdfdetach", "-saveall", "acuse.pdf"], cwd=folder, check=True)
    openssl = "openssl ts -verify -data checkpoint.txt -in checkpoint.tsr -CAfile"
    public = here.stack.site.layout.keys / "public"
    stamped = subprocess.run([*openssl.split(), public / "tsa_root.pem"], cwd=folder, capture_output=True, check=False)
    assert stamped.returncode == 0, stamped.stderr
    proof = (folder / "acuse.json").read_text("utf-8")
    for personal in ("CANARY", asked.name, asked.phone, asked.reference):
        assert personal not in told.stdout + proof
    assert len(json.loads(proof)["receipt"]["documents"]) == 2


def a_stranger_checks(browser: Browser, address: str) -> None:
    """On a desk, without a visit: the right file matches, a changed one does not, and no byte of it is sent."""
    opened = context(browser, **DESK)
    page, sent = opened.new_page(), []
    page.goto(address)
    page.on("request", lambda request: sent.append(request.url))
    picture = {"name": "x.jpg", "mimeType": "image/jpeg"}
    page.set_input_files("#file", {**picture, "buffer": PHOTO})
    expect(page.locator("#said")).to_contain_text("Coincide: es el archivo de “Identificación oficial, Frente”.")
    accessible(page)
    page.set_input_files("#file", {**picture, "buffer": files.bitten(PHOTO, [len(PHOTO) // 2])})
    expect(page.locator("#said")).to_contain_text("No coincide")
    page.set_input_files("#file", {**picture, "buffer": PHOTO + b"."})
    expect(page.locator("#said")).to_contain_text("No coincide")
    assert sent == []
    expect(page.get_by_role("link", name="Volver a la lista")).to_have_count(0)
    page.goto(address[:-1] + ("0" if address[-1] != "0" else "1"))
    expect(page.get_by_role("heading", level=1)).to_have_text("No se pudo")
    accessible(page)
    opened.close()


def nothing_lies_in_clear(here: Installation, number: str) -> None:
    """Neither hashes nor the number are anywhere in the installation: rows, jobs, logs, objects."""
    words = [number, *(hashlib.sha256(content).hexdigest() for content in (PHOTO, PAPER))]
    until(lambda: Sweep(*words).files([here.root]) == [], "nothing in clear")


def test_without_javascript_a_receipt_is_made_and_a_hash_compared(here: Installation, browser: Browser) -> None:
    opened = context(browser, **(PHONE | {"java_script_enabled": False, "viewport": {"width": 320, "height": 640}}))
    page = opened.new_page()
    page.goto(str(here.ask(mode="none").link))
    sends_two(page, script=False)
    page.goto(f"{here.urls['customer']}/e/done")
    page.get_by_role("button", name=ASK).tap()
    expect(page).to_have_url(re.compile(r"/verify/[0-9a-f]{32}$"))
    ready = page.get_by_text(AUTHENTIC)
    until(lambda: ready.is_visible() or page.reload() is None, "the receipt", every=0.5)
    expect(ready).to_be_visible()
    page.get_by_text("Comprobarlo con su huella").tap()
    page.get_by_label("Huella SHA-256").fill(hashlib.sha256(PAPER).hexdigest())
    page.get_by_role("button", name="Comparar").tap()
    expect(page.get_by_text(f"Coincide: es el archivo de “{ADDRESS}”.")).to_be_visible()
    fits(page)
    opened.close()
