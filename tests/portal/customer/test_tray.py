"""The tray over HTTP: its form without script, its answers for the script, and what it never shows or takes."""

import io
import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from records import trays
from records.documents import Document, DocumentState
from records.requests import Slot, SlotState
from tests.intake.building import World, a_world
from tests.portal.customer.conftest import OURS

JPEG = b"\xff\xd8\xff a photo"


@pytest.fixture(autouse=True)
def _trays(world: World) -> None:
    world.allow_pages(3)


def csrf(page: str) -> str:
    found = re.search(r'name="csrf" value="(\w+)"', page)
    assert found is not None
    return found[1]


def press(client: FlaskClient, world: World, button: str, *, slot: int = 0, **more: str) -> object:
    page = client.get("/e").text
    edition = re.search(r'name="edition" value="(\w+)"', page)
    form = {"csrf": csrf(page), "edition": edition[1] if edition else "", "do": button} | more
    return client.post(f"/e/slots/{world.slots[slot]}/tray", data=form, headers=OURS)


def documents(world: World) -> list[Document]:
    with world.database.reading() as session:
        return list(session.scalars(select(Document)))


def test_several_photos_of_a_plain_form_lie_in_the_tray_in_their_order(ana: FlaskClient, world: World) -> None:
    files = [(io.BytesIO(JPEG + bytes([n])), f"foto-{n}.jpg", "image/jpeg") for n in range(3)]
    page = ana.get("/e").text
    assert "multiple" in page
    answer = ana.post(f"/e/slots/{world.slots[0]}", data={"csrf": csrf(page), "file": files}, headers=OURS)
    assert answer.status_code == 303
    assert [world.content(upload) for upload in world.tray()] == [JPEG + bytes([n]) for n in range(3)]
    page = ana.get("/e").text
    assert page.count("recibida") == 3
    assert "Enviar 3 páginas" in page
    assert "foto-" not in page
    assert documents(world) == []


def test_a_pdf_of_a_plain_form_is_a_document_by_itself(ana: FlaskClient, world: World) -> None:
    page = ana.get("/e").text
    file = (io.BytesIO(b"%PDF-1.4"), "estado.pdf", "application/pdf")
    ana.post(f"/e/slots/{world.slots[0]}", data={"csrf": csrf(page), "file": file}, headers=OURS)
    assert len(documents(world)) == 1


def test_the_buttons_move_turn_remove_and_send_without_script(ana: FlaskClient, world: World) -> None:
    one, two, three = (world.add_page() for _ in range(3))
    for button in (f"later:{one}", f"turn:{two}", f"remove:{three}"):
        assert press(ana, world, button).status_code == 303
    assert world.tray() == [two, one]
    assert "girada 90°" in ana.get("/e").text
    answer = press(ana, world, "send")
    assert (answer.status_code, answer.location) == (303, f"/e#s-{world.slots[0]}")
    (document,) = documents(world)
    with world.database.reading() as session:
        assert session.get_one(Slot, world.slots[0]).document_id == document.id
    assert "Recibido, en revisión" in ana.get("/e").text


