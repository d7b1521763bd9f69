"""The page of the one-time code: nothing passes before the right code, and the right code makes a new visit secret."""

import sqlite3
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text, update

from portal.customer.codes import UNDELIVERED
from portal.customer.visits import COOKIE, NO_PAGES
from portal.web.application import PortalApp
from portal.web.guards import PUBLIC, guard_of
from records.challenges import MAX_FAILURES, MAX_TRIES, CodeChallenge
from records.links import UploadLink, Visit
from records.messages import Message, MessageState, Purpose, queue
from records.requests import DocumentRequest
from records.requirements import RequirementTemplate
from storage.database import new_id, utcnow
from tests.intake.building import World
from tests.portal.customer.conftest import OURS
from tests.portal.customer.site import CODES
from tests.portal.customer.test_pages import activate, snapshot

HERE = "https://localhost"


@pytest.fixture
def waiting(stranger: FlaskClient, world: World, token: str) -> FlaskClient:
    """A browser that activated a link whose template asks for a code."""
    with world.database.transaction() as session:
        session.execute(update(RequirementTemplate).values(second_factor=True))
    answer = activate(stranger, world, token)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/e")
    stranger.set_cookie(COOKIE, cookie_of(answer), secure=True)
    return stranger


def cookie_of(answer) -> str:
    return answer.headers["Set-Cookie"].split(";")[0].partition("=")[2]


def newest(world: World) -> CodeChallenge:
    with world.database.reading() as session:
        return session.scalars(select(CodeChallenge).order_by(CodeChallenge.created_at.desc())).first()


def the_code(world: World) -> str:
    return CODES.code(newest(world).id)


def a_wrong_code(world: World) -> str:
    return f"{(int(the_code(world)) + 1) % 10**6:06d}"


def csrf_of(client: FlaskClient) -> str:
    page = client.get("/e/code", base_url=HERE).text
    return page.partition('name="csrf" value="')[2].partition('"')[0]


def type_code(client: FlaskClient, code: str, **headers: str):
    return client.post("/e/code", data={"csrf": csrf_of(client), "code": code}, headers=OURS | headers, base_url=HERE)


def test_the_landing_says_that_a_code_will_come(stranger: FlaskClient, world: World, token: str) -> None:
    assert "código de un solo uso" not in stranger.get(f"/s/{token}").text
    with world.database.transaction() as session:
        session.execute(update(RequirementTemplate).values(second_factor=True))
    page = stranger.get(f"/s/{token}").text
    assert "te enviaremos un código de un solo uso" in page
    assert "termina en" not in page  # whoever got the link forwarded learns no digit before a code is on its way


def test_the_page_shows_two_digits_of_the_number_and_no_more(waiting: FlaskClient) -> None:
    page = waiting.get("/e/code", base_url=HERE)
    assert "al número que termina en 22." in page.text
    assert "No protege si otra persona tiene tu teléfono." in page.text
    for more in ("222", "1112222", "Ana"):
        assert more not in page.text


def test_every_route_of_the_visit_refuses_until_the_code_is_typed(
    waiting: FlaskClient, portal: PortalApp, world: World
) -> None:
    before, asked = snapshot(world), 0
    for rule in portal.url_map.iter_rules():
        if guard_of(portal.view_functions[rule.endpoint]) == PUBLIC or not rule.rule.startswith("/e"):
            continue
        if guard_of(portal.view_functions[rule.endpoint]) == "waiting_visit":
            assert rule.rule in ("/e/code", "/e/code/again")
            continue
        path = rule.rule.replace("<slot_id>", world.slots[0])
        for name in rule.arguments:
            path = path.replace(f"<{name}>", new_id()).replace(f"<id:{name}>", new_id())
        assert "<" not in path
        for method in (rule.methods or set()) - {"OPTIONS"}:
            answer = waiting.open(path, method=method, headers=OURS | {"Tus-Resumable": "1.0.0"}, base_url=HERE)
            asked += 1
            if method in ("GET", "HEAD") and not path.startswith(NO_PAGES):
                assert (answer.status_code, answer.headers["Location"]) == (303, "/e/code"), (method, path)
            else:
                assert answer.status_code == 403, (method, path)
                assert "Identificación oficial" not in answer.text
    assert asked >= 10
    assert snapshot(world) == before


def test_an_upload_below_the_pages_refuses_too(waiting: FlaskClient, world: World) -> None:
    """Were the guard forgotten on a route, the door for bytes would still ask."""
    from records.errors import LinkClosed

    with world.database.reading() as session:
        visit = session.scalars(select(Visit).where(Visit.confirmed_at.is_(None))).one()
    with pytest.raises(LinkClosed):
        world.intake.begin(
            visit_id=visit.id, slot_id=world.slots[0], untrusted_name="a", untrusted_type="image/jpeg", length=3
        )


def test_the_right_code_opens_the_checklist_with_a_new_secret(waiting: FlaskClient, world: World) -> None:
    old = waiting.get_cookie(COOKIE).value
    answer = type_code(waiting, the_code(world))
    assert (answer.status_code, answer.headers["Location"]) == (303, "/e")
    fresh = cookie_of(answer)
    assert fresh != old
    assert waiting.get("/e", base_url=HERE).status_code == 200
    thief = waiting.application.test_client()
    thief.set_cookie(COOKIE, old, secure=True)
    assert thief.get("/e", base_url=HERE).status_code == 404
    assert thief.get("/e/code", base_url=HERE).status_code == 404


