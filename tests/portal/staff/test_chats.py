"""Files that came by chat on the board, in the case and on their own page; evidence of consent."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from audit import AuditEvent
from records.interceptions import InterceptedFile
from records.optins import OptIn
from records.optouts import opt_out, opted_out
from storage.database import utcnow
from tests.portal.staff.test_working import ASK

NOBODYS = "a quien no le pedimos nada"


@pytest.fixture
def case(company, sqlite_database):
    """Eva's case with a request."""
    with sqlite_database.transaction() as session:
        found = company.a_case(session, title="Ana Torres")
        company.a_request(session, found)
        return found


@pytest.fixture
def file(company, sqlite_database, case):
    """Make a file that came by chat."""

    def make(about=case, **values):
        with sqlite_database.transaction() as session:
            return company.a_chat_file(session, about, **({"at": utcnow()} | values))

    return make


def text_of(browser, path):
    answer = browser.get(path)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def test_a_case_shows_what_its_customer_sent_by_chat(browser_of, case, file):
    eva = browser_of("eva")
    assert "Archivos por el chat" not in text_of(eva, f"/cases/{case.id}")
    file(deleted_at=utcnow())
    file(type="document", media_id="1")
    file(type="too_large")
    page = text_of(eva, f"/cases/{case.id}")
    for words in ("Una foto", "Borrado en WhatsApp", "Un documento", "Se pidió a WhatsApp que lo borre"):
        assert words in page
    assert "WhatsApp no lo entregó" in page


def test_the_board_counts_what_a_member_may_see(browser_of, company, sqlite_database, file):
    eva, omar = browser_of("eva"), browser_of("omar")
    assert "por el chat" not in text_of(eva, "/cases")
    file()
    file()
    file(at=utcnow() - timedelta(days=31))
    assert "2 archivos por el chat en 30 días" in text_of(eva, "/cases")
    assert "por el chat" not in text_of(omar, "/cases")


def test_what_nobody_was_asked_for_waits_for_a_person(browser_of, company, sqlite_database, file):
    stray = file(about=None)
    eva = browser_of("eva")
    assert NOBODYS in text_of(eva, "/cases")
    assert "termina en 0000" in text_of(eva, "/chats")
    assert eva.post(f"/chats/{stray.id}/handled").status_code == 303
    assert eva.post(f"/chats/{stray.id}/handled").status_code == 303
    assert NOBODYS not in text_of(eva, "/cases")
    with sqlite_database.reading() as session:
        (event,) = session.scalars(select(AuditEvent).where(AuditEvent.event == "staff:chat_document:handled"))
        row = session.get_one(InterceptedFile, stray.id)
    assert (event.subject_id, row.handled_by) == (stray.id, company.members["eva"].id)


def test_omar_cannot_see_the_files_of_another_teams_case(browser_of, case, file):
    file()
    assert case.id not in text_of(browser_of("omar"), "/chats")
    assert case.id in text_of(browser_of("eva"), "/chats")


def test_a_file_of_a_case_is_nobodys_to_handle(browser_of, file):
    assert browser_of("eva").post(f"/chats/{file().id}/handled").status_code == 404


def test_a_no_is_shown_and_lifted_with_evidence_only(browser_of, company, sqlite_database, case):
    with sqlite_database.transaction() as session:
        said_at = utcnow() - timedelta(hours=1)
        opt_out(session, org_id=case.org_id, addresses=["5215512345678"], said_at=said_at)
        party = company.a_party(session, case)
    eva, path = browser_of("eva"), f"/parties/{party.id}/opt-in"
    assert "Pidió no recibir mensajes" in text_of(eva, f"/cases/{case.id}")
    refused = eva.post(path, {"opt_in": "  "})
    assert refused.status_code == 422
    assert eva.post(path, {"opt_in": "Lo pidió por teléfono"}).status_code == 303
    page = text_of(eva, f"/cases/{case.id}")
    assert "Pidió no recibir mensajes" not in page
    assert "Lo pidió por teléfono" in page
    assert "lo anotó Eva Martínez" in page
    with sqlite_database.reading() as session:
        assert not opted_out(session, party)


def test_whoever_asks_may_say_how_the_person_agreed(browser_of, company, sqlite_database):
    asked = browser_of("eva").post("/cases/new", ASK | {"opt_in": "Lo marcó en su solicitud"})
    assert asked.status_code == 303
    with sqlite_database.reading() as session:
        row = session.scalars(select(OptIn)).one()
    assert (row.text, row.source, row.recorded_by) == (
        "Lo marcó en su solicitud",
        "console",
        company.members["eva"].id,
    )
