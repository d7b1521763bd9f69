"""The sweep: what ended uploads leave behind goes, what anybody may still need stays."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from intake import intents
from intake.sweeping import drop_slices, sweep, sweep_orphans
from records.documents import Document, Part
from records.uploads import Slice, Upload, UploadState
from storage.blobs import LocalBlobStore
from storage.database import Database
from tests.intake.building import World, a_world
from tests.services.models import load_models


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
    assert (swept.expired, swept.slices, swept.torn) == (0, 2, 0)
    assert (slices(world), len(world.blob_names())) == (4, 2)
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
    foreign = f"slices/{'e' * 32}"
    for name in (young, old, foreign):
        world.blobs.put(name, [b"sealed"])
    living = world.begin(length=4)
    assert sweep_orphans(world.database, world.blobs, now=world.clock.now) == 1
    assert set(world.blob_names()) >= {young, foreign}
    assert sweep_orphans(world.database, world.blobs, now=world.clock.now + timedelta(days=3)) == 1
    assert world.declared(living)["name"] == "ine.jpg"


def test_what_a_crash_cut_off_goes_from_the_folder(world: World, tmp_path: Path) -> None:
    cut_off, being_written = (tmp_path / "blobs" / "incoming" / name for name in ("a" * 32, "b" * 32))
    for path in (cut_off, being_written):
        path.write_bytes(b"half")
    os.utime(cut_off, (0, 0))
    world.begin()
    sweep_orphans(world.database, world.blobs, now=world.clock.now)
    assert (cut_off.exists(), being_written.exists()) == (False, True)


def part_of_a_document(world: World, blob: str) -> None:
    """A part whose row a crash kept and whose intent it left: both orders of the two must be harmless."""
    upload = world.begin(slot=1, length=4)
    world.intake.append(visit_id=world.visit_id, upload_id=upload, offset=0, body=[b"data"])
    with world.database.transaction() as session:
        document = session.scalars(select(Document)).one()
        session.add(
            Part(
                org_id=document.org_id,
                case_id=document.case_id,
                document_id=document.id,
                name="original",
                blob=blob,
                header=b"h",
                header_sha256="0" * 64,
                payload_sha256="0" * 64,
                payload_size=6,
                mime="image/jpeg",
                finding="clean",
                engine="e",
                signatures="s",
                attestation=b"a",
            )
        )


def test_a_torn_filing_goes_when_it_is_old_and_a_part_never_does(world: World) -> None:
    torn, filed = intents.noted(world.database, count=2, now=world.clock.now)
    for name in (torn, filed):
        world.blobs.put(name, [b"sealed"])
    part_of_a_document(world, filed)
    assert sweep(world.database, world.blobs, now=world.clock.now + timedelta(hours=25)).torn == 0
    assert sweep(world.database, world.blobs, now=world.clock.now + timedelta(hours=27)).torn == 1
    assert [name for name in world.blob_names() if name.startswith("docs/")] == [filed]
    assert sweep(world.database, world.blobs, now=world.clock.now + timedelta(hours=28)).torn == 0


def test_an_empty_or_old_database_costs_no_filed_document_and_no_slice(world: World, tmp_path: Path) -> None:
    names = [f"docs/20200101/{'a' * 32}", f"slices/2020010112/{'b' * 32}"]
    for name in names:
        world.blobs.put(name, [b"sealed"])
    empty = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    try:
        load_models().metadata.create_all(empty.engine)
        sweep(empty, world.blobs, now=world.clock.now)
        assert sweep_orphans(empty, world.blobs, now=world.clock.now) == 0
    finally:
        empty.dispose()
    sweep(world.database, world.blobs, now=world.clock.now)
    assert set(names) <= set(world.blob_names())


def test_a_sweep_of_a_clean_house_does_nothing(world: World) -> None:
    upload = world.begin(length=4)
    world.intake.append(visit_id=world.visit_id, upload_id=upload, offset=0, body=[b"data"])
    assert sweep(world.database, world.blobs, now=world.clock.now + timedelta(days=3)).slices == 0
    assert drop_slices(world.database, world.blobs, upload) == 2
    assert world.blob_names() == []