def test_a_fixed_secret_is_worth_nothing_after_the_code(waiting: FlaskClient, world: World) -> None:
    """Whoever planted or saw the secret of before the code does not come in with it (R24)."""
    planted = waiting.get_cookie(COOKIE).value
    victim = waiting.application.test_client()
    victim.set_cookie(COOKIE, planted, secure=True)
    assert type_code(victim, the_code(world)).status_code == 303
    assert waiting.get("/e", base_url=HERE).status_code == 404


def test_a_wrong_code_says_how_many_tries_are_left(waiting: FlaskClient, world: World) -> None:
    answer = type_code(waiting, a_wrong_code(world))
    assert answer.status_code == 422
    assert "Te quedan 4 intentos." in answer.text
    assert 'aria-invalid="true"' in answer.text
    for left in (3, 2, 1):
        answer = type_code(waiting, a_wrong_code(world))
        assert f"{left} intento" in answer.text
    answer = type_code(waiting, a_wrong_code(world))
    assert "El código anterior ya no sirve" in answer.text
    assert 'name="code"' not in answer.text
    assert type_code(waiting, the_code(world)).status_code == 422


def test_a_replayed_code_opens_no_second_visit(waiting: FlaskClient, world: World, token: str) -> None:
    code = the_code(world)
    assert type_code(waiting, code).status_code == 303
    second = waiting.application.test_client()
    second.set_cookie(COOKIE, cookie_of(activate(second, world, token)), secure=True)
    if the_code(world) != code:
        assert type_code(second, code).status_code == 422
    assert second.get("/e", base_url=HERE).headers["Location"] == "/e/code"


def test_another_code_comes_by_a_press_and_ends_the_older(waiting: FlaskClient, world: World) -> None:
    first = newest(world)
    form = {"csrf": csrf_of(waiting)}
    soon = waiting.post("/e/code/again", data=form, headers=OURS, base_url=HERE)
    assert (soon.status_code, "Espera un momento" in soon.text) == (429, True)
    with world.database.transaction() as session:
        session.execute(update(CodeChallenge).values(created_at=utcnow() - timedelta(minutes=2)))
    later = waiting.post("/e/code/again", data=form, headers=OURS, base_url=HERE)
    assert (later.status_code, later.headers["Location"]) == (303, "/e/code")
    assert newest(world).id != first.id
    with world.database.reading() as session:
        assert session.get_one(CodeChallenge, first.id).ended_at is not None


def test_a_get_sends_no_code_and_changes_nothing(waiting: FlaskClient, world: World) -> None:
    with world.database.reading() as session:
        before = [tuple(row) for row in session.execute(text("SELECT * FROM code_challenges"))]
    rows = snapshot(world)
    for _ in range(5):
        waiting.get("/e/code", base_url=HERE)
        waiting.get("/e/code/again", base_url=HERE)
    with world.database.reading() as session:
        assert [tuple(row) for row in session.execute(text("SELECT * FROM code_challenges"))] == before
    assert snapshot(world) == rows


@pytest.mark.parametrize("path", ["/e/code", "/e/code/again"])
def test_another_site_types_and_sends_nothing(waiting: FlaskClient, world: World, path: str) -> None:
    form = {"csrf": csrf_of(waiting), "code": the_code(world)}
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.test"}):
        assert waiting.post(path, data=form, headers=headers, base_url=HERE).status_code == 400
    assert waiting.post(path, data=form | {"csrf": "x"}, headers=OURS, base_url=HERE).status_code == 400
    assert newest(world).tries == 0


def test_an_expired_code_asks_for_another(waiting: FlaskClient, world: World) -> None:
    with world.database.transaction() as session:
        session.execute(update(CodeChallenge).values(expires_at=utcnow()))
    page = waiting.get("/e/code", base_url=HERE).text
    assert "El código anterior ya no sirve" in page
    assert "Enviar otro código" in page


@pytest.mark.parametrize("state", UNDELIVERED)
def test_a_code_that_did_not_arrive_names_another_way(waiting: FlaskClient, world: World, state: MessageState) -> None:
    with world.database.transaction() as session:
        link = session.get_one(UploadLink, world.link_id)
        challenge = session.scalars(select(CodeChallenge)).one()
        message = queue(session, request=link.request, link=link, purpose=Purpose.CODE, now=utcnow())
        challenge.message_id = message.id
        session.execute(update(Message).values(state=state))
    page = waiting.get("/e/code", base_url=HERE).text
    assert "No pudimos entregarte el código." in page
    assert "habla con Financiera del Valle" in page


def test_a_locked_request_says_whom_to_ask(waiting: FlaskClient, world: World) -> None:
    with world.database.transaction() as session:
        session.execute(update(DocumentRequest).values(code_failures=MAX_FAILURES))
    page = waiting.get("/e/code", base_url=HERE).text
    assert "Entrada cerrada por seguridad" in page
    assert 'name="code"' not in page


def test_the_link_leads_a_waiting_browser_back_to_the_code(waiting: FlaskClient, token: str) -> None:
    answer = waiting.get(f"/s/{token}", base_url=HERE)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/e")


def test_neither_code_nor_what_was_typed_is_stored(waiting: FlaskClient, world: World) -> None:
    code, wrong = the_code(world), a_wrong_code(world)
    type_code(waiting, wrong)
    assert type_code(waiting, code).status_code == 303
    dump = "\n".join(sqlite3.connect(world.database.engine.url.database).iterdump())
    assert newest(world).id in dump
    words = dump.replace("'", " ").replace(",", " ").replace('"', " ").split()
    assert code not in words
    assert wrong not in words
    assert newest(world).tries < MAX_TRIES
