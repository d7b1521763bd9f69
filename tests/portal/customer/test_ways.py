"""The customer's ways besides sending: no such document, said in a plain form."""

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from audit import AuditEvent
from records.requests import Slot, SlotState
from records.requirements import Requirement
from tests.intake.building import World
from tests.portal.customer.conftest import OURS


def token_of(page: str) -> str:
    """The visit's CSRF token."""
    return re.findall(r'name="csrf" value="([0-9a-f]{64})"', page)[0]


def decline(client: FlaskClient, world: World, slot: int = 0, **form: str):
    data = {"csrf": token_of(client.get("/e").text), "reason": "lost"} | form
    return client.post(f"/e/slots/{world.slots[slot]}/decline", data=data, headers=OURS)


def slot_row(world: World, slot: int = 0) -> Slot:
    with world.database.reading() as session:
        return session.get_one(Slot, world.slots[slot])


def test_who_has_no_document_says_so_and_is_not_asked_for_it_any_more(ana: FlaskClient, world: World) -> None:
    before = ana.get("/e").text
    assert "Faltan 3 de 3." in before
    assert "No lo tengo o no aplica" in before
    answer = decline(ana, world, note="La renuevo en enero")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/e#s-{world.slots[0]}")
    page = ana.get("/e").text
    assert "Faltan 2 de 3." in page
    assert "Respondiste que no lo tienes" in page
    assert "Lo perdí o no lo encuentro" in page
    assert f'action="/e/slots/{world.slots[0]}"' in page, "a file may still be sent"
    assert slot_row(world).note == "La renuevo en enero"
    assert "Respondiste que no lo tienes" in ana.get("/e/done").text


def test_the_form_stands_in_no_slot_that_the_template_wants_in_any_case(ana: FlaskClient, world: World) -> None:
    with world.database.transaction() as session:
        for requirement in session.scalars(select(Requirement)):
            requirement.may_decline = False
    assert "No lo tengo" not in ana.get("/e").text
    assert decline(ana, world).status_code == 409


@pytest.mark.parametrize("form", [{"reason": "x"}, {"reason": ""}, {"reason": "other"}, {"note": "x" * 201}])
def test_an_answer_outside_the_form_is_refused(ana: FlaskClient, world: World, form: dict[str, str]) -> None:
    assert decline(ana, world, **form).status_code == 422
    assert slot_row(world).state == SlotState.MISSING


def test_another_site_cannot_decline_for_ana(ana: FlaskClient, world: World) -> None:
    address, token = f"/e/slots/{world.slots[0]}/decline", token_of(ana.get("/e").text)
    forged = [
        ana.post(address, data={"csrf": token, "reason": "lost"}, headers={"Sec-Fetch-Site": "cross-site"}),
        ana.post(address, data={"csrf": "0" * 64, "reason": "lost"}, headers=OURS),
        ana.post(address, data={"reason": "lost"}, headers=OURS),
    ]
    assert [answer.status_code for answer in forged] == [400, 400, 400]
    assert slot_row(world).state == SlotState.MISSING


def test_a_stranger_cannot_decline(stranger: FlaskClient, world: World) -> None:
    answer = stranger.post(f"/e/slots/{world.slots[0]}/decline", data={"reason": "lost"}, headers=OURS)
    assert answer.status_code == 404
    assert slot_row(world).state == SlotState.MISSING


def test_the_words_of_an_answer_are_in_no_log_and_not_in_the_trail(
    ana: FlaskClient, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    decline(ana, world, note="palabra-canaria")
    with world.database.reading() as session:
        told = [str(event.details) for event in session.scalars(select(AuditEvent))]
    assert "palabra-canaria" not in "".join(told) + capsys.readouterr().out


def test_the_legal_basis_stands_beside_the_purpose(ana: FlaskClient, world: World) -> None:
    assert "Fundamento:" not in ana.get("/e").text
    with world.database.transaction() as session:
        session.scalars(select(Requirement)).first().legal_basis = {
            "es": "Ley X, art. 1.",
            "en": "Act X, s. 1.",
        }
    assert "Fundamento: Ley X, art. 1." in re.sub(r"<[^>]+>", "", ana.get("/e").text)
    assert "Act X, s. 1." in ana.get("/e?lang=en").text
