"""Check codes at the rows: what they prove, what they never tell, and how many may be guessed."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from notifications.whatsapp.parameters import carries_identifier
from records import links
from records.checkcodes import ALPHABET, grouped, new_check_code, read_check_code
from records.checking import MAX_WRONG, CheckWindow, check_code
from records.errors import TooManyChecks
from records.links import UploadLink
from storage.database import Database, utcnow
from tests.intake.building import a_link, a_request

NOON = datetime.fromisoformat("2026-03-04T12:10:00+00:00")


@pytest.fixture
def link_id(database: Database) -> str:
    with database.transaction() as session:
        request = a_request(session, now=NOON, requirements=3)
        request.known_word = "girasol"
        return a_link(session, request, now=NOON).id


def code_of(database: Database, link_id: str) -> str:
    with database.reading() as session:
        return session.get_one(UploadLink, link_id).check_code


def check(database: Database, code: str, now: datetime = NOON):
    with database.transaction() as session:
        return check_code(session, code, now=now)


def a_wrong_code(database: Database, link_id: str, n: int = 0) -> str:
    """Begins like the right one."""
    code = code_of(database, link_id)
    return code[:2] + "".join(ALPHABET[(ALPHABET.index(letter) + 1 + n) % 32] for letter in code[2:])


def test_codes_are_short_random_and_never_look_like_an_identifier() -> None:
    codes = {new_check_code() for _ in range(5000)}
    assert len(codes) == 5000
    assert all(len(code) == 8 and set(code) <= set(ALPHABET) for code in codes)
    assert not any(carries_identifier(grouped(code)) for code in codes)


@pytest.mark.parametrize("spelling", ["7k3f-90x1", " 7K3F 90X1 ", "7k3f-9oxi", "7K3F9OXL"])
def test_a_code_is_read_in_every_spelling_that_people_use(spelling: str) -> None:
    assert read_check_code(spelling) == "7K3F90X1"


@pytest.mark.parametrize(
    "typed", ["", "7K3F90X", "7K3F90X12", "UUUUUUUU", "7K3F_0X1", "ÑÑÑÑÑÑÑÑ", "\x00" * 8, "A" * 9999]
)
def test_what_is_no_code_is_not_read(typed: str) -> None:
    assert read_check_code(typed) is None


def test_a_code_proves_company_dates_number_and_word(database: Database, link_id: str) -> None:
    found = check(database, grouped(code_of(database, link_id)).lower())
    assert found is not None
    assert (found.documents, found.known_word, found.since) == (3, "girasol", NOON)
    assert found.until == NOON + timedelta(days=7)


@pytest.mark.parametrize("kind", ["unknown", "expired", "revoked", "superseded", "cancelled", "malformed"])
def test_a_closed_link_answers_like_an_unknown_code(database: Database, link_id: str, kind: str) -> None:
    code, now = code_of(database, link_id), NOON
    with database.transaction() as session:
        link = session.get_one(UploadLink, link_id)
        match kind:
            case "unknown":
                code = new_check_code()
            case "expired":
                now = link.expires_at
            case "revoked":
                links.revoke(session, link, now=NOON)
            case "superseded":
                link.superseded_at = NOON
            case "cancelled":
                link.request.cancel()
            case _:
                code = code[:-1]
    assert check(database, code, now) is None


def test_right_codes_are_never_counted(database: Database, link_id: str) -> None:
    for _ in range(3 * MAX_WRONG):
        assert check(database, code_of(database, link_id)) is not None


def test_after_five_wrong_codes_that_begin_alike_even_the_right_one_waits(database: Database, link_id: str) -> None:
    for n in range(MAX_WRONG):
        assert check(database, a_wrong_code(database, link_id, n)) is None
    for code in (a_wrong_code(database, link_id, 9), code_of(database, link_id)):
        with pytest.raises(TooManyChecks):
            check(database, code)
    assert check(database, code_of(database, link_id), NOON + timedelta(hours=1)) is not None


def test_parallel_guesses_are_counted_one_by_one(database: Database, link_id: str) -> None:
    def guess(n: int) -> bool:
        try:
            return check(database, a_wrong_code(database, link_id, n)) is None
        except TooManyChecks:
            return False

    with ThreadPoolExecutor(8) as pool:
        answered = list(pool.map(guess, range(24)))
    assert answered.count(True) == MAX_WRONG


def test_old_counters_go(database: Database, link_id: str) -> None:
    check(database, a_wrong_code(database, link_id))
    check(database, new_check_code(), NOON + timedelta(days=2))
    with database.reading() as session:
        assert [one.hour.day for one in session.scalars(select(CheckWindow))] == [6]


def test_every_link_has_a_code_of_its_own(database: Database, link_id: str) -> None:
    with database.transaction() as session:
        request = session.get_one(UploadLink, link_id).request
        second = a_link(session, request, now=NOON + timedelta(days=6))
        assert second.id != link_id
        assert second.check_code != code_of(database, link_id)
        assert second.created_at <= utcnow()
