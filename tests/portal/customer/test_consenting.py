"""A privacy notice that is published in the middle of a visit, and leaving until later."""

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from audit import AuditEvent
from portal.customer.visits import COOKIE
from records.consents import consents_of
from records.errors import NoticeChanged
from records.links import UploadLink
from records.organizations import PrivacyNotice
from records.requests import Slot
from storage.database import utcnow
from tests.intake.building import World
from tests.portal.customer.conftest import OURS


def token_of(page: str) -> str:
    """The visit's CSRF token."""
    return re.findall(r'name="csrf" value="([0-9a-f]{64})"', page)[0]


def publish(world: World) -> str:
    with world.database.transaction() as session:
        org_id = session.get_one(UploadLink, world.link_id).org_id
        notice = PrivacyNotice(
            org_id=org_id, version=2, short={"es": "Ahora también para cobranza."}, full={"es": "Integral 2"},
            published_at=utcnow(),
        )  # fmt: skip
        session.add(notice)
        session.flush()
        return notice.id


def test_a_notice_published_meanwhile_comes_before_the_next_file(ana: FlaskClient, world: World) -> None:
    assert "Tus documentos para" in ana.get("/e").text
    notice = publish(world)
    page = ana.get("/e").text
    assert "El aviso de privacidad cambió" in page
    assert "Ahora también para cobranza." in page
    with pytest.raises(NoticeChanged):
        world.begin(length=10)
    answer = ana.post("/e/notice", data={"csrf": token_of(page), "notice": notice}, headers=OURS)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/e")
    assert "Tus documentos para" in ana.get("/e").text
    world.begin(length=10)
    with world.database.reading() as session:
        case_id = session.get_one(UploadLink, world.link_id).case_id
        versions = [(one.notice.version, one.link_id) for one in consents_of(session, case_id)]
        accepted = session.scalars(select(AuditEvent).where(AuditEvent.event == "customer:notice:accepted")).all()
    assert versions[-1] == (2, world.link_id)
    assert [event.details["version"] for event in accepted] == [2]


def test_an_upload_that_began_before_may_end(ana: FlaskClient, world: World) -> None:
    upload = world.begin(length=10)
    publish(world)
    world.intake.append(visit_id=world.visit_id, upload_id=upload, offset=0, body=[b"0123456789"])
    with world.database.reading() as session:
        assert session.get_one(Slot, world.slots[0]).state == "received"


def test_what_was_not_shown_is_not_accepted(ana: FlaskClient, world: World) -> None:
    token = token_of(ana.get("/e").text)
    publish(world)
    for notice in ("", "0" * 32):
        assert ana.post("/e/notice", data={"csrf": token, "notice": notice}, headers=OURS).status_code == 303
    assert "El aviso de privacidad cambió" in ana.get("/e").text


def test_another_site_cannot_accept_for_ana(ana: FlaskClient, world: World) -> None:
    token, notice = token_of(ana.get("/e").text), publish(world)
    forged = {"csrf": token, "notice": notice}
    assert ana.post("/e/notice", data=forged, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 400
    assert ana.post("/e/notice", data={"csrf": "0" * 64, "notice": notice}, headers=OURS).status_code == 400
    assert "El aviso de privacidad cambió" in ana.get("/e").text


def test_who_finishes_later_leaves_with_the_list_of_what_is_missing(ana: FlaskClient, world: World) -> None:
    upload = world.begin(length=3)
    world.intake.append(visit_id=world.visit_id, upload_id=upload, offset=0, body=[b"abc"])
    page = ana.get("/e/later").text
    missing, _, sent = page.partition("Ya está")
    assert "Comprobante de domicilio" in missing
    assert "Identificación oficial, Frente" in sent
    assert "abre otra vez el enlace de tu mensaje. Sirve hasta el" in page
    left = ana.post("/e/leave", data={"csrf": token_of(page)}, headers=OURS)
    assert "Comprobante de domicilio" in left.text
    assert "Sirve hasta el" in left.text
    assert left.headers["Clear-Site-Data"] == '"cache", "cookies", "storage"'
    assert f"{COOKIE}=;" in left.headers["Set-Cookie"]
    assert ana.get("/e/later").status_code == 404
