"""The page of a closed link: one answer for every link, whom to call, and what is asked of the courier."""

import time
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from intake.links import LinkSigner
from portal.customer.renewal import ANSWER_S
from records.links import UploadLink
from records.wishes import LinkWish
from storage.database import new_id, utcnow
from tests.intake.building import World
from tests.portal.customer.conftest import OURS

CLOSED = ("expired", "revoked", "superseded", "unknown", "forged", "malformed")


def closed(world: World, signer: LinkSigner, token: str, how: str) -> str:
    """A token that opens nothing."""
    with world.database.transaction() as session:
        link = session.get_one(UploadLink, world.link_id)
        match how:
            case "expired":
                link.expires_at = utcnow() - timedelta(minutes=1)
            case "revoked":
                link.revoked_at = utcnow()
            case "superseded":
                link.superseded_at = utcnow()
    other = {"unknown": signer.token(new_id()), "forged": token[:-6] + "AAAAAA", "malformed": "x"}
    return other.get(how, token)


def wishes(world: World) -> list[str]:
    with world.database.reading() as session:
        return list(session.scalars(select(LinkWish.link_id)))


@pytest.mark.parametrize("how", CLOSED)
def test_every_closed_link_offers_the_same_and_answers_the_same(
    stranger: FlaskClient, world: World, signer: LinkSigner, token: str, how: str
) -> None:
    dead = closed(world, signer, token, how)
    page = stranger.get(f"/s/{dead}")
    assert page.status_code == 404
    told = page.text.replace(f"/s/{dead}/new", "TOKEN")
    assert told == stranger.get("/s/y").text.replace("/s/y/new", "TOKEN")
    assert "Pedir un enlace nuevo" in told
    assert "Financiera" not in told
    began = time.monotonic()
    answer = stranger.post(f"/s/{dead}/new", headers=OURS)
    assert ANSWER_S <= time.monotonic() - began < ANSWER_S + 1
    assert (answer.status_code, answer.headers["Location"]) == (303, "/asked")
    assert "Set-Cookie" not in answer.headers
    assert wishes(world) == ([world.link_id] if how in ("expired", "superseded") else [])


def test_the_answer_knows_nobody(stranger: FlaskClient) -> None:
    page = stranger.get("/asked").text
    assert "revisa tus mensajes" in page
    assert "Financiera" not in page
    assert "check your messages" in stranger.get("/asked?lang=en").text


def test_an_open_link_brings_no_message_to_anybody(stranger: FlaskClient, world: World, token: str) -> None:
    assert stranger.post(f"/s/{token}/new", headers=OURS).status_code == 303
    assert wishes(world) == []


def test_another_site_cannot_ask(stranger: FlaskClient, world: World, signer: LinkSigner, token: str) -> None:
    dead = closed(world, signer, token, "expired")
    assert stranger.post(f"/s/{dead}/new", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 400
    assert wishes(world) == []


def test_looking_at_a_closed_link_asks_for_nothing(
    stranger: FlaskClient, world: World, signer: LinkSigner, token: str
) -> None:
    dead = closed(world, signer, token, "expired")
    stranger.get(f"/s/{dead}")
    assert stranger.get(f"/s/{dead}/new").status_code == 405
    assert wishes(world) == []


def test_who_opened_this_link_before_still_sees_whom_to_call(
    ana: FlaskClient, stranger: FlaskClient, world: World, signer: LinkSigner, token: str
) -> None:
    ana.get("/e")
    dead = closed(world, signer, token, "revoked")
    assert "ayuda@valle.example" in ana.get(f"/s/{dead}").text
    assert "ayuda@valle.example" in ana.get("/e").text
    assert "ayuda@valle.example" not in ana.get(f"/s/{signer.token(new_id())}").text, "another link's page"
    assert "ayuda@valle.example" not in stranger.get(f"/s/{dead}").text
    assert "Llama a la empresa al número que ya conoces" in stranger.get(f"/s/{dead}").text


def test_every_page_says_whom_to_call(ana: FlaskClient, stranger: FlaskClient, token: str) -> None:
    for path in ("/e", "/e/done", "/e/later", "/e/notice", f"/s/{token}/notice"):
        assert "ayuda@valle.example" in ana.get(path).text, path
    for path in ("/", "/asked", "/nowhere", "/e"):
        assert "número que ya conoces" in stranger.get(path).text, path
