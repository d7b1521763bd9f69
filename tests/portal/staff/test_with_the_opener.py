"""The console against a real opener on its socket: a really filed case, its original and its export."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyotp
import pytest
from sqlalchemy import select

from audit import AuditEvent
from intake.links import LinkSigner
from portal.staff.console import build_console
from portal.staff.desk import Desk
from portal.staff.opening import SocketOpener
from portal.worker.opener import OpenerServer, answer
from records.documents import Part
from records.people import Member
from records.signing_in import Passwords, new_seed
from sandbox.tsa.authority import Authority
from storage.blobs import LocalBlobStore
from storage.database import Database, utcnow
from storage.sealing.box import Box
from tests.portal.staff.company import PASSWORD
from tests.portal.staff.conftest import Browser
from tests.records.exporting.casting import CHECKPOINTS, Company, a_company, unpacked

PHOTO = b"\xff\xd8\xff front " * 20_000


@dataclass
class Office:
    """The filed case, Carla's browser, and the opener's socket."""

    filed: Company
    carla: Browser
    socket: Path
    document_id: str


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The time-stamp authority."""
    return Authority.at(tmp_path_factory.mktemp("keys") / "tsa")


@pytest.fixture
def office(sqlite_database: Database, tmp_path: Path, authority: Authority, passwords: Passwords) -> Iterator[Office]:
    """Carla signed in, the opener listening."""
    blobs = LocalBlobStore(tmp_path / "blobs")
    blobs.check()
    filed = a_company(sqlite_database, blobs, authority, tmp_path / "roots")
    document_id = filed.file(0, "INE \u202efrente.jpg", PHOTO)
    path = tmp_path / "o.sock"
    server = OpenerServer(path, lambda line: answer(filed.opener, line))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    box, seed = Box([bytes(range(32))]), new_seed()
    with sqlite_database.transaction() as session:
        carla = session.get_one(Member, filed.carla_id)
        carla.password_hash = passwords.hash(PASSWORD)
        carla.totp_boxed = box.seal(seed.encode(), table="members", row=carla.id, column="totp_boxed")
    desk = Desk(
        box=box,
        passwords=passwords,
        signer=LinkSigner([b"k" * 32]),
        opener=SocketOpener(path),
        blobs=blobs,
        public_url="http://portal.localhost",
        checkpoint_public=CHECKPOINTS.public,
        refusal_s=0.0,
        tsa_root=authority.ca_pem.read_bytes(),
    )
    browser = Browser(build_console(database=sqlite_database, desk=desk, session_key=b"s" * 32))
    given = {"email": "carla@valle.example", "password": PASSWORD, "code": _code(seed)}
    assert browser.post("/sign-in", given).status_code == 303
    yield Office(filed, browser, path, document_id)
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_original_comes_out_as_it_was_filed(office: Office) -> None:
    got = office.carla.post(f"/documents/{office.document_id}/original")
    assert got.status_code == 200
    assert got.data == PHOTO
    assert got.headers["Content-Disposition"].startswith('attachment; filename="INE frente.jpg"')


def test_an_export_is_asked_for_prepared_downloaded_and_verifies(office: Office, tmp_path: Path) -> None:
    office.carla.post(f"/cases/{office.filed.case_id}/exports")
    with office.filed.database.reading() as session:
        export_id = session.scalars(
            select(AuditEvent.subject_id).where(AuditEvent.event == "staff:case:exported")
        ).one()
    office.filed.prepare(export_id)
    got = office.carla.post(f"/exports/{export_id}/download")
    assert (got.status_code, got.mimetype) == (200, "application/zip")
    root = unpacked(got.data, tmp_path / "out")
    done = subprocess.run([sys.executable, "-I", "verify.py"], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "staff:export:downloaded" in {event.event for event in office.filed.events()}


def test_a_part_with_a_forged_attestation_is_not_shown(office: Office) -> None:
    with office.filed.database.transaction() as session:
        part = session.scalars(select(Part).where(Part.name == "original")).one()
        part.attestation = bytes(64)
    assert office.carla.post(f"/documents/{office.document_id}/original").status_code == 403
    assert "opener:part:refused" in {event.event for event in office.filed.events()}


def test_the_opener_gives_no_key_without_a_committed_event(office: Office) -> None:
    question = {"event": "0" * 32, "document": office.document_id, "part": "original"}
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.connect(str(office.socket))
        line.sendall(json.dumps(question).encode() + b"\n")
        assert json.loads(line.makefile("rb").readline()) == {"error": "opening_refused"}


def _code(seed: str) -> str:
    return pyotp.TOTP(seed).at(utcnow())
