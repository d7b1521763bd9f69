"""Signing in to the console: what lets a person in, and what does not."""

from tests.portal.staff.company import Company
from tests.portal.staff.conftest import Browser


def test_eva_signs_in_and_lands_on_the_board(browser: Browser, company: Company) -> None:
    answer = browser.sign_in(company, "eva")
    assert answer.status_code == 303
    page = browser.get("/", follow_redirects=True)
    assert page.status_code == 200
    assert "Eva Martínez" in page.get_data(as_text=True)
