"""The running product and a real browser, shared by the tests of this folder and gone when the last of them ended."""

from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.e2e.browsers import DESK, PHONE, Complaints, chromium, context, seen
from tests.e2e.installation import Asked, Installation
from tests.e2e.people import Customer, Desk, tap_message

HERE = Path(__file__).parent
SHARED = ExitStack()
"""What the tests of this folder share: Playwright allows one of its kind, so it must be gone before other folders."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.e2e)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """Stop browser and product after the last test of this folder."""
    if nextitem is None or not nextitem.path.is_relative_to(HERE):
        SHARED.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to a failure what the open pages show and what the programs complained about."""
    report = yield
    if report.when == "call" and report.failed and isinstance(item, pytest.Function):
        used = item.funcargs.values()
        for opened in [one for one in used if isinstance(one, Browser)]:
            report.sections += seen(opened)
        for installation in [one for one in used if isinstance(one, Installation)]:
            report.sections.append(("what the programs complained about", installation.complaints()))
    return report


@pytest.fixture(scope="session")
def browser() -> Browser:
    """The browser. Every test opens contexts of its own in it."""
    return SHARED.enter_context(chromium())


@pytest.fixture(scope="session")
def here(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The product as `make run` starts it: SQLite, documents in a folder."""
    installation = Installation(tmp_path_factory.mktemp("installation"))
    SHARED.callback(installation.stop)
    installation.start()
    return installation


@pytest.fixture
def phone(browser: Browser) -> Generator[BrowserContext]:
    """The customer's phone: a small touch screen, in Spanish, on which no script may break."""
    with _watched(context(browser, **PHONE)) as made:
        yield made


@pytest.fixture
def simple_phone(browser: Browser) -> Generator[BrowserContext]:
    """A phone whose browser runs no scripts."""
    with _watched(context(browser, **PHONE, java_script_enabled=False)) as made:
        yield made


@pytest.fixture(scope="session")
def team(browser: Browser, here: Installation) -> Callable[[str], Desk]:
    """Return somebody of the team at a desk, signed in once for all tests (a one-time code works only once)."""
    desks: dict[str, Desk] = {}

    def desk(login: str) -> Desk:
        if login not in desks:
            desks[login] = Desk(here, context(browser, **DESK), login)
            desks[login].sign_in()
        return desks[login]

    return desk


@pytest.fixture
def enter(here: Installation, phone: BrowserContext) -> Callable[[Asked], Customer]:
    """Bring the customer from the message on the phone to the checklist."""

    def arrive(asked: Asked) -> Customer:
        customer = Customer(tap_message(phone.new_page(), here, asked))
        customer.accept()
        return customer

    return arrive


@pytest.fixture
def visit(here: Installation, phone: BrowserContext) -> Callable[[Asked], Customer]:
    """Bring the customer to the checklist by the link that the CRM sent itself (mode `none`)."""

    def arrive(asked: Asked) -> Customer:
        page: Page = phone.new_page()
        page.goto(str(asked.link))
        customer = Customer(page)
        customer.accept()
        return customer

    return arrive


class _watched:
    """A context that is closed at the end, and on which nothing may have been complained about."""

    def __init__(self, opened: BrowserContext) -> None:
        self._opened, self._complaints = opened, Complaints(opened)

    def __enter__(self) -> BrowserContext:
        return self._opened

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._opened.close()
        if kind is None:
            assert self._complaints.said == []
