"""One-time codes at the rows: tries, locks and limits hold on both engines, also under parallel guessing."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from audit import AuditEvent
from intake.codes import CodeMaker
from records import challenges, links
from records.challenges import (
    CODES_A_DAY,
    CODES_AN_HOUR,
    LIFE,
    MAX_FAILURES,
    MAX_TRIES,
    Answer,
    CodeChallenge,
    answer,
    ask_for_code,
)
from records.errors import CodeLocked, CodeNeeded, LinkClosed, TooManyCodes
from records.links import UploadLink, Visit, live_visit, living_visit, waiting_visit
from records.requests import DocumentRequest
from storage.database import Database, utcnow
from tests.intake.building import a_link, a_request, a_visit

CODES = CodeMaker(b"k" * 32)
WRONG = "wrong"


@dataclass(kw_only=True)
class Door:
    """One request that asks for a code, its link and a visit that waits."""

    database: Database
    now: datetime
    request_id: str
    link_id: str
    visit_id: str

    def ask(self, visit_id: str | None = None) -> str:
        """Ask for a code; return the challenge's id."""
        with self.database.transaction() as session:
            return ask_for_code(session, session.get_one(Visit, visit_id or self.visit_id), now=self.now).id

    def type(self, code: str, visit_id: str | None = None, digest: str = "d" * 64) -> Answer:
        """Type a code."""
        with self.database.transaction() as session:
            return answer(
                session,
                visit_id or self.visit_id,
                is_right=lambda challenge: CODES.is_right(challenge, code),
                cookie_sha256=digest,
                now=self.now,
            )

    def another_visit(self) -> str:
        """A second browser with the same link."""
        with self.database.transaction() as session:
            return a_visit(session, session.get_one(UploadLink, self.link_id), now=self.now).id

    def row(self, model: type, row_id: str):
        """A row as it is now."""
        with self.database.reading() as session:
            return session.get_one(model, row_id)


@pytest.fixture
def door(database: Database) -> Door:
    now = utcnow()
    with database.transaction() as session:
        request = a_request(session, now=now)
        request.template.second_factor = True
        link = a_link(session, request, now=now)
        visit = a_visit(session, link, now=now)
        return Door(database=database, now=now, request_id=request.id, link_id=link.id, visit_id=visit.id)


def test_the_right_code_confirms_the_visit_once(door: Door) -> None:
    code = CODES.code(door.ask())
    assert door.row(Visit, door.visit_id).confirmed_at is None
    assert door.type(code) is Answer.RIGHT
    visit = door.row(Visit, door.visit_id)
    assert (visit.confirmed_at, visit.cookie_sha256) == (door.now, "d" * 64)
    with pytest.raises(LinkClosed):
        door.type(code)


def test_a_visit_that_waits_may_do_nothing(door: Door) -> None:
    with door.database.transaction() as session:
        visit = session.get_one(Visit, door.visit_id)
        visit.cookie_sha256 = "c" * 64
        with pytest.raises(LinkClosed):
            living_visit(session, visit.id, door.now)
    with door.database.reading() as session:
        with pytest.raises(CodeNeeded):
            live_visit(session, cookie_sha256="c" * 64, now=door.now)
        assert waiting_visit(session, cookie_sha256="c" * 64, now=door.now).id == door.visit_id


def test_a_code_is_dead_after_five_wrong_tries(door: Door) -> None:
    code = CODES.code(door.ask())
    assert [door.type(WRONG) for _ in range(MAX_TRIES)] == [Answer.WRONG] * MAX_TRIES
    assert door.type(code) is Answer.SPENT
    assert door.row(Visit, door.visit_id).confirmed_at is None


def test_a_code_is_dead_after_ten_minutes(door: Door) -> None:
    code = CODES.code(door.ask())
    door.now += LIFE
    assert door.type(code) is Answer.SPENT


def test_a_replaced_code_is_dead(door: Door) -> None:
    first = CODES.code(door.ask())
    door.now += challenges.AGAIN_AFTER
    second = CODES.code(door.ask())
    if first != second:
        assert door.type(first) is Answer.WRONG
    assert door.type(second) is Answer.RIGHT


def test_a_code_of_another_visit_of_the_same_link_opens_nothing(door: Door) -> None:
    thief = door.another_visit()
    mine, theirs = CODES.code(door.ask()), CODES.code(door.ask(thief))
    if mine != theirs:
        assert door.type(mine, thief) is Answer.WRONG
    assert door.type(mine) is Answer.RIGHT
    assert door.row(Visit, thief).confirmed_at is None


