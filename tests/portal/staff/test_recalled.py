"""A recalled document at the console: shown to nobody, said plainly, and who had opened it is told to compliance."""

from collections.abc import Callable

import pytest

from records.documents import Document
from records.recalling import recall
from storage.database import Database, utcnow
from tests.portal.staff.company import Company
from tests.portal.staff.conftest import Browser

BrowserOf = Callable[[str], Browser]


@pytest.fixture
def document_id(company: Company, sqlite_database: Database) -> str:
    """A filed document of Ana's."""
    with sqlite_database.transaction() as session:
        return company.a_document(session, company.a_request(session, company.a_case(session)).slots[0]).id


def take_back(database: Database, document_id: str) -> str:
    """Recall it; return the id of its case."""
    with database.transaction() as session:
        document = session.get_one(Document, document_id)
        recall(session, document, threat="Win.Test.Late", engine="ClamAV 1.4.6", signatures="27002", now=utcnow())
        return document.case_id


def body(browser: Browser, path: str) -> str:
    return browser.get(path).get_data(as_text=True)


def test_nothing_of_it_leaves_the_console_any_more(
    browser_of: BrowserOf, document_id: str, sqlite_database: Database
) -> None:
    eva, carla = browser_of("eva"), browser_of("carla")
    assert eva.get(f"/documents/{document_id}/pages/1").status_code == 200
    take_back(sqlite_database, document_id)
    assert eva.get(f"/documents/{document_id}/pages/1").status_code == 409
    assert carla.post(f"/documents/{document_id}/original", page="/cases").status_code == 409
    assert eva.post(f"/documents/{document_id}/accept", page="/cases").status_code == 409
    assert "<img src" not in body(eva, f"/documents/{document_id}")


def test_case_board_and_document_say_it_plainly(
    browser_of: BrowserOf, document_id: str, sqlite_database: Database
) -> None:
    case_id = take_back(sqlite_database, document_id)
    eva = browser_of("eva")
    assert "1 retirado por virus" in body(eva, "/cases?group=customer")
    page = body(eva, f"/cases/{case_id}")
    assert "se retiró: una revisión posterior encontró un virus" in page
    assert f'href="/documents/{document_id}">Motivo' in page
    page = body(eva, f"/documents/{document_id}")
    assert "Este documento se retiró" in page
    assert "Win.Test.Late" in page


def test_compliance_is_told_who_had_opened_it_and_nobody_else_is(
    browser_of: BrowserOf, document_id: str, sqlite_database: Database
) -> None:
    eva, carla = browser_of("eva"), browser_of("carla")
    eva.get(f"/documents/{document_id}/pages/1")
    assert carla.post(f"/documents/{document_id}/original", page="/cases").status_code == 200
    take_back(sqlite_database, document_id)
    told = body(carla, f"/documents/{document_id}").partition("Quién lo abrió antes")[2].partition("</section>")[0]
    assert "Eva Martínez</b> vio un documento" in told
    assert "Carla Ríos</b> descargó un original" in told
    assert "Quién lo abrió antes" not in body(eva, f"/documents/{document_id}")


def test_nobody_had_opened_it(browser_of: BrowserOf, document_id: str, sqlite_database: Database) -> None:
    take_back(sqlite_database, document_id)
    assert "Nadie lo vio ni lo descargó" in body(browser_of("carla"), f"/documents/{document_id}")


def test_omar_cannot_read_why(browser_of: BrowserOf, document_id: str, sqlite_database: Database) -> None:
    take_back(sqlite_database, document_id)
    assert browser_of("omar").get(f"/documents/{document_id}").status_code in (403, 404)


def test_what_could_not_be_examined_again_is_said_and_stays_open(
    browser_of: BrowserOf, document_id: str, sqlite_database: Database
) -> None:
    with sqlite_database.transaction() as session:
        document = session.get_one(Document, document_id)
        document.rescan_failed_at = utcnow()
        case_id = document.case_id
    eva = browser_of("eva")
    assert "no se pudo volver a revisar" in body(eva, f"/cases/{case_id}")
    assert "No se pudo volver a revisar el" in body(eva, f"/documents/{document_id}")
    assert eva.get(f"/documents/{document_id}/pages/1").status_code == 200
