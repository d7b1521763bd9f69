"""Quarantine keys of the day: made, certified, used, retired and shredded, in this order only."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import AuditEvent, Event
from intake.daykey import key_of_the_day, still_open
from intake.errors import QuarantineKeyMissing
from intake.quarantine import QuarantineKeyGone, QuarantineKeys, certify
from records.uploads import QuarantineKey, Slice
from storage.blobs import LocalBlobStore
from storage.database import Database, new_id
from storage.sealing.errors import SignatureRefused
from storage.sealing.signing import SigningKey
from storage.sealing.unseal import PrivateKey
from tests.intake.building import a_world

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


class House:
    """The inspector's folder, the custodian's key, one database."""

    def __init__(self, database: Database, folder: Path) -> None:
        folder.mkdir(mode=0o700)
        self.database, self.folder = database, folder
        self.inspector, self.custodian = SigningKey.generate(), SigningKey.generate()
        self.keys = QuarantineKeys(folder, self.inspector)

    def prepare(self, now: datetime = NOON) -> int:
        with self.database.transaction() as session:
            return self.keys.prepare(session, now=now)

    def certify(self) -> None:
        with self.database.transaction() as session:
            for row in session.scalars(select(QuarantineKey).where(QuarantineKey.custodian_signature.is_(None))):
                certify(session, row, inspector=self.inspector.verify_key(), signer=self.custodian, now=NOON)

    def refuses(self, row: QuarantineKey) -> None:
        with self.database.transaction() as session:
            with pytest.raises(SignatureRefused):
                certify(session, row, inspector=self.inspector.verify_key(), signer=self.custodian, now=NOON)
            assert row.custodian_signature is None

    def today(self, now: datetime = NOON) -> QuarantineKey:
        with self.database.reading() as session:
            found = key_of_the_day(session, self.custodian.verify_key(), now=now)
            return session.get_one(QuarantineKey, found.id)

    def change(self, key_id: str, **values: object) -> None:
        with self.database.transaction() as session:
            row = session.get_one(QuarantineKey, key_id)
            for name, value in values.items():
                setattr(row, name, value)

    def retire(self, now: datetime) -> list[str]:
        with self.database.transaction() as session:
            return self.keys.retire(session, now=now)

    def shred(self, now: datetime = NOON) -> list[str]:
        with self.database.reading() as session:
            return list(self.keys.shred(session, now=now))

    def files(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()}


@pytest.fixture
def house(database: Database, tmp_path: Path) -> House:
    return House(database, tmp_path / "quarantine")


def test_the_keys_of_today_and_tomorrow_are_made_once(house: House) -> None:
    assert (house.prepare(), house.prepare(), house.prepare(NOON + DAY)) == (2, 0, 1)
    assert len(house.files()) == 3


def test_a_key_serves_only_once_it_is_certified(house: House) -> None:
    house.prepare()
    with pytest.raises(QuarantineKeyMissing):
        house.today()
    house.certify()
    row = house.today()
    assert row.day == NOON.date()
    assert house.keys.private(row.id).public().raw == row.public


def test_yesterdays_key_serves_until_todays_is_certified_and_no_longer(house: House) -> None:
    house.prepare(NOON - DAY)
    house.certify()
    with house.database.transaction() as session:
        for row in session.scalars(select(QuarantineKey).where(QuarantineKey.day == NOON.date())):
            row.custodian_signature = None
    assert house.today().day == (NOON - DAY).date()
    with pytest.raises(QuarantineKeyMissing):
        house.today(NOON + DAY)


def test_a_quarantine_key_row_that_nobody_signed_is_not_certified(house: House) -> None:
    stranger = PrivateKey.generate().public().raw
    row = QuarantineKey(id=new_id(), day=NOON.date(), public=stranger, inspector_signature=b"\0" * 64, created_at=NOON)
    house.refuses(row)


def test_a_quarantine_key_row_that_somebody_else_signed_is_not_certified(house: House) -> None:
    row = QuarantineKey(id=new_id(), day=NOON.date(), public=PrivateKey.generate().public().raw, created_at=NOON)
    row.inspector_signature = SigningKey.generate().sign("quarantine-key", row.statement())
    house.refuses(row)


def test_nothing_is_sealed_to_a_swapped_quarantine_public_key(house: House) -> None:
    house.prepare()
    house.certify()
    row = house.today()
    house.change(row.id, public=PrivateKey.generate().public().raw)
    with pytest.raises(QuarantineKeyMissing):
        house.today()


def test_a_certified_key_of_another_day_does_not_serve_as_todays(house: House) -> None:
    house.prepare(NOON - 10 * DAY)
    house.certify()
    with house.database.reading() as session:
        old = session.scalars(select(QuarantineKey)).first()
    assert old is not None
    house.change(old.id, day=NOON.date())
    with pytest.raises(QuarantineKeyMissing):
        house.today()


def test_an_upload_stops_when_the_only_key_was_swapped(sqlite_database: Database, tmp_path: Path) -> None:
    world = a_world(sqlite_database, LocalBlobStore(tmp_path / "blobs"))
    upload = world.begin(length=8)
    with sqlite_database.transaction() as session:
        session.get_one(QuarantineKey, world.keys.quarantine_id).public = PrivateKey.generate().public().raw
    before = world.blob_names()
    with pytest.raises(QuarantineKeyMissing):
        world.intake.append(visit_id=world.visit_id, upload_id=upload, offset=0, body=[b"12345678"])
    assert world.blob_names() == before


def test_keys_of_today_and_yesterday_are_never_retired(house: House) -> None:
    house.prepare(NOON - DAY)
    assert house.retire(NOON) == []


def test_an_old_key_is_retired_first_and_then_shredded(house: House) -> None:
    house.prepare(NOON - 3 * DAY)
    before = house.files()
    retired = house.retire(NOON)
    assert len(retired) == 2
    assert house.files() == before  # only after the commit
    assert sorted(house.shred()) == sorted(retired)
    assert house.files() == set()
    for key_id in retired:
        with pytest.raises(QuarantineKeyGone):
            house.keys.private(key_id)
    with house.database.reading() as session:
        found = session.scalars(select(AuditEvent.subject_id).where(AuditEvent.event == DESTROYED)).all()
    assert sorted(found) == sorted(retired)


DESTROYED = Event.INSPECTOR_QUARANTINE_KEY_DESTROYED.value


def test_a_retirement_that_is_rolled_back_shreds_nothing(house: House) -> None:
    house.prepare(NOON - 3 * DAY)
    with house.database.engine.connect() as connection, Session(connection) as session:
        assert len(house.keys.retire(session, now=NOON)) == 2
        session.rollback()
    assert house.shred() == []
    assert len(house.files()) == 2


def test_a_crash_between_retiring_and_shredding_is_made_up_for(house: House) -> None:
    house.prepare(NOON - 3 * DAY)
    retired = house.retire(NOON)
    again = House.__new__(House)
    again.__dict__.update(house.__dict__)
    again.keys = QuarantineKeys(house.folder, house.inspector)  # the next life of the worker
    assert again.retire(NOON) == []
    assert sorted(again.shred()) == sorted(retired)
    assert again.shred() == []


@pytest.fixture
def needed(sqlite_database: Database, tmp_path: Path) -> tuple[House, str]:
    """A house whose key of today an acknowledged slice needs."""
    house = House(sqlite_database, tmp_path / "quarantine")
    world = a_world(sqlite_database, LocalBlobStore(tmp_path / "blobs"))
    world.begin(length=8)
    key_id = world.keys.quarantine_id
    (house.folder / key_id).touch(mode=0o600)
    return house, key_id


def test_a_key_that_a_slice_needs_is_not_retired_however_old(needed: tuple[House, str]) -> None:
    house, key_id = needed
    with house.database.transaction() as session:
        later = session.get_one(QuarantineKey, key_id)
        now = datetime.combine(later.day, NOON.timetz()) + 30 * DAY
    assert house.retire(now) == []
    with house.database.transaction() as session:
        session.query(Slice).delete()
    assert house.retire(now) == [key_id]


def test_a_forged_retirement_does_not_destroy_what_was_received(needed: tuple[House, str]) -> None:
    house, key_id = needed
    house.change(key_id, destroyed_at=NOON)
    assert house.shred() == []
    assert key_id in house.files()


def test_a_key_whose_row_was_never_committed_goes_after_thirty_days(house: House) -> None:
    class Torn(Exception):
        pass

    later = datetime.now(UTC)
    house.prepare()

    def torn() -> None:
        with house.database.transaction() as session:
            house.keys.prepare(session, now=later + 10 * DAY)
            raise Torn

    with pytest.raises(Torn):
        torn()
    left = house.files()
    assert house.shred(later + 29 * DAY) == []
    torn_keys = house.shred(later + 31 * DAY)
    assert torn_keys
    assert house.files() == left - set(torn_keys)
    assert len(house.files()) == 2


def test_a_slice_is_not_acknowledged_under_a_retired_key(house: House) -> None:
    house.prepare(NOON - 3 * DAY)
    (first, *_rest) = house.retire(NOON)
    with house.database.transaction() as session:
        assert not still_open(session, first)
        assert not still_open(session, new_id())


@pytest.mark.parametrize("key_id", ["", "../escape", "a/b", "é" * 32, "a.b"])
def test_a_key_id_that_is_a_path_opens_no_file(house: House, key_id: str) -> None:
    with pytest.raises(QuarantineKeyGone):
        house.keys.private(key_id)