def test_a_code_of_another_link_opens_nothing(door: Door) -> None:
    with door.database.transaction() as session:
        other = a_request(session, now=door.now)
        other.template.second_factor = True
        elsewhere = a_visit(session, a_link(session, other, now=door.now), now=door.now).id
    mine, theirs = CODES.code(door.ask()), CODES.code(door.ask(elsewhere))
    if mine != theirs:
        assert door.type(mine, elsewhere) is Answer.WRONG


def test_a_code_opens_nothing_after_the_link_was_revoked(door: Door) -> None:
    code = CODES.code(door.ask())
    with door.database.transaction() as session:
        links.revoke(session, session.get_one(UploadLink, door.link_id), now=door.now)
    with pytest.raises(LinkClosed):
        door.type(code)


def test_of_200_parallel_guesses_each_is_a_try_or_refused_unseen(door: Door) -> None:
    """The right code is among them; still no more than five were compared with anything."""
    challenge, compared, count = door.ask(), [], threading.Lock()
    guesses = [f"{(int(CODES.code(challenge)) + 1 + n) % 10**6:06d}" for n in range(200)]

    def guess(code: str) -> Answer:
        def is_right(challenge_id: str) -> bool:
            with count:
                compared.append(code)
            return CODES.is_right(challenge_id, code)

        with door.database.transaction() as session:
            return answer(session, door.visit_id, is_right=is_right, cookie_sha256="e" * 64, now=door.now)

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(guess, guesses))
    assert answers.count(Answer.WRONG) == MAX_TRIES == len(compared)
    assert answers.count(Answer.SPENT) == 200 - MAX_TRIES
    assert door.row(CodeChallenge, challenge).tries == MAX_TRIES
    assert door.row(DocumentRequest, door.request_id).code_failures == MAX_TRIES


def test_the_right_code_typed_twice_at_once_opens_once(door: Door) -> None:
    code = CODES.code(door.ask())

    def try_it(digest: str) -> str:
        try:
            return door.type(code, digest=digest * 64)
        except LinkClosed:
            return "closed"

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(try_it, "01234567"))
    assert answers.count(Answer.RIGHT) == 1
    assert set(answers) <= {"closed", Answer.SPENT, Answer.RIGHT}


def fail(door: Door, times: int) -> list[Answer]:
    answers = []
    for n in range(times):
        if n % MAX_TRIES == 0:
            door.now += timedelta(hours=5)
            door.visit_id = door.another_visit()
            door.ask()
        answers.append(door.type(WRONG))
    return answers


@pytest.fixture
def long_link(door: Door) -> Door:
    """A link that lives long enough for a patient guesser."""
    with door.database.transaction() as session:
        session.execute(update(UploadLink).values(expires_at=door.now + timedelta(days=30)))
    return door


def test_too_many_wrong_codes_in_a_row_lock_the_request(long_link: Door) -> None:
    door = long_link
    assert fail(door, MAX_FAILURES) == [Answer.WRONG] * (MAX_FAILURES - 1) + [Answer.LOCKED]
    door.now += timedelta(days=2)
    door.visit_id = door.another_visit()
    with pytest.raises(CodeLocked):
        door.ask()
    assert door.type("000000") is Answer.LOCKED
    with door.database.reading() as session:
        assert challenges.is_locked(session, door.request_id)
        locked = select(func.count()).where(AuditEvent.event == "customer:code:locked")
        assert session.scalar(locked) == 1


def test_a_right_code_forgives_the_wrong_ones_before(long_link: Door) -> None:
    door = long_link
    fail(door, MAX_FAILURES - 1)
    door.now += timedelta(hours=5)
    door.visit_id = door.another_visit()
    assert door.type(CODES.code(door.ask())) is Answer.RIGHT
    assert door.row(DocumentRequest, door.request_id).code_failures == 0


def test_codes_are_not_sent_faster_than_every_half_minute(door: Door) -> None:
    door.ask()
    with pytest.raises(TooManyCodes):
        door.ask()


def test_no_more_codes_go_out_than_an_hour_and_a_day_allow(long_link: Door) -> None:
    """A thief with a forwarded link cannot fill the owner's phone."""
    door = long_link
    for _ in range(CODES_A_DAY // CODES_AN_HOUR):
        for _ in range(CODES_AN_HOUR):
            door.ask(door.another_visit())
        with pytest.raises(TooManyCodes):
            door.ask(door.another_visit())
        door.now += timedelta(minutes=61)
    with pytest.raises(TooManyCodes):
        door.ask(door.another_visit())


def test_a_template_without_second_factor_confirms_at_once(database: Database) -> None:
    now = utcnow()
    with database.transaction() as session:
        visit = a_visit(session, a_link(session, a_request(session, now=now), now=now), now=now)
        assert visit.confirmed_at == now
        assert living_visit(session, visit.id, now) is visit
