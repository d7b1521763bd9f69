"""Quotas of links, cases and organizations: claimed once each, given back where nothing came, never passed."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text

from intake.errors import BodyCut
from intake.slicing import Announced
from intake.sweeping import expire
from records.cases import Case
from records.errors import Quota, QuotaExceeded, SlotTaken
from records.links import UploadLink
from records.organizations import Organization
from records.requests import create_request
from records.uploads import UPLOAD_LIFE
from storage.blobs import LocalBlobStore
from storage.database import Database
from tests.intake.building import MIB, World, a_link, a_visit, a_world

ROWS = {"link": UploadLink, "case": Case, "organization": Organization}


@pytest.fixture
def world(sqlite_database: Database, tmp_path: Path) -> World:
    return a_world(sqlite_database, LocalBlobStore(tmp_path / "blobs"), max_bytes=MIB, requirements=6)


@pytest.fixture
def both(database: Database, tmp_path: Path) -> World:
    """A world on SQLite and on PostgreSQL."""
    return a_world(database, LocalBlobStore(tmp_path / "blobs"), max_bytes=MIB, requirements=6)


def limit(world: World, **limits: int) -> None:
    with world.database.transaction() as session:
        link = session.get_one(UploadLink, world.link_id)
        organization = session.get_one(Organization, link.org_id)
        for name, value in limits.items():
            setattr(link if name.startswith("link_") else organization, name.removeprefix("link_"), value)


def used(world: World, scope: str) -> tuple[int, int, int]:
    """Files, bytes and attempts."""
    with world.database.reading() as session:
        link = session.get_one(UploadLink, world.link_id)
        key = {"link": link.id, "case": link.case_id, "organization": link.org_id}[scope]
        row = session.get_one(ROWS[scope], key)
        return row.used_files, row.used_bytes, row.used_attempts


def another_link(world: World) -> None:
    """Move the world to a second request and link of the same case."""
    with world.database.transaction() as session:
        first = session.get_one(UploadLink, world.link_id).request
        second = create_request(
            session,
            case=first.case,
            party=first.party,
            template=first.template,
            created_by="builder",
            send_mode=first.send_mode,
            now=world.clock.now,
        )
        link = a_link(session, second, now=world.clock.now)
        world.link_id, world.visit_id = link.id, a_visit(session, link, now=world.clock.now).id
        world.slots = [slot.id for slot in second.slots]


def test_an_upload_counts_once_in_link_case_and_organization(both: World) -> None:
    upload = both.begin(length=1000)
    assert used(both, "link") == (1, 0, 1)
    assert used(both, "case") == used(both, "organization") == (1, 1000, 1)
    both.intake.append(visit_id=both.visit_id, upload_id=upload, offset=0, body=[b"x" * 600])
    both.intake.append(visit_id=both.visit_id, upload_id=upload, offset=600, body=[b"x" * 400])
    assert used(both, "link") == used(both, "case") == used(both, "organization") == (1, 1000, 1)


def test_an_upload_without_a_length_holds_the_most_it_may_have_until_it_is_known(both: World) -> None:
    upload = both.begin()
    assert used(both, "case") == used(both, "organization") == (1, MIB, 1)
    both.intake.append(visit_id=both.visit_id, upload_id=upload, offset=0, body=[b"x" * 600])
    both.intake.finish(visit_id=both.visit_id, upload_id=upload)
    assert used(both, "case") == used(both, "organization") == (1, 600, 1)
    told = both.begin(slot=1)
    both.intake.fix_length(visit_id=both.visit_id, upload_id=told, length=50)
    both.intake.fix_length(visit_id=both.visit_id, upload_id=told, length=50)  # told twice, given back once
    assert used(both, "case") == used(both, "organization") == (2, 650, 2)


def test_what_never_came_is_given_back_and_the_attempt_is_not(both: World) -> None:
    both.intake.terminate(visit_id=both.visit_id, upload_id=both.begin(length=1000))
    assert used(both, "link") == used(both, "case") == used(both, "organization") == (0, 0, 1)
    upload = both.begin(length=1000)
    with pytest.raises(BodyCut):
        both.intake.append(visit_id=both.visit_id, upload_id=upload, offset=0, body=cut(b"x" * 300))
    both.begin(length=10, replaces=upload)
    assert used(both, "case") == used(both, "organization") == (2, 310, 3)


def cut(data: bytes):
    yield data
    raise BodyCut


def test_what_expires_is_given_back_to_link_and_case(both: World) -> None:
    both.begin(length=1000)
    both.clock.advance(seconds=UPLOAD_LIFE.total_seconds() + 1)
    with both.database.transaction() as session:
        assert expire(session, now=both.clock.now)
    assert used(both, "link") == used(both, "case") == (0, 0, 1)


def test_what_is_given_back_on_another_day_leaves_the_new_day_alone(both: World) -> None:
    upload = both.begin(length=1000)
    with both.database.transaction() as session:
        organization = session.get_one(Organization, session.get_one(UploadLink, both.link_id).org_id)
        organization.quota_day += timedelta(days=1)
    both.intake.terminate(visit_id=both.visit_id, upload_id=upload)
    assert used(both, "case") == (0, 0, 1)
    assert used(both, "organization") == (1, 1000, 1)


def test_a_new_day_begins_at_nothing(world: World) -> None:
    limit(world, max_files=1)
    world.begin(length=10)
    with pytest.raises(QuotaExceeded) as refused:
        world.begin(slot=1, length=10)
    assert refused.value.code == Quota.ORGANIZATION_FILES
    with world.database.transaction() as session:
        organization = session.get_one(Organization, session.get_one(UploadLink, world.link_id).org_id)
        organization.quota_day -= timedelta(days=1)
    world.begin(slot=1, length=10)
    assert used(world, "organization") == (1, 10, 1)


@pytest.mark.parametrize(
    ("name", "most", "quota"),
    [
        ("link_max_files", 1, Quota.LINK_FILES),
        ("link_max_bytes", 99, Quota.LINK_BYTES),
        ("link_max_attempts", 1, Quota.LINK_ATTEMPTS),
        ("case_max_files", 1, Quota.CASE_FILES),
        ("case_max_bytes", 199, Quota.CASE_BYTES),
        ("case_max_attempts", 1, Quota.CASE_ATTEMPTS),
        ("max_files", 1, Quota.ORGANIZATION_FILES),
        ("max_bytes", 199, Quota.ORGANIZATION_BYTES),
        ("max_attempts", 1, Quota.ORGANIZATION_ATTEMPTS),
    ],
)
def test_each_quota_refuses_under_its_own_name(both: World, name: str, most: int, quota: Quota) -> None:
    if quota is not Quota.LINK_BYTES:
        both.begin(length=100)
    limit(both, **{name: most})
    blobs = both.blob_names()
    with pytest.raises(QuotaExceeded) as refused:
        both.begin(slot=1, length=100)
    assert refused.value.code == quota
    assert both.blob_names() == blobs


def test_another_link_does_not_get_past_the_quota_of_its_case(world: World) -> None:
    limit(world, case_max_files=1)
    world.begin(length=10)
    another_link(world)
    with pytest.raises(QuotaExceeded) as refused:
        world.begin(length=10)
    assert refused.value.code == Quota.CASE_FILES


def test_another_organization_is_not_touched(world: World) -> None:
    limit(world, max_attempts=0)
    other = a_world(world.database, world.blobs, keys=world.keys)
    assert other.begin(length=10)
    with pytest.raises(QuotaExceeded):
        world.begin(length=10)


@pytest.mark.parametrize("name", ["link_max_files", "case_max_files", "max_files", "max_attempts"])
def test_the_last_file_goes_to_one_of_twenty_parallel_clients(both: World, name: str) -> None:
    limit(both, **{name: 1})

    def begin(number: int) -> str:
        try:
            return both.begin(slot=number % 6, length=10) and "opened"
        except (QuotaExceeded, SlotTaken) as error:
            return error.code

    with ThreadPoolExecutor(20) as pool:
        outcomes = list(pool.map(begin, range(20)))
    assert outcomes.count("opened") == 1
    assert used(both, "case")[0] == used(both, "organization")[0] == 1


def test_the_last_bytes_of_a_case_are_not_promised_twice(both: World) -> None:
    limit(both, case_max_bytes=250)

    def begin(number: int) -> str:
        try:
            return both.begin(slot=number, length=100) and "opened"
        except QuotaExceeded as error:
            return error.code

    with ThreadPoolExecutor(6) as pool:
        outcomes = sorted(pool.map(begin, range(6)))
    assert outcomes == ["opened"] * 2 + ["quota_case_bytes"] * 4


def waiting(world: World) -> int:
    """How many transactions wait for a row that another one holds."""
    with world.database.reading() as session:
        return int(session.scalar(text("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")) or 0)


@pytest.mark.parametrize("engine_name", [pytest.param("postgresql", marks=pytest.mark.services)], indirect=True)
def test_a_whole_file_and_the_last_slice_of_another_do_not_wait_for_each_other(both: World) -> None:
    long = both.begin(slot=1, length=8)
    both.intake.append(visit_id=both.visit_id, upload_id=long, offset=0, body=[b"long"])

    def whole() -> bool:
        opening = {"visit_id": both.visit_id, "slot_id": both.slots[0], "untrusted_name": "a", "untrusted_type": "b"}
        body, announced = [b"whole"], Announced(length=5)
        return both.intake.receive(**opening, length=5, body=body, announced=announced).finished

    def last() -> bool:
        return both.intake.append(visit_id=both.visit_id, upload_id=long, offset=4, body=[b"file"]).finished

    with ThreadPoolExecutor(2) as pool:
        with both.database.transaction() as session:  # somebody is busy with the case while both come
            session.execute(select(Case.id).with_for_update())
            answers = []
            for send in (whole, last):
                answers.append(pool.submit(send))
                until = time.monotonic() + 30
                while waiting(both) < len(answers) and time.monotonic() < until:
                    time.sleep(0.02)
            assert waiting(both) == 2
        assert [answer.result(timeout=60) for answer in answers] == [True, True]
