"""While files are not examined, every page of a case says so; when they are again, it is silent."""

from collections.abc import Callable

from records.heartbeats import beat
from storage.database import Database, utcnow
from tests.portal.staff.company import Company
from tests.portal.staff.conftest import Browser

PAUSED, WAITS = "La revisión de archivos está en pausa", "La revisión de archivos espera"


def test_old_signatures_and_a_silent_scanner_are_told_and_then_no_more(
    browser_of: Callable[[str], Browser], company: Company, sqlite_database: Database
) -> None:
    with sqlite_database.transaction() as session:
        case = company.a_case(session)
        document = company.a_document(session, company.a_request(session, case).slots[0])
    pages = ["/cases", f"/cases/{case.id}", f"/documents/{document.id}"]
    eva = browser_of("eva")
    for scanner, told in (("away", PAUSED), ("stale", WAITS), ("ok", None)):
        with sqlite_database.transaction() as session:
            beat(session, "inspector", now=utcnow(), details={"scanner": scanner})
        for page in pages:
            body = eva.get(page).get_data(as_text=True)
            assert [words for words in (PAUSED, WAITS) if words in body] == ([told] if told else [])
