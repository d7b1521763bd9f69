"""Following up on a customer: the link handed over by hand, reminders paused and resumed, calls for a person."""

import html
import re
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select, update

from audit import AuditEvent
from intake.links import LinkSigner
from records.documents import Document
from records.escalations import CallReason, raise_call
from records.links import UploadLink
from records.messages import Message, MessageState, Purpose
from records.reminders import ReminderPlan, start
from records.requests import DocumentRequest, SlotState
from records.uploads import Upload
from storage.database import Database, utcnow
from tests.portal.staff.company import Company
from tests.portal.staff.conftest import Browser

Enter = Callable[[str], Browser]


@pytest.fixture
def document(company: Company, sqlite_database: Database) -> Document:
    """A filed document in Eva's case."""
    with sqlite_database.transaction() as session:
        return company.a_document(session, company.a_request(session, company.a_case(session)).slots[0])


@pytest.mark.parametrize("way", ["link", "qr", "whatsapp"])
def test_a_link_handed_over_by_hand_is_shown_once_and_the_trail_says_how(
    browser_of: Enter, company: Company, sqlite_database: Database, document: Document, way: str
) -> None:
    answer = browser_of("eva").post(f"/requests/{document.request_id}/copy-link", data={"way": way})
    page = html.unescape(answer.get_data(as_text=True))
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert ("/s/" in page) == (way != "qr")
    assert ('class="qr"' in page) == (way == "qr")
    assert ("https://wa.me/52" in page) == (way == "whatsapp")
    assert "style=" not in page
    with sqlite_database.reading() as session:
        link = session.scalars(select(UploadLink)).one()
        event = session.scalars(select(AuditEvent).where(AuditEvent.event == "staff:link:copied")).one()
        assert (event.subject_id, event.actor_id) == (link.id, company.members["eva"].id)
        assert event.details == {"request": document.request_id, "way": way}
    if way == "link":
        found = re.search(r'value="http://portal.localhost:18701/s/([^"]+)"', page)
        assert found is not None
        assert LinkSigner([b"k" * 32]).read(found.group(1)) == link.id
    if way == "whatsapp":
        chat = urlsplit(re.search(r'href="(https://wa.me/[^"]+)"', page).group(1))
        assert chat.path.removeprefix("/").isdigit(), "E.164 without the plus"
        (text,) = parse_qs(chat.query)["text"]
        assert f"/s/{LinkSigner([b'k' * 32]).token(link.id)}" in text
        assert "Se envía desde tu teléfono" in page


@pytest.mark.parametrize("way", ["", "mail", "WHATSAPP"])
def test_an_unknown_way_to_hand_a_link_over_shows_nothing(
    browser_of: Enter, sqlite_database: Database, document: Document, way: str
) -> None:
    answer = browser_of("eva").post(f"/requests/{document.request_id}/copy-link", data={"way": way})
    assert answer.status_code == 422
    assert "/s/" not in answer.get_data(as_text=True)
    with sqlite_database.reading() as session:
        assert session.scalars(select(AuditEvent).where(AuditEvent.event == "staff:link:copied")).first() is None


def test_reminders_are_planned_paused_and_resumed(
    browser_of: Enter, sqlite_database: Database, document: Document
) -> None:
    request_id, case = document.request_id, f"/cases/{document.case_id}"
    with sqlite_database.transaction() as session:
        request = session.get_one(DocumentRequest, request_id)
        for slot in request.slots:
            slot.state = SlotState.MISSING
        session.execute(update(Upload).values(created_at=request.created_at - timedelta(days=1)))
        session.execute(update(Message).values(state=MessageState.DELIVERED))
        start(session, request, now=request.created_at)
    eva = browser_of("eva")
    page = eva.get(case).get_data(as_text=True)
    assert re.search(r"Próximo recordatorio: \w+ \d+ [a-z]+, \d\d:\d\d, hora de Ciudad de México", page)
    assert "Recordar ahora" in page
    for way in ("pause", "resume"):
        assert eva.post(f"/requests/{request_id}/reminders/{way}").status_code == 303
        assert eva.post(f"/requests/{request_id}/reminders/{way}").status_code == 409
        assert ("Recordatorios en pausa" in eva.get(case).get_data(as_text=True)) == (way == "pause")
    with sqlite_database.reading() as session:
        plan = session.scalars(select(ReminderPlan)).one()
        assert (plan.paused_at, plan.due_at is not None) == (None, True)
    assert eva.post(f"/requests/{request_id}/send-again").status_code == 303
    with sqlite_database.reading() as session:
        newest = session.scalars(select(Message).order_by(Message.created_at.desc())).first()
        assert newest.purpose == Purpose.REMINDER


def test_a_call_for_a_person_stands_on_board_and_case_until_somebody_took_care(
    browser_of: Enter, sqlite_database: Database, document: Document
) -> None:
    with sqlite_database.transaction() as session:
        raise_call(session, session.get_one(DocumentRequest, document.request_id), CallReason.SILENT, now=utcnow())
    eva, case = browser_of("eva"), f"/cases/{document.case_id}"
    assert case in eva.get("/cases?group=call").get_data(as_text=True)
    assert "no respondió a los recordatorios" in eva.get(case).get_data(as_text=True)
    form = {"note": "Hablé con ella; envía mañana."}
    assert eva.post(f"/requests/{document.request_id}/call/clear", data={"note": "x" * 301}).status_code == 422
    assert eva.post(f"/requests/{document.request_id}/call/clear", data=form).status_code == 303
    assert eva.post(f"/requests/{document.request_id}/call/clear", data=form).status_code == 409
    assert "No hay que llamar a nadie." in eva.get("/cases?group=call").get_data(as_text=True)
    assert "no respondió a los recordatorios" not in eva.get(case).get_data(as_text=True).split('class="story"')[0]
