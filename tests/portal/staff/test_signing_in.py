"""Signing in to the console: what lets a person in, what does not, and how long it lasts."""

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import select

from audit import AuditEvent
from portal.staff.signing_in import own_path
from records.people import Member
from records.sessions import StaffSession
from records.signing_in import Passwords
from storage.database import Database
from tests.portal.staff.company import PASSWORD, Company, console_of
from tests.portal.staff.conftest import Browser

START = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that stands still until it is moved."""
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


def row_of(database: Database, company: Company, who: str) -> Member:
    with database.reading() as session:
        return session.get_one(Member, company.members[who].id)


def change(database: Database, company: Company, who: str, **values: object) -> None:
    with database.transaction() as session:
        member = session.get_one(Member, company.members[who].id)
        for name, value in values.items():
            setattr(member, name, value)


def test_eva_signs_in_and_lands_on_the_board(browser: Browser, company: Company) -> None:
    answer = browser.sign_in(company, "eva")
    assert (answer.status_code, answer.location) == (303, "/")
    page = browser.get("/", follow_redirects=True)
    assert page.status_code == 200
    assert "Eva Martínez" in page.get_data(as_text=True)


def test_the_administrator_lands_on_administration(browser: Browser, company: Company) -> None:
    browser.sign_in(company, "saul")
    assert browser.get("/").location == "/administration"


def test_the_cookie_is_bound_to_the_host_and_hidden_from_scripts(browser: Browser, company: Company) -> None:
    cookie = browser.sign_in(company, "eva").headers["Set-Cookie"]
    assert cookie.startswith("__Host-staff=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= {part.strip() for part in cookie.split(";")}
    assert "Domain" not in cookie


def test_everything_wrong_gets_the_same_answer(
    browser: Browser, company: Company, sqlite_database: Database, clock: time_machine.Traveller
) -> None:
    change(sqlite_database, company, "omar", active=False)
    change(sqlite_database, company, "aurora", locked_until=START + timedelta(minutes=5))
    tries = [
        browser.sign_in(company, "eva", password="wrong"),
        browser.sign_in(company, "eva", code="000000"),
        browser.sign_in(company, "eva", email="nobody@credito.example"),
        browser.sign_in(company, "omar"),
        browser.sign_in(company, "aurora"),
        browser.sign_in(company, "eva", password="\x00", email="\x00", code="\x00"),
        browser.sign_in(company, "eva", password="x" * 100_000),
    ]
    varying = re.compile(r'(nonce|value)="[^"]{16,}"')
    bodies = {varying.sub("", answer.get_data(as_text=True)) for answer in tries}
    assert {answer.status_code for answer in tries} == {401}
    assert len(bodies) == 1


def test_a_code_works_once(browser: Browser, company: Company, clock: time_machine.Traveller) -> None:
    code = company.code("eva", START)
    assert browser.sign_in(company, "eva", code=code).status_code == 303
    browser.client.delete_cookie("__Host-staff", domain="staff.localhost")
    assert browser.sign_in(company, "eva", code=code).status_code == 401
    assert browser.sign_in(company, "eva", code=company.code("eva", START - timedelta(seconds=30))).status_code == 401


@pytest.mark.parametrize(("drift", "status"), [(-60, 401), (-30, 303), (30, 303), (60, 401)])
def test_a_code_is_good_for_one_step_around_now(
    browser: Browser, company: Company, clock: time_machine.Traveller, drift: int, status: int
) -> None:
    code = company.code("eva", START + timedelta(seconds=drift))
    assert browser.sign_in(company, "eva", code=code).status_code == status


def test_five_failures_lock_and_each_next_one_longer(
    browser: Browser, company: Company, sqlite_database: Database, clock: time_machine.Traveller
) -> None:
    for _ in range(5):
        browser.sign_in(company, "eva", password="wrong")
    assert row_of(sqlite_database, company, "eva").locked_until == START + timedelta(seconds=30)
    assert browser.sign_in(company, "eva").status_code == 401, "the right password does not break the lock"
    assert row_of(sqlite_database, company, "eva").failures == 5, "tries during the lock do not prolong it"
    clock.move_to(START + timedelta(seconds=31))
    browser.sign_in(company, "eva", password="wrong")
    assert row_of(sqlite_database, company, "eva").locked_until == START + timedelta(seconds=31 + 60)
    clock.move_to(START + timedelta(seconds=31 + 61))
    assert browser.sign_in(company, "eva").status_code == 303
    after = row_of(sqlite_database, company, "eva")
    assert (after.failures, after.locked_until) == (0, None)


def test_a_session_from_before_the_sign_in_does_not_survive_it(browser: Browser, company: Company) -> None:
    before = browser.token()
    planted = browser.client.get_cookie("__Host-staff", domain="staff.localhost")
    browser.sign_in(company, "eva")
    after = browser.client.get_cookie("__Host-staff", domain="staff.localhost")
    assert planted is not None
    assert after is not None
    assert planted.value != after.value
    assert browser.token() != before
    stolen = Browser(browser.client.application)  # type: ignore[arg-type]
    stolen.client.set_cookie("__Host-staff", planted.value, domain="staff.localhost")
    assert stolen.get("/cases").status_code == 401


def test_an_idle_session_ends_after_an_hour(browser: Browser, company: Company, clock: time_machine.Traveller) -> None:
    browser.sign_in(company, "eva")
    for minutes in (50, 100, 150):
        clock.move_to(START + timedelta(minutes=minutes))
        assert browser.get("/cases").status_code == 200
    clock.move_to(START + timedelta(minutes=150 + 61))
    assert browser.get("/cases").status_code == 401


def test_a_busy_session_ends_after_a_day(browser: Browser, company: Company, clock: time_machine.Traveller) -> None:
    browser.sign_in(company, "eva")
    for hours in range(1, 48):
        clock.move_to(START + timedelta(minutes=30 * hours - 1))
        expected = 200 if hours < 48 else 401
        assert browser.get("/cases").status_code == expected
    clock.move_to(START + timedelta(hours=24))
    assert browser.get("/cases").status_code == 401


def test_a_change_of_role_ends_the_session_at_the_next_request(
    browser: Browser, company: Company, sqlite_database: Database
) -> None:
    browser.sign_in(company, "eva")
    change(sqlite_database, company, "eva", session_epoch=1)
    assert browser.get("/cases").status_code == 401


def test_a_disabled_member_is_out_at_the_next_request(
    browser: Browser, company: Company, sqlite_database: Database
) -> None:
    browser.sign_in(company, "eva")
    change(sqlite_database, company, "eva", active=False)
    assert browser.get("/cases").status_code == 401


def test_a_stolen_cookie_is_worth_nothing_after_sign_out(browser: Browser, company: Company) -> None:
    browser.sign_in(company, "eva")
    cookie = browser.client.get_cookie("__Host-staff", domain="staff.localhost")
    answer = browser.post("/sign-out")
    assert answer.status_code == 303
    assert answer.headers["Clear-Site-Data"] == '"cache", "cookies", "storage"'
    assert cookie is not None
    browser.client.set_cookie("__Host-staff", cookie.value, domain="staff.localhost")
    assert browser.get("/cases").status_code == 401


def test_a_forged_cookie_signs_nobody_in(browser: Browser, company: Company) -> None:
    browser.sign_in(company, "eva")
    cookie = browser.client.get_cookie("__Host-staff", domain="staff.localhost")
    assert cookie is not None
    body, _, signature = cookie.value.rpartition(".")
    for forged in (body + ".", body + "." + signature[::-1], "." + cookie.value, "x" * 3000):
        browser.client.set_cookie("__Host-staff", forged, domain="staff.localhost")
        assert browser.get("/cases").status_code == 401


def test_the_cookies_secret_is_stored_as_its_hash(
    browser: Browser, company: Company, sqlite_database: Database
) -> None:
    browser.sign_in(company, "eva")
    with browser.client.session_transaction(base_url="https://staff.localhost") as cookie:
        secret = cookie["_user_id"]
    with sqlite_database.reading() as session:
        row = session.scalars(select(StaffSession)).one()
    assert len(secret) >= 43
    assert secret not in str(vars(row))


def test_an_outdated_hash_is_replaced_at_sign_in(browser: Browser, company: Company, sqlite_database: Database) -> None:
    old = Passwords(time_cost=2, memory_kib=32).hash(PASSWORD)
    change(sqlite_database, company, "eva", password_hash=old)
    assert browser.sign_in(company, "eva").status_code == 303
    fresh = row_of(sqlite_database, company, "eva").password_hash
    assert fresh != old
    assert "m=64,t=1,p=1" in fresh


def test_the_trail_tells_of_sessions_without_telling_secrets(
    browser: Browser, company: Company, sqlite_database: Database
) -> None:
    browser.sign_in(company, "eva", password="a secret guess")
    browser.sign_in(company, "eva")
    browser.post("/sign-out")
    with sqlite_database.reading() as session:
        events = session.scalars(select(AuditEvent).order_by(AuditEvent.at)).all()
    assert {event.event for event in events} == {
        "staff:session:refused",
        "staff:session:started",
        "staff:session:ended",
    }
    assert all("guess" not in str(event.details) and "@" not in str(event.details) for event in events)


def test_after_signing_in_the_person_arrives_where_they_wanted(browser: Browser, company: Company) -> None:
    refused = browser.get("/cases?group=all")
    assert refused.status_code == 401
    assert 'name="next" value="/cases?group=all"' in refused.get_data(as_text=True)
    given = {"email": "eva@credito.example", "password": PASSWORD, "next": "/cases?group=all"}
    answer = browser.post("/sign-in", {**given, "code": company.code("eva", datetime.now(UTC))})
    assert answer.location == "/cases?group=all"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\\\evil",
        "javascript:alert(1)",
        "/a\r\nX: y",
        "evil",
    ],
)
def test_a_return_address_never_leads_elsewhere(elsewhere: str) -> None:
    assert own_path(elsewhere) == ""


def test_a_browser_in_english_reads_english_before_anybody_signs_in(browser: Browser) -> None:
    page = browser.get("/sign-in", headers={"Accept-Language": "en-GB,en;q=0.9"}).get_data(as_text=True)
    assert "One-time code" in page
    assert '<html lang="en">' in page


def test_a_refusal_takes_as_long_for_a_stranger_as_for_a_member(
    company: Company, sqlite_database: Database, passwords: Passwords
) -> None:
    app = console_of(company, sqlite_database, passwords=passwords, refusal_s=0.25)
    browser = Browser(app)
    for email in ("eva@credito.example", "nobody@credito.example"):
        begun = time.monotonic()
        browser.sign_in(company, "eva", email=email, password="wrong")
        assert time.monotonic() - begun >= 0.25
