"""The console over a small company, and a browser of each member of the cast."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from werkzeug.test import Client, TestResponse

from portal.web.application import PortalApp
from records.signing_in import Passwords
from storage.blobs import LocalBlobStore
from storage.database import Database, utcnow
from tests.portal.staff.company import PASSWORD, Company, console_of, found_company

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


class Browser:
    """A browser at the console: keeps cookies, sends tokens as a page of ours would."""

    def __init__(self, app: PortalApp) -> None:
        self.client: Client = app.test_client()

    def get(self, path: str, **options: object) -> TestResponse:
        return self.client.get(path, base_url="https://staff.localhost", **options)

    def post(self, path: str, data: dict[str, str] | None = None, *, page: str = "/sign-in") -> TestResponse:
        """Post with the token of `page` (signed in: any page carries one)."""
        return self.client.post(
            path,
            data={"csrf_token": self.token(page), **(data or {})},
            headers=SAME_ORIGIN,
            base_url="https://staff.localhost",
        )

    def token(self, page: str = "/sign-in") -> str:
        """The CSRF token of a page."""
        body = self.get(page, follow_redirects=True).get_data(as_text=True)
        found = re.search(r'name="csrf_token" value="([^"]+)"', body)
        assert found, body[:500]
        return found.group(1)

    def sign_in(self, company: Company, who: str, *, now: datetime | None = None, **wrong: str) -> TestResponse:
        """Sign in as one of the cast, or try with something wrong."""
        given = {
            "email": f"{who}@credito.example",
            "password": PASSWORD,
            "code": company.code(who, now or utcnow()),
        }
        return self.post("/sign-in", {**given, **wrong})


@pytest.fixture(scope="session")
def passwords() -> Passwords:
    """argon2id at its cheapest: the tests hash often."""
    return Passwords(time_cost=1, memory_kib=64)


@pytest.fixture
def company(sqlite_database: Database, tmp_path: Path, passwords: Passwords) -> Company:
    """The company, with nobody's case yet."""
    (tmp_path / "blobs").mkdir()
    return found_company(sqlite_database, LocalBlobStore(tmp_path / "blobs"), passwords=passwords)


@pytest.fixture
def console(company: Company, sqlite_database: Database, passwords: Passwords) -> PortalApp:
    """The console's application."""
    return console_of(company, sqlite_database, passwords=passwords)


@pytest.fixture
def browser(console: PortalApp) -> Browser:
    """A browser where nobody is signed in."""
    return Browser(console)


@pytest.fixture
def browser_of(console: PortalApp, company: Company) -> Iterator[Callable[[str], Browser]]:
    """A browser where the named member is signed in, one for each."""
    signed_in: dict[str, Browser] = {}

    def enter(who: str) -> Browser:
        if who not in signed_in:
            signed_in[who] = Browser(console)
            answer = signed_in[who].sign_in(company, who)
            assert answer.status_code == 303, answer.get_data(as_text=True)[-800:]
        return signed_in[who]

    return enter
