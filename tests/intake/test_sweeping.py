"""The sweep: what ended uploads leave behind goes, what anybody may still need stays."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from intake.sweeping import drop_slices, sweep
from records.uploads import Slice, Upload, UploadState
from storage.blobs import LocalBlobStore
from storage.database import Database
from tests.intake.building import World, a_world


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return a_world(database, LocalBlobStore(tmp_path / "blobs"))


def slices(world: World) -> int:
    with world.database.reading() as session:
        return session.scalar(select(func.count()).select_from(Slice)) or 0


def test_slices_of_a_terminated_upload_go_and_those_of_others_stay(world: World) -> None:
    ended, receiving, finished = (world.begin(slot=number, length=8) for number in range(3))
    for upload, data in ((ended, b"gone"), (receiving, b"half"), (finished, b"complete")):
        world.intake.append(visit_id=world.visit_id, upload_id=upload, offset=0, body=[data])
    world.intake.terminate(visit_id=world.visit_id, upload_id=ended)
    swept = sweep(world.database, world.blobs, now=world.clock.now)
    assert (swept.expired, swept.slices, swept.orphans) == (0, 2, 0)
    assert slices(world) == len(world.blob_names()) == 4
    assert world.content(finished) == b"complete"
    assert world.content(receiving) == b"half"


def test_an_upload_ends_after_a_day_and_its_slices_go(world: World) -> None:
    upload = world.begin(length=10)
    world.intake.append(visit_id=world.visit_id, upload_id=upload, offset=0, body=[b"half"])
    assert sweep(world.database, world.blobs, now=world.clock.now + timedelta(hours=23)).expired == 0
    assert sweep(world.database, world.blobs, now=world.clock.now + timedelta(hours=25)).expired == 1
    assert world.blob_names() == []
    with world.database.reading() as session:
        assert session.get_one(Upload, upload).state == UploadState.ENDED


def test_an_orphan_goes_only_when_it_is_old(world: World) -> None:
    young = f"slices/{world.clock.now:%Y%m%d%H}/{'a' * 32}"
    old = f"slices/{world.clock.now - timedelta(hours=30):%Y%m%d%H}/{'b' * 32}"
    torn = f"docs/{world.clock.now - timedelta(days=3):%Y%m%d}/{'c' * 32}"
    being_filed = f"docs/{world.clock.now:%Y%m%d}/{'d' * 32}"
    foreign = f"docs/{'e' * 32}"
    for name in (young, old, torn, being_filed, foreign):
        world.blobs.put(name, [b"sealed"])
    assert sweep(world.database, world.blobs, now=world.clock.now).orphans == 2
    assert world.blob_names() == sorted([young, being_filed, foreign])


def test_a_sweep_of_a_clean_house_does_nothing(world: World) -> None:
    upload = world.begin(length=4)
    world.intake.append(visit_id=world.visit_id, upload_id=upload, offset=0, body=[b"data"])
    assert sweep(world.database, world.blobs, now=world.clock.now + timedelta(days=3)).slices == 0
    assert drop_slices(world.database, world.blobs, upload) == 2
    assert world.blob_names() == []
