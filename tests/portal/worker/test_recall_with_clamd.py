"""A real clamd that learns: filed as clean, recalled in the next round after RELOAD, while readers come and go."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from intake.inspection.chain import Inspector
from intake.inspection.clamav import ClamdScanner
from intake.inspection.sandbox import Sandbox
from storage.blobs import LocalBlobStore
from storage.database import Database
from tests.portal.worker.archive import JPEG, LATER_KNOWN, an_archive
from tests.services.clamd import Clamd, running_clamd


@pytest.fixture
def numbered_clamd() -> Iterator[Clamd]:
    with running_clamd() as clamd:
        clamd.publish(number=101)
        yield clamd


@pytest.mark.services
def test_what_the_next_signatures_know_is_recalled_and_nothing_before(
    sqlite_database: Database, tmp_path: Path, numbered_clamd: Clamd
) -> None:
    with (
        Sandbox(children=1) as sandbox,
        Inspector(scanner=ClamdScanner(str(numbered_clamd.socket)), sandbox=sandbox) as inspector,
    ):
        archive = an_archive(sqlite_database, LocalBlobStore(tmp_path / "blobs"), tmp_path, sandbox, inspector)
        document = archive.file(JPEG)
        assert archive.desk.document(document).signatures == "101"
        assert archive.ask() == []
        for number, knows, state in ((102, (), "filed"), (103, (LATER_KNOWN,), "recalled")):
            numbered_clamd.publish(*knows, number=number)
            assert len(archive.ask()) == len(archive.grant()) == 1
            archive.look()
            row = archive.desk.document(document)
            assert (row.state, row.rescanned_signatures) == (state, str(number))
        assert row.threat == "Local.Late-Marker-1.UNOFFICIAL"
        assert archive.ask() == []
