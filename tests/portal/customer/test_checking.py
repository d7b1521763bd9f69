"""The page "Is this link authentic?": what it shows, to whom, and that it tells nothing else."""

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text, update

from intake.links import LinkSigner
from records import links
from records.checkcodes import grouped, new_check_code
from records.checking import MAX_WRONG
from records.links import UploadLink
from records.requests import DocumentRequest
from storage.database import new_id, utcnow
from tests.intake.building import World
from tests.portal.customer.conftest import OURS
from tests.portal.customer.test_pages import plain, snapshot


@pytest.fixture
def code(world: World) -> str:
    with world.database.transaction() as session:
        session.execute(update(DocumentRequest).values(known_word="girasol <b>"))
        return grouped(session.get_one(UploadLink, world.link_id).check_code)


def check(client: FlaskClient, code: str, **headers: str):
    return client.post("/check", data={"code": code}, headers=OURS | headers)


def main_of(page: str) -> str:
    return page.partition("<main")[2].partition("</main")[0]


def test_the_code_of_a_message_tells_who_sent_it(stranger: FlaskClient, code: str) -> None:
    page = check(stranger, code.lower())
    assert page.status_code == 200
    for words in ("Financiera del Valle envió este enlace", "2 documentos", "girasol &lt;b&gt;", code, "localhost"):
        assert words in page.text
    assert "ayuda@valle.example" in page.text


def test_nothing_of_the_person_or_of_what_is_asked_comes_out(stranger: FlaskClient, code: str, token: str) -> None:
    for page in (check(stranger, code).text, stranger.get(f"/s/{token}/check").text):
        for personal in ("Ana", "1112222", "Crédito", "Identificación", token):
            assert personal not in main_of(page).replace(f'href="/s/{token}"', "")


def test_whoever_holds_the_link_compares_the_code(stranger: FlaskClient, world: World, code: str, token: str) -> None:
    before = snapshot(world)
    page = stranger.get(f"/s/{token}/check")
    assert page.status_code == 200
    assert "El mensaje que te llegó debe llevar exactamente este código:" in page.text
    assert code in page.text
    assert snapshot(world) == before
    assert f'href="/s/{token}/check"' in stranger.get(f"/s/{token}").text


def test_without_an_agreed_word_the_page_says_so(stranger: FlaskClient, world: World, code: str) -> None:
    with world.database.transaction() as session:
        session.execute(update(DocumentRequest).values(known_word=None))
    assert "No hay una palabra acordada" in check(stranger, code).text


@pytest.mark.parametrize("kind", ["expired", "revoked", "malformed", "empty"])
def test_every_code_that_proves_nothing_gets_one_answer(
    stranger: FlaskClient, world: World, code: str, kind: str
) -> None:
    expected = plain(check(stranger, new_check_code()))
    assert expected[0] == 404
    assert "Ningún enlace vigente tiene ese código." in expected[1]
    with world.database.transaction() as session:
        link = session.get_one(UploadLink, world.link_id)
        if kind == "expired":
            link.expires_at = utcnow()
        if kind == "revoked":
            links.revoke(session, link, now=utcnow())
    typed = {"malformed": "no es un código", "empty": ""}.get(kind, code)
    assert plain(check(stranger, typed)) == expected


def test_a_wrong_link_shows_no_comparison(stranger: FlaskClient, signer: LinkSigner) -> None:
    expected = plain(stranger.get(f"/s/{signer.token(new_id())}"))
    assert plain(stranger.get(f"/s/{signer.token(new_id())}/check")) == expected
    assert plain(stranger.get("/s/xyz/check")) == expected


def test_too_many_wrong_codes_wait_an_hour(stranger: FlaskClient, code: str) -> None:
    beginning = code[:2]
    for n in range(MAX_WRONG):
        assert check(stranger, f"{beginning}{n}{n}ZZZZ").status_code == 404
    answer = check(stranger, f"{beginning}99ZZZZ")
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert "Se probaron demasiados códigos." in answer.text


def test_a_get_counts_and_looks_up_nothing(stranger: FlaskClient, world: World, code: str) -> None:
    page = stranger.get(f"/check?code={code}")
    assert "Financiera" not in page.text
    with world.database.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM check_windows")) == 0


def test_another_site_cannot_check(stranger: FlaskClient, code: str) -> None:
    assert check(stranger, code, **{"Sec-Fetch-Site": "cross-site"}).status_code == 400


def test_every_page_leads_there(ana: FlaskClient, stranger: FlaskClient, token: str) -> None:
    for page in (
        ana.get("/e"),
        ana.get("/e/done"),
        stranger.get("/"),
        stranger.get(f"/s/{token}"),
        stranger.get("/s/x"),
    ):
        assert re.search(r'<footer.*href="/check"', page.text, re.DOTALL)
