"""Coarse limits of the portal: by link, address and organization; a flood is stopped, everybody else goes on."""

import time
from ipaddress import ip_network

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from intake.links import LinkSigner
from portal.customer.visits import COOKIE
from portal.web.application import PortalApp
from portal.web.rates import PER_MINUTE, Rates, Subject
from records.checkcodes import new_check_code
from records.checking import MAX_WRONG, PREFIX, CheckWindow
from tests.intake.building import World, a_world
from tests.portal.customer.conftest import OURS, a_portal, a_secret
from tests.portal.customer.site import CUSTOMER_KEY
from tests.portal.customer.test_tus import TUS, create

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@pytest.fixture(autouse=True)
def within_one_minute() -> None:
    """Begin early enough in a minute: the window of a limit ends with it."""
    if time.time() % 60 > 45:
        time.sleep(60 - time.time() % 60)


def limited(world: World, signer: LinkSigner, *, proxies: tuple = (), **few: int) -> PortalApp:
    most = dict(PER_MINUTE) | {Subject(name): number for name, number in few.items()}
    return a_portal(world, signer, rates=Rates(CUSTOMER_KEY, per_minute=most), proxies=proxies)


def visiting(app: PortalApp, world: World) -> FlaskClient:
    client = app.test_client()
    client.set_cookie(COOKIE, a_secret(world), secure=True)
    return client


def test_a_flood_through_a_link_is_refused_with_a_page_and_the_time_to_return(
    world: World, signer: LinkSigner, token: str
) -> None:
    client = limited(world, signer, link=2).test_client()
    for _ in range(2):
        assert client.get(f"/s/{token}").status_code == 200
    for language, words in (("es", "Demasiados intentos"), ("en", "Too many tries"), ("pt", "Tentativas demais")):
        refused = client.get(f"/s/{token}", headers={"Accept-Language": language})
        assert refused.status_code == 429
        assert words in refused.text
        assert 1 <= int(refused.headers["Retry-After"]) <= 60


def test_requests_of_a_visit_count_for_its_link_whatever_browser_makes_them(
    world: World, signer: LinkSigner, token: str
) -> None:
    app = limited(world, signer, link=3)
    one, other = visiting(app, world), visiting(app, world)
    assert one.get("/e").status_code == other.get("/e").status_code == 200
    assert app.test_client().get(f"/s/{token}").status_code == 200
    refused = create(other, world.slots[0], 4, b"data")
    assert (refused.status_code, refused.json["code"]) == (429, "too_many_requests")
    assert int(refused.headers["Retry-After"]) >= 1
    assert world.blob_names() == []


def test_other_spellings_of_a_token_give_no_new_tries(world: World, signer: LinkSigner, token: str) -> None:
    """Unpadded base64 has spare bits: four last letters decode to one signature. One of them is the token."""
    client = limited(world, signer, link=2).test_client()
    first = LETTERS.index(token[-1]) & ~3
    spellings = {token[:-1] + LETTERS[first + bits] for bits in range(4)}
    assert token in spellings
    for _ in range(2):
        assert client.get(f"/s/{token}").status_code == 200
    assert {client.get(f"/s/{spelling}").status_code for spelling in spellings} == {429, 404}
    assert client.get(f"/s/{token}").status_code == 429
    for spelling in spellings - {token}:
        assert client.post(f"/s/{spelling}", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 404


def test_a_flood_at_one_organization_costs_no_other(world: World, signer: LinkSigner) -> None:
    other = a_world(world.database, world.blobs, keys=world.keys)
    app = limited(world, signer, organization=2)
    flooding, quiet = visiting(app, world), visiting(app, other)
    assert [flooding.get("/e").status_code for _ in range(3)] == [200, 200, 429]
    assert (
        flooding.get(f"/s/{signer.token(world.link_id)}").status_code == 303
    )  # the visit's own: asks the database little
    assert quiet.get("/e").status_code == 200
    assert app.test_client().get(f"/s/{signer.token(other.link_id)}").status_code == 200


def test_a_flood_from_one_address_costs_no_other(world: World, signer: LinkSigner, token: str) -> None:
    client = limited(world, signer, address=2).test_client()

    def status(address: str) -> int:
        return client.get(f"/s/{token}", environ_base={"REMOTE_ADDR": address}).status_code

    assert [status("203.0.113.7") for _ in range(3)] == [200, 200, 429]
    assert status("203.0.113.8") == 200
    assert [status(f"2001:db8::{n}") for n in (1, 2, 3)] == [200, 200, 429]  # one subscriber's /64
    assert status("2001:db8:0:1::1") == 200


def test_a_spoofed_header_neither_escapes_a_limit_nor_uses_up_anothers(
    world: World, signer: LinkSigner, token: str
) -> None:
    client = limited(world, signer, address=2, proxies=(ip_network("10.0.0.0/8"),)).test_client()

    def status(peer: str, forwarded: str) -> int:
        return client.get(
            f"/s/{token}", environ_base={"REMOTE_ADDR": peer}, headers={"X-Forwarded-For": forwarded}
        ).status_code

    direct = [status("203.0.113.7", f"198.51.100.{n}") for n in range(3)]
    through_the_proxy = [status("10.0.0.1", f"6.6.6.{n}, 203.0.113.9") for n in range(3)]
    assert direct == through_the_proxy == [200, 200, 429]
    assert status("10.0.0.1", "198.51.100.0") == 200


def test_one_address_cannot_use_up_the_wrong_codes_of_everybody(world: World, signer: LinkSigner) -> None:
    client = limited(world, signer, checks=2).test_client()

    def check(address: str) -> int:
        typed = {"code": new_check_code()}
        return client.post("/check", data=typed, headers=OURS, environ_base={"REMOTE_ADDR": address}).status_code

    assert [check("203.0.113.7") for _ in range(3)] == [404, 404, 429]
    assert check("203.0.113.8") == 404
    assert PER_MINUTE[Subject.CHECKS] * 60 < 32**PREFIX * MAX_WRONG / 4
    with world.database.reading() as session:
        assert sum(window.wrong for window in session.scalars(select(CheckWindow))) == 3


def test_health_is_not_counted(world: World, signer: LinkSigner) -> None:
    client = limited(world, signer, address=1).test_client()
    elsewhere = {"REMOTE_ADDR": "203.0.113.7"}
    for _ in range(3):
        assert client.get("/healthz", environ_base=elsewhere).status_code == 200
    assert client.options("/e/uploads", headers=TUS, environ_base=elsewhere).status_code == 204
    assert client.options("/e/uploads", headers=TUS, environ_base=elsewhere).status_code == 429
