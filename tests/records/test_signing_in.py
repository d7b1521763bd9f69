"""Counting tries of signing in, on both databases: many at once count as many."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from records.errors import RecordsError
from records.organizations import Organization
from records.people import Member, Role
from records.signing_in import Claim, SignInRefused, claim_try, sign_in
from storage.database import Database

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)


@pytest.fixture
def eva(database: Database) -> Member:
    """A member who can sign in."""
    with database.transaction() as session:
        org = Organization(slug="credito", name="Crédito", created_at=NOW)
        session.add(org)
        session.flush()
        member = Member(
            org_id=org.id,
            email="eva@credito.example",
            name="Eva",
            role=Role.EXECUTIVE,
            password_hash="hash",
            totp_boxed=b"boxed",
            created_at=NOW,
        )
        session.add(member)
    return member


def claim(database: Database, email: str = "eva@credito.example", now: datetime = NOW) -> Claim:
    with database.transaction() as session:
        return claim_try(session, email, nobody="nobody", now=now)


def test_forty_guesses_at_once_count_as_five(database: Database, eva: Member) -> None:
    together = threading.Barrier(8)

    def guess(_: int) -> list[bool]:
        together.wait()
        return [claim(database).member_id is not None for _ in range(5)]

    with ThreadPoolExecutor(8) as pool:
        let_through = [one for found in pool.map(guess, range(8)) for one in found]
    assert sum(let_through) == 5
    with database.reading() as session:
        assert session.get_one(Member, eva.id).failures == 5


def test_the_wait_grows_and_stays_below_an_hour(database: Database, eva: Member) -> None:
    now, waits = NOW, []
    for _ in range(20):
        assert claim(database, now=now).member_id == eva.id
        with database.reading() as session:
            locked = session.get_one(Member, eva.id).locked_until
        if locked is not None:
            waits.append((locked - now).total_seconds())
            now = locked
    assert waits == sorted(waits)
    assert waits[0] == 30
    assert waits[-1] == 3600


def test_an_address_is_read_without_regard_to_case(database: Database, eva: Member) -> None:
    assert claim(database, " EVA@Credito.Example ").member_id == eva.id


@pytest.mark.parametrize(
    "odd", ["", "nobody@credito.example", "eva@credito.example\x00", "%", "' or 1=1 --", "é" * 300]
)
def test_an_unknown_address_claims_nothing_and_is_compared_all_the_same(
    database: Database, eva: Member, odd: str
) -> None:
    found = claim(database, odd)
    assert (found.member_id, found.password_hash) == (None, "nobody")


def test_two_browsers_with_one_code_let_one_in(database: Database, eva: Member) -> None:
    mine = claim(database)
    together = threading.Barrier(2)

    def enter(_: int) -> bool:
        together.wait()
        try:
            with database.transaction() as session:
                sign_in(session, mine, 1000, now=NOW)
        except SignInRefused:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(enter, range(2))) == [False, True]


def test_a_proof_from_before_a_change_of_password_lets_nobody_in(database: Database, eva: Member) -> None:
    mine = claim(database)
    with database.transaction() as session:
        session.get_one(Member, eva.id).password_hash = "another"
    with pytest.raises(SignInRefused), database.transaction() as session:
        sign_in(session, mine, 1000, now=NOW + timedelta(seconds=1))


@pytest.mark.parametrize("step", [None, 0])
def test_no_code_no_session(database: Database, eva: Member, step: int | None) -> None:
    with pytest.raises(RecordsError), database.transaction() as session:
        sign_in(session, claim(database) if not database.is_sqlite else _read_claim(eva), step, now=NOW)


def _read_claim(eva: Member) -> Claim:
    return Claim(member_id=eva.id, password_hash="hash", totp_boxed=b"boxed")
