"""Without its virus scanner the portal still receives; nothing is filed or shown until the scanner is back."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.e2e import files
from tests.e2e.installation import Asked, Installation
from tests.e2e.people import ADDRESS, FILED, FRONT, IDENTITY, IN_REVIEW, Customer, Desk
from tests.e2e.waiting import until


@pytest.fixture
def without_clamd(here: Installation) -> Iterator[Installation]:
    """The product while clamd is stopped."""
    here.stack.stop_program("clamd")
    yield here
    if here.stack.state("clamd") != "RUNNING":
        here.stack.start_program("clamd")


def test_uploads_are_received_while_clamd_is_away_and_filed_once_it_is_back(
    without_clamd: Installation, visit: Callable[[Asked], Customer], team: Callable[[str], Desk]
) -> None:
    here = without_clamd
    asked = here.ask(mode="none")
    ana = visit(asked)
    ana.choose(IDENTITY, files.image_file("frente.jpg", files.camera_jpeg()), FRONT)
    ana.choose(ADDRESS, files.pdf_file("recibo.pdf", files.pdf()))
    ana.sees(IDENTITY, IN_REVIEW, FRONT)
    ana.sees(ADDRESS, IN_REVIEW)
    attempts = "SELECT min(attempt) FROM documents WHERE request_id = :id"
    until(lambda: (here.rows(attempts, id=asked.id)[0][0] or 0) >= 2, "a second try at each")
    assert here.rows("SELECT DISTINCT state FROM documents WHERE request_id = :id", id=asked.id) == [("received",)]
    eva = team("eva")
    eva.open_case(asked)
    expect(eva.page.get_by_text("En inspección", exact=True)).to_have_count(2)
    expect(eva.page.get_by_role("link", name="Revisar")).to_have_count(0)

    here.stack.start_program("clamd")
    ana.sees(IDENTITY, FILED, FRONT)
    ana.sees(ADDRESS, FILED)
    assert len(here.events(asked.id, "inspector:document:filed")) == 2
