"""Nothing that a customer sends is ever on a disk in clear, and nothing that identifies the customer in a log."""

import base64
import os
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.e2e import files
from tests.e2e.installation import Installation
from tests.e2e.leaks import EVERYWHERE
from tests.e2e.people import ADDRESS, BACK, FILED, FRONT, IDENTITY, INCOME, REFUSED, Customer, Desk, tap_message
from tests.e2e.sweeping import IN_MEMORY, Sweep, deleted_files, mount_type


def test_a_canary_in_the_files_is_nowhere_on_disk_while_they_are_handled_nor_afterwards(
    here: Installation, phone: BrowserContext, team: Callable[[str], Desk], tmp_path: Path
) -> None:
    assert mount_type(here.root) not in IN_MEMORY, "the installation lies in memory: a sweep of disks shows nothing"
    canary = f"CANARY-{secrets.token_hex(12)}"
    began = tmp_path / "began"
    began.touch()
    sweep, asked, eva = Sweep(canary), here.ask(), team("eva")
    with sweep.running([here.root, *EVERYWHERE], here.root) as found_on_the_way:
        portal = tap_message(phone.new_page(), here, asked)
        ana = Customer(portal)
        ana.accept()
        raw = canary.encode()
        ana.choose(IDENTITY, files.image_file(f"{canary}.jpg", files.camera_jpeg(comment=raw)), FRONT)
        ana.choose(IDENTITY, files.image_file(f"{canary}-2.jpg", files.camera_jpeg(title=canary, comment=raw)), BACK)
        ana.choose(ADDRESS, files.pdf_file(f"{canary}.pdf", files.pdf(pages=40, text=canary, author=canary)))
        ana.choose(INCOME, files.image_file(f"{canary}-3.jpg", files.infected_jpeg(comment=raw)))
        ana.sees(IDENTITY, FILED, FRONT)
        ana.sees(IDENTITY, FILED, BACK)
        ana.sees(ADDRESS, FILED)
        ana.sees(INCOME, REFUSED)
        eva.open_case(asked)
        eva.look_at(f"{IDENTITY} · frente", pages=1)
        portal.goto(f"{here.urls['customer']}/e/done")
        portal.get_by_role("button", name="Obtener acuse (PDF)").tap()
        expect(portal.get_by_text("Acuse auténtico")).to_be_visible()
    assert found_on_the_way == set()
    assert sweep.files([here.root, *EVERYWHERE]) == []
    assert sweep.held_open(here.root) == []
    assert sweep.newer_files(began) == []


def test_neither_the_phone_number_nor_the_link_is_in_any_log(
    here: Installation, phone: BrowserContext, team: Callable[[str], Desk]
) -> None:
    asked = here.ask()
    portal = tap_message(phone.new_page(), here, asked)
    token = portal.url.rpartition("/s/")[2]
    assert len(token) == 66
    ana = Customer(portal)
    ana.accept()
    portal.goto(f"{here.urls['customer']}/s/{token}")
    expect(portal.get_by_role("heading", level=1)).to_have_text("Tus documentos para Financiera Aurora")
    portal.goto(f"{here.urls['customer']}/s/{token}x")
    expect(portal.get_by_role("heading", level=1)).to_have_text("Pide un enlace nuevo")
    team("eva").open_case(asked)
    digits = asked.phone.removeprefix("+52")
    assert Sweep(digits, token, token.partition(".")[2], asked.name).files([here.stack.site.layout.log]) == []


@pytest.mark.parametrize("encoding", [bytes, lambda raw: raw.hex().encode(), base64.b64encode])
def test_the_sweep_finds_what_it_looks_for(encoding: Callable[[bytes], bytes], tmp_path: Path) -> None:
    canary = f"CANARY-{secrets.token_hex(12)}"
    planted = tmp_path / "planted"
    planted.write_bytes(b"\0" * ((1 << 20) - 10) + encoding(b"abcd" + canary.encode() + b"xyz"))
    assert Sweep(canary).files([tmp_path]) == [str(planted)]
    with planted.open("rb") as held:
        planted.unlink()
        deleted = [os.readlink(path) for path in deleted_files(["self"])]
        assert f"{planted} (deleted)" in deleted, held


@pytest.mark.parametrize("around", ['{"code": "%s"}', " %s\n", "code=%s;"])
def test_the_sweep_finds_a_code_that_stands_alone(around: str, tmp_path: Path) -> None:
    (tmp_path / "planted").write_text(around % "480137")
    (tmp_path / "chance").write_text("12:04:51.480137Z 1480137 a480137 480137f")
    assert Sweep(code="480137").files([tmp_path]) == [str(tmp_path / "planted")]


def test_the_sweep_finds_a_hash_as_bytes_and_as_text(tmp_path: Path) -> None:
    digest = secrets.token_bytes(32)
    for name, form in {"raw": digest, "hex": digest.hex().encode(), "base64": base64.b64encode(digest)}.items():
        (tmp_path / name).write_bytes(b"x" * 7 + form)
    assert len(Sweep(digest).files([tmp_path])) == 3
