"""The public portal over a real database and store: in this process for most tests, behind gunicorn for some."""

import base64
import http.client
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from intake.links import LinkSigner
from portal.customer.app import build
from portal.customer.visits import COOKIE
from portal.web.application import PortalApp
from records.links import UploadLink
from storage.blobs import LocalBlobStore
from storage.database import Database, utcnow
from tests.intake.building import Keys, World, a_visit, a_world, certified_keys
from tests.portal.customer.site import CODES, CUSTOMER_KEY, LINK_KEY, RECEIPTS
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
    return a_portal(world, signer)


def a_portal(world: World, signer: LinkSigner, **more: Any) -> PortalApp:
    """The portal of a world in this process."""
    return build(
        database=world.database,
        blobs=world.blobs,
        custodian=world.keys.custodian.verify_key(),
        signer=signer,
        codes=CODES,
        customer_key=CUSTOMER_KEY,
        receipts=RECEIPTS,
        **more,
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
class Site:
    """The portal behind gunicorn: two processes with threads, as in production, shared by the tests of a module."""

    port: int
    folder: Path
    database: Database
    keys: Keys

    @property
    def blobs(self) -> LocalBlobStore:
        """The store that the processes write to."""
        return LocalBlobStore(self.folder / "blobs")

    @property
    def temporary(self) -> Path:
        """The temporary folder of the processes."""
        return self.folder / "tmp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """One request and its link on the running site."""

    site: Site
    world: World
    token: str

    @property
    def port(self) -> int:
        """Where the portal listens, on 127.0.0.1."""
        return self.site.port


@pytest.fixture(scope="module")
def site(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A running portal with an empty database."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copyfile(sqlite_template, folder / "resguardo.db")
    with running_site(folder, f"sqlite:///{folder / 'resguardo.db'}") as running:
        yield running


@contextmanager
def running_site(folder: Path, database_url: str, *, threads: int = 16) -> Iterator[Site]:
    """Run the portal over a database with every table and nothing in it."""
    port = free_port()
    (folder / "tmp").mkdir()
    database = Database(database_url)
    with database.transaction() as session:
        keys = certified_keys(session, now=utcnow())
    environment = {
        "SITE_DATABASE": database_url,
        "SITE_BLOBS": str(folder / "blobs"),
        "SITE_CUSTODIAN": base64.b64encode(keys.custodian.verify_key().raw).decode(),
        "TMPDIR": str(folder / "tmp"),
        "PYTHONPATH": str(ROOT),
    }
    settings = [f"{name}={value}" for name, value in environment.items()]
    gunicorn = [sys.executable, "-m", "gunicorn", "-c", "python:config.gunicorn", "--workers", "2"]
    server = Server(
        [
            *("env", *settings, *gunicorn, "--threads", str(threads)),
            *("--bind", f"127.0.0.1:{port}", "tests.portal.customer.site:app()"),
        ],
        directory=ROOT,
        log=folder / "gunicorn.log",
    )
    server.start(lambda: answers(port))
    try:
        yield Site(port=port, folder=folder, database=database, keys=keys)
    finally:
        server.stop()
        database.dispose()


@pytest.fixture
def live(site: Site, signer: LinkSigner) -> Live:
    """A fresh request on the running site."""
    world = a_world(site.database, site.blobs, keys=site.keys)
    return Live(site=site, world=world, token=signer.token(world.link_id))


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
