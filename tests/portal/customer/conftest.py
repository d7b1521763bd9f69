"""The public portal over a real database and store: in this process for most tests, behind gunicorn for some."""

import base64
import http.client
import secrets
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from intake.links import LinkSigner
from portal.customer.app import build
from portal.customer.visits import COOKIE
from portal.web.application import PortalApp
from records.links import UploadLink
from storage.blobs import LocalBlobStore
from storage.database import Database
from tests.intake.building import World, a_visit, a_world
from tests.portal.customer.site import CUSTOMER_KEY, LINK_KEY
from tests.services.processes import ROOT, Server, free_port

OURS = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def world(sqlite_database: Database, tmp_path: Path) -> World:
    return a_world(sqlite_database, LocalBlobStore(tmp_path / "blobs"))


@pytest.fixture
def signer() -> LinkSigner:
    return LinkSigner([LINK_KEY])


@pytest.fixture
def token(world: World, signer: LinkSigner) -> str:
    return signer.token(world.link_id)


@pytest.fixture
def portal(world: World, signer: LinkSigner) -> PortalApp:
    return build(
        database=world.database,
        blobs=world.blobs,
        custodian=world.keys.custodian.verify_key(),
        signer=signer,
        customer_key=CUSTOMER_KEY,
    )


@pytest.fixture
def stranger(portal: PortalApp) -> FlaskClient:
    """A browser that has activated nothing."""
    return portal.test_client()


@pytest.fixture
def ana(portal: PortalApp, world: World) -> FlaskClient:
    """A browser with a living visit."""
    client = portal.test_client()
    client.set_cookie(COOKIE, a_secret(world), secure=True)
    return client


def a_secret(world: World) -> str:
    """Open another visit through the world's link and return its cookie's secret."""
    secret = secrets.token_urlsafe(32)
    with world.database.transaction() as session:
        link = session.get_one(UploadLink, world.link_id)
        world.visit_id = a_visit(session, link, now=world.clock.now, secret=secret).id
    return secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """The portal behind gunicorn."""

    port: int
    world: World
    token: str
    temporary: Path
    log: Path

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
def live(world: World, token: str, tmp_path: Path) -> Iterator[Live]:
    """Two gunicorn processes with threads, as in production, and a temporary folder of their own."""
    port, temporary = free_port(), tmp_path / "tmp"
    temporary.mkdir()
    environment = {
        "SITE_DATABASE": str(world.database.url),
        "SITE_BLOBS": str(tmp_path / "blobs"),
        "SITE_CUSTODIAN": base64.b64encode(world.keys.custodian.verify_key().raw).decode(),
        "TMPDIR": str(temporary),
        "PYTHONPATH": str(ROOT),
    }
    settings = [f"{name}={value}" for name, value in environment.items()]
    gunicorn = [sys.executable, "-m", "gunicorn", "-c", "python:config.gunicorn", "--workers", "2", "--threads", "16"]
    server = Server(
        ["env", *settings, *gunicorn, "--bind", f"127.0.0.1:{port}", "tests.portal.customer.site:app()"],
        directory=ROOT,
        log=tmp_path / "gunicorn.log",
    )
    server.start(lambda: answers(port))
    yield Live(port=port, world=world, token=token, temporary=temporary, log=tmp_path / "gunicorn.log")
    server.stop()


def answers(port: int) -> bool:
    """Whether the portal is up."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