def test_a_second_tap_with_the_same_page_before_the_eyes_is_answered_alike(ana: FlaskClient, world: World) -> None:
    world.add_page()
    page = ana.get("/e").text
    form = {"csrf": csrf(page), "edition": world.edition(), "do": "send"}
    answers = [ana.post(f"/e/slots/{world.slots[0]}/tray", data=form, headers=OURS) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert len(documents(world)) == 1


def test_the_script_gets_short_answers_and_words_for_a_conflict(ana: FlaskClient, world: World) -> None:
    one = world.add_page()
    token, edition = csrf(ana.get("/e").text), world.edition()
    asked = OURS | {"Accept": "application/json"}
    where = f"/e/slots/{world.slots[0]}/tray"
    turned = ana.post(where, data={"csrf": token, "do": f"turn:{one}"}, headers=asked)
    assert (turned.status_code, turned.data) == (204, b"")
    stale = ana.post(where, data={"csrf": token, "edition": edition, "do": "send"}, headers=asked)
    assert (stale.status_code, stale.get_json()["code"]) == (409, "tray_changed")
    assert documents(world) == []


@pytest.mark.parametrize("button", ["", "burn:x", "turn", "send:all", "earlier:../../x"])
def test_a_button_that_does_not_exist_changes_nothing(ana: FlaskClient, world: World, button: str) -> None:
    world.add_page()
    before = world.edition()
    assert press(ana, world, button, edition="x").status_code in (400, 409)
    assert world.edition() == before
    assert documents(world) == []


def test_another_site_cannot_press_a_button(ana: FlaskClient, world: World) -> None:
    world.add_page()
    form = {"csrf": csrf(ana.get("/e").text), "edition": world.edition(), "do": "send"}
    where = f"/e/slots/{world.slots[0]}/tray"
    assert ana.post(where, data=form, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 400
    assert ana.post(where, data=form | {"csrf": "0" * 64}, headers=OURS).status_code == 400
    assert documents(world) == []


def test_a_stranger_and_another_customer_reach_no_tray(stranger: FlaskClient, ana: FlaskClient, world: World) -> None:
    page = world.add_page()
    where = f"/e/slots/{world.slots[0]}/tray"
    assert stranger.post(where, data={"do": "send"}, headers=OURS).status_code == 404
    other = a_world(world.database, world.blobs, keys=world.keys)
    token = csrf(ana.get("/e").text)
    other.allow_pages()
    theirs = other.add_page()
    answer = ana.post(f"/e/slots/{other.slots[0]}/tray", data={"csrf": token, "do": f"remove:{theirs}"}, headers=OURS)
    assert answer.status_code == 404
    assert (other.tray(), world.tray()) == ([theirs], [page])


def test_a_refused_page_is_named(ana: FlaskClient, world: World) -> None:
    with world.database.transaction() as session:
        slot = session.get_one(Slot, world.slots[0])
        slot.state = SlotState.RECEIVED
        slot.refused("image_damaged", world.clock.now, 2)
    assert "Página 2:" in ana.get("/e").text


def test_the_others_of_a_refused_page_wait_for_a_photo_in_its_place(ana: FlaskClient, world: World) -> None:
    one, two, three = (world.add_page() for _ in range(3))
    press(ana, world, "send")
    refuse(world, "unknown_type", 2)
    page = ana.get("/e").text
    assert "No es una foto." in page
    assert "ni un PDF" not in page
    assert "No se pudo aceptar" in page
    assert "Las otras páginas siguen aquí." in page
    assert "Enviar 2 páginas" in page
    again = world.add_page()
    page = ana.get("/e").text
    assert world.tray() == [one, again, three]
    assert "No se pudo aceptar" not in page
    assert "No es una foto." not in page
    assert "Por enviar" in page
    press(ana, world, f"remove:{again}")
    assert "No es una foto." in ana.get("/e").text
    press(ana, world, "send")
    assert [document.upload_id for document in documents(world)] == [two, one]


def test_a_late_second_tap_on_send_does_not_send_what_came_back(ana: FlaskClient, world: World) -> None:
    for _ in range(2):
        world.add_page()
    seen = world.edition()
    press(ana, world, "send")
    refuse(world, "virus_found", 1)
    assert press(ana, world, "send", edition=seen).status_code == 409
    assert len(documents(world)) == 1


def refuse(world: World, reason: str, page: int) -> None:
    """What the inspector does with a document when one of its pages does not pass."""
    with world.database.transaction() as session:
        slot = session.get_one(Slot, world.slots[0])
        document = session.get_one(Document, slot.document_id)
        document.move(DocumentState.REFUSED)
        slot.refused(reason, world.clock.now, page)
        trays.reopen(session, document, page, world.clock.now)


def test_the_state_tells_of_pages_without_a_name_or_content(ana: FlaskClient, world: World) -> None:
    page = world.add_page(b"SECRETCONTENT", name="secret-name.jpg")
    state = ana.get("/e/state").text
    assert page in state
    assert "SECRET" not in state
    assert "secret-name" not in state
