"""What the inspector's rounds remove, and what they never touch."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from intake.inspection.chain import Inspector
from intake.inspection.sandbox import Sandbox
from portal.worker.clearing import prepare_keys, sweep, sweep_leftovers, sweep_orphans
from records.documents import Part, PreviewTask
from records.uploads import QuarantineKey
from storage.blobs import LocalBlobStore
from storage.database import Database
from tests.intake.inspection.documents import a_jpeg
from tests.portal.worker.desk import Desk, a_desk, an_inspector
from tests.services.clamd import Clamd

JPEG = a_jpeg()


@pytest.fixture(scope="module")
def inspector(clamd: Clamd) -> Iterator[Inspector]:
    with Sandbox(children=2) as walls, an_inspector(clamd.socket, walls) as inspector:
        yield inspector


@pytest.fixture
def desk(database: Database, tmp_path: Path, inspector: Inspector) -> Desk:
    return a_desk(database, LocalBlobStore(tmp_path / "blobs"), tmp_path / "quarantine", inspector)


def test_slices_stay_until_the_previews_are_done(desk: Desk) -> None:
    now = desk.world.clock.now
    desk.send(JPEG)
    sweep(desk.tools, now + timedelta(days=30))
    assert desk.slices() == 3, "nothing of a received document goes"
    desk.inspect()
    sweep(desk.tools, now + timedelta(days=30))
    assert desk.slices() == 3, "the pages are still to be drawn"
    desk.preview()
    sweep(desk.tools, now)
    assert desk.slices() == 0
    assert sorted(desk.world.blob_names()) == sorted(part.blob for part in desk.parts().values())


def test_slices_go_when_the_previews_were_given_up(desk: Desk) -> None:
    desk.send(JPEG)
    desk.inspect()
    desk.change(PreviewTask, fingerprint=b"\0" * 32)
    desk.preview()
    sweep(desk.tools, desk.world.clock.now)
    assert desk.slices() == 0
    assert len(desk.vault()) == 2


def test_slices_of_a_refused_document_go_after_three_days(desk: Desk) -> None:
    document = desk.send(b"no document at all")
    desk.inspect()
    judged = desk.document(document).judged_at
    sweep(desk.tools, judged + timedelta(hours=71))
    assert desk.slices() == 3
    sweep(desk.tools, judged + timedelta(hours=73))
    assert desk.slices() == 0
    assert desk.world.blob_names() == []


def test_the_key_of_a_day_goes_with_the_last_slice_that_needs_it(desk: Desk, tmp_path: Path) -> None:
    desk.send(JPEG)
    later = desk.world.clock.now + timedelta(days=4)
    sweep(desk.tools, later)
    assert (tmp_path / "quarantine" / desk.world.keys.quarantine_id).exists()
    desk.inspect()
    desk.preview()
    sweep(desk.tools, later)
    assert not (tmp_path / "quarantine" / desk.world.keys.quarantine_id).exists()


def test_no_round_ever_deletes_what_was_filed(desk: Desk) -> None:
    desk.send(JPEG)
    desk.inspect()
    desk.preview()
    filed = desk.vault()
    for days in (0, 2, 400):
        for each in (sweep, sweep_leftovers, sweep_orphans):
            each(desk.tools, desk.world.clock.now + timedelta(days=days))
    assert desk.vault() == filed
    assert len(filed) == 3


def test_a_database_put_back_to_before_the_filing_costs_no_filed_object(desk: Desk) -> None:
    """The rows of the filing are gone and so are its intents: its objects are not ours to delete."""
    desk.send(JPEG)
    desk.inspect()
    filed = desk.vault()
    with desk.world.database.transaction() as session:
        for table in (PreviewTask, Part):
            session.query(table).delete()
    for each in (sweep, sweep_leftovers, sweep_orphans):
        each(desk.tools, desk.world.clock.now + timedelta(days=30))
    assert desk.vault() == filed


def test_keys_are_prepared_once_for_each_day(desk: Desk) -> None:
    for days in (0, 0, 1):
        prepare_keys(desk.tools, desk.world.clock.now + timedelta(days=days))
    assert len(desk.all(QuarantineKey)) == 3
