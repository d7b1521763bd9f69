"""The customer's ways besides sending: no such document, and taking a file back."""

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from audit import AuditEvent
from records.documents import Document, ReviewState
from records.requests import Slot, SlotState
from records.requirements import Requirement
from records.withdrawing import Withdrawal
from storage.database import utcnow
from tests.intake.building import World, a_world
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


# Taking back


def undo(client: FlaskClient, world: World, slot: int = 0):
    data = {"csrf": token_of(client.get("/e").text)}
    return client.post(f"/e/slots/{world.slots[slot]}/undo", data=data, headers=OURS)


def a_sent_file(world: World, slot: int = 0) -> str:
    """A file that came just now; the document's id."""
    content = b"some bytes"
    upload = world.begin(slot=slot, length=len(content))
    world.intake.append(visit_id=world.visit_id, upload_id=upload, offset=0, body=[content])
    return str(slot_row(world, slot).document_id)


def sent_before(world: World, document_id: str, **ago: float) -> None:
    with world.database.transaction() as session:
        session.get_one(Document, document_id).received_at = utcnow() - timedelta(**ago)


def test_a_file_is_taken_back_and_the_slot_is_free_at_once(ana: FlaskClient, world: World) -> None:
    document = a_sent_file(world)
    sent_before(world, document, minutes=5, seconds=30)
    page = ana.get("/e").text
    assert "Deshacer (quedan 25 min)" in page
    answer = undo(ana, world)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/e#s-{world.slots[0]}")
    assert (slot_row(world).state, slot_row(world).document_id) == (SlotState.MISSING, None)
    page = ana.get("/e").text
    assert "Deshacer" not in page
    assert "Faltan 3 de 3." in page
    with world.database.reading() as session:
        assert session.scalars(select(Withdrawal.document_id)).all() == [document]
    a_sent_file(world)


def test_after_half_an_hour_nothing_can_be_taken_back(ana: FlaskClient, world: World) -> None:
    sent_before(world, a_sent_file(world), minutes=30)
    assert "Deshacer" not in ana.get("/e").text
    refused = undo(ana, world)
    assert refused.status_code == 409
    assert "Ya no se puede deshacer" in refused.text
    assert slot_row(world).state == SlotState.RECEIVED


def test_what_a_person_decided_on_cannot_be_taken_back(ana: FlaskClient, world: World) -> None:
    document = a_sent_file(world)
    with world.database.transaction() as session:
        row = session.get_one(Document, document)
        row.review, row.slot.state = ReviewState.ACCEPTED, SlotState.FILED
    assert "Deshacer" not in ana.get("/e").text
    assert undo(ana, world).status_code == 409


def test_taking_back_twice_or_what_never_came_is_told_clearly(ana: FlaskClient, world: World) -> None:
    a_sent_file(world)
    assert [undo(ana, world).status_code for _ in range(2)] == [303, 409]
    assert undo(ana, world, slot=1).status_code == 409


def test_another_site_or_another_visit_cannot_take_a_file_back(
    ana: FlaskClient, stranger: FlaskClient, world: World
) -> None:
    a_sent_file(world)
    address, token = f"/e/slots/{world.slots[0]}/undo", token_of(ana.get("/e").text)
    assert ana.post(address, data={"csrf": token}, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 400
    assert ana.post(address, data={"csrf": "0" * 64}, headers=OURS).status_code == 400
    assert stranger.post(address, data={"csrf": token}, headers=OURS).status_code == 404
    other = a_world(world.database, world.blobs, keys=world.keys)
    a_sent_file(other)
    theirs = ana.post(f"/e/slots/{other.slots[0]}/undo", data={"csrf": token}, headers=OURS)
    assert theirs.status_code == 404
    assert slot_row(other).state == SlotState.RECEIVED
