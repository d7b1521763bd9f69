"""The case board: who waits for whom, found, counted, paged, and only what one may see."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from records.board import PAGE, Board, Group, board
from records.errors import Forbidden, InvalidValue
from records.messages import MessageState
from records.reviewing import ReturnReason, accept, return_
from records.sharing import send_again
from records.signing_in import Passwords
from storage.blobs import LocalBlobStore
from storage.database import Database
from tests.portal.staff.company import NOW, Company, SlotState, found_company
from tests.portal.staff.conftest import Browser


def look(database: Database, company: Company, who: str, group: Group, **options: str) -> Board:
    with database.reading() as session:
        return board(session, company.members[who], group=group, **options)


def titles(found: Board) -> list[str]:
    return [line.title for line in found.lines]


@pytest.fixture
def both(database: Database, tmp_path: Path, passwords: Passwords) -> Company:
    """The company on each database in turn."""
    (tmp_path / "blobs").mkdir(exist_ok=True)
    return found_company(database, LocalBlobStore(tmp_path / "blobs"), passwords=passwords)


def test_a_case_stands_in_the_groups_of_what_it_waits_for(both: Company, database: Database) -> None:
    eva = both.members["eva"]
    with database.transaction() as session:
        nothing_yet = both.a_request(session, both.a_case(session, title="nothing yet"))
        half = both.a_request(session, both.a_case(session, title="half"))
        both.a_document(session, half.slots[0])
        inspected = both.a_request(session, both.a_case(session, title="in inspection"))
        for slot in inspected.slots:
            both.a_document(session, slot, state=SlotState.RECEIVED)
        unheard = both.a_request(session, both.a_case(session, title="unheard"), message=MessageState.FAILED)
        done = both.a_request(session, both.a_case(session, title="done"))
        for slot in done.slots[:4]:
            accept(session, eva, both.a_document(session, slot, sealed=False).id, now=NOW)
        both.a_case(session, title="empty")
        shut = both.a_case(session, title="shut")
        both.a_document(session, both.a_request(session, shut).slots[0])
        shut.close(NOW)
        assert nothing_yet.slots
        assert unheard.slots
    assert titles(look(database, both, "eva", Group.OURS)) == ["half"]
    assert set(titles(look(database, both, "eva", Group.CUSTOMER))) == {"nothing yet", "half", "unheard"}
    assert titles(look(database, both, "eva", Group.FAILED)) == ["unheard"]
    assert titles(look(database, both, "eva", Group.COMPLETE)) == ["done"]
    everything = look(database, both, "eva", Group.ALL)
    assert len(everything.lines) == 7
    assert everything.counts == {
        Group.OURS: 1,
        Group.CUSTOMER: 3,
        Group.CALL: 0,
        Group.FAILED: 1,
        Group.COMPLETE: 1,
        Group.ALL: 7,
    }


def test_a_line_tells_progress_and_since_when(both: Company, database: Database) -> None:
    with database.transaction() as session:
        request = both.a_request(session, both.a_case(session, title="Ana", reference="C-1"))
        first = both.a_document(session, request.slots[0], now=NOW + timedelta(hours=1))
        accept(session, both.members["eva"], first.id, now=NOW + timedelta(hours=2))
        both.a_document(session, request.slots[1], now=NOW + timedelta(hours=3))
        back = both.a_document(session, request.slots[2], now=NOW + timedelta(hours=4))
        returned = NOW + timedelta(hours=5)
        return_(session, both.members["eva"], back.id, reason=ReturnReason.EXPIRED, note=None, now=returned)
    (line,) = look(database, both, "eva", Group.OURS).lines
    assert (line.total, line.accepted, line.to_review, line.with_customer) == (4, 1, 1, 2)
    assert (line.ours_since, line.customer_since) == (NOW + timedelta(hours=3), NOW)
    assert (line.external_ref, line.owner, line.parties) == ("C-1", "Eva Martínez", ("Ana Torres",))


def test_a_message_that_was_sent_again_is_no_longer_failed(both: Company, database: Database) -> None:
    with database.transaction() as session:
        request = both.a_request(session, both.a_case(session), message=MessageState.FAILED)
        send_again(session, both.members["eva"], request.id, now=NOW + timedelta(hours=1))
    assert look(database, both, "eva", Group.FAILED).lines == ()


@pytest.mark.parametrize("group", [Group.OURS, Group.ALL])
def test_paging_shows_every_case_once_even_when_they_wait_equally_long(
    both: Company, database: Database, group: Group
) -> None:
    with database.transaction() as session:
        for i in range(2 * PAGE + 3):
            request = both.a_request(session, both.a_case(session, title=f"case {i}"))
            both.a_document(session, request.slots[0], now=NOW + timedelta(minutes=i // 10), sealed=False)
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        page = look(database, both, "eva", group, untrusted_after=after)
        seen += titles(page)
        after = page.following
    assert sorted(seen) == sorted({f"case {i}" for i in range(2 * PAGE + 3)})


@pytest.mark.parametrize(
    "cursor", ["x", "~", "2026-01-01T00:00:00+00:00~x", "2026-01-01T00:00:00+00:00~" + "A" * 32, "~" * 99]
)
def test_a_cursor_that_is_none_is_refused(sqlite_database: Database, company: Company, cursor: str) -> None:
    with pytest.raises(InvalidValue):
        look(sqlite_database, company, "eva", Group.ALL, untrusted_after=cursor)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("CRED-1", {"Ana", "Luis"}),
        ("cred-1", {"Ana", "Luis"}),
        ("luis", {"Luis"}),
        ("Beto", {"Ana"}),
        ("%", set()),
        ("_", set()),
        ("CRED\\", set()),
        ("  CRED-11 ", {"Ana"}),
        ("x" * 500, set()),
        ("a\x00n\x00a", {"Ana"}),
    ],
)
def test_search_finds_reference_title_and_people_and_takes_signs_literally(
    both: Company, database: Database, words: str, expected: set[str]
) -> None:
    with database.transaction() as session:
        ana = both.a_case(session, title="Ana", reference="CRED-11")
        both.a_party(session, ana, name="Beto")
        both.a_case(session, title="Luis", reference="CRED-12")
        both.a_case(session, title="Other", team="sur", owner="omar", reference="CRED-13")
    assert set(titles(look(database, both, "eva", Group.ALL, untrusted_search=words))) == expected


def test_omar_cannot_see_another_teams_cases(both: Company, database: Database) -> None:
    with database.transaction() as session:
        both.a_document(session, both.a_request(session, both.a_case(session, title="of norte")).slots[0])
        both.a_case(session, title="of sur", team="sur", owner=None)
        both.a_case(session, title="his own", team="norte", owner="omar")
    found = look(database, both, "omar", Group.ALL)
    assert set(titles(found)) == {"of sur", "his own"}
    assert found.counts[Group.OURS] == 0
    assert look(database, both, "omar", Group.ALL, untrusted_search="of norte").lines == ()


def test_the_administrator_cannot_list_cases(sqlite_database: Database, company: Company) -> None:
    with pytest.raises(Forbidden):
        look(sqlite_database, company, "saul", Group.ALL)


def test_the_page_says_when_nobody_waits(browser_of: Callable[[str], Browser]) -> None:
    page = browser_of("eva").get("/cases").get_data(as_text=True)
    assert "Nadie espera por nosotros." in page


def test_a_search_is_a_post_and_stands_in_no_address(
    browser_of: Callable[[str], Browser], company: Company, sqlite_database: Database
) -> None:
    with sqlite_database.transaction() as session:
        for i in range(PAGE + 1):
            company.a_case(session, title=f"Ana {i}")
    answer = browser_of("eva").post("/cases/search", {"q": "Ana"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert f"{PAGE + 1} expedientes con “Ana”" in page
    assert not re.search(r'(href|action)="[^"]*Ana', page)
    cursor = re.search(r'name="after" value="([^"]+)"', page)
    assert cursor is not None
    rest = browser_of("eva").post("/cases/search", {"q": "Ana", "group": "all", "after": cursor.group(1)})
    assert rest.get_data(as_text=True).count('<td class="what">') == 1


def test_what_customers_wrote_is_shown_as_text(
    browser_of: Callable[[str], Browser], company: Company, sqlite_database: Database
) -> None:
    with sqlite_database.transaction() as session:
        company.a_case(session, title="<script>alert(1)</script>")
    page = browser_of("eva").get("/cases?group=all").get_data(as_text=True)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_an_unknown_group_is_refused(browser_of: Callable[[str], Browser]) -> None:
    assert browser_of("eva").get("/cases?group=everything").status_code == 422
    assert browser_of("eva").get("/cases?after=%00").status_code == 422
