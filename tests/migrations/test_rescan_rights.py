"""A re-scan from end to end on PostgreSQL, custodian and inspector each with no more than its own rights."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from intake.inspection.sandbox import Sandbox
from migrations.rights import group
from portal.worker.ticketing import sweep
from records.messages import Message
from records.requests import DocumentRequest, SendMode
from records.rescans import KEPT, Rescan
from storage.blobs import LocalBlobStore
from storage.database import Database, utcnow
from tests.portal.worker.archive import LATER_KNOWN, an_archive
from tests.services.postgres import Postgres

As = Callable[[str], Database]


@pytest.fixture
def migrated(postgres: Postgres, migrated_template: str) -> Iterator[As]:
    """A migrated database as its owner ("") or as one process."""
    name = postgres.create(template=migrated_template)
    made = []

    def connect(process: str) -> Database:
        url = make_url(postgres.url(name))
        if process:
            url = url.update_query_dict({"options": f"-c role={group(process)}"})
        made.append(Database(url.render_as_string(hide_password=False)))
        return made[-1]

    yield connect
    for database in made:
        database.dispose()
    postgres.drop(name)


def test_custodian_and_inspector_have_the_rights_to_recall_and_need_no_others(migrated: As, tmp_path: Path) -> None:
    with Sandbox(children=1) as sandbox:
        archive = an_archive(migrated(""), LocalBlobStore(tmp_path / "blobs"), tmp_path, sandbox)
        archive.desk.change(DocumentRequest, send_mode=SendMode.AUTO)
        clean, bad = archive.file(), archive.file()
        archive.desk.tools = dataclasses.replace(archive.desk.tools, database=migrated("inspector"))
        custodian = migrated("custodian")
        archive.newer()
        assert len(archive.ask()) == 2
        assert len(archive.grant(database=custodian)) == 2
        archive.look()
        archive.scanner.knows = LATER_KNOWN
        archive.look()
        assert sorted(archive.desk.document(one).state for one in (clean, bad)) == ["filed", "recalled"]
        assert len([one for one in archive.desk.all(Message) if one.purpose == "returned"]) == 1
        sweep(dataclasses.replace(archive.custodian, database=custodian), utcnow() + KEPT * 2)
        assert archive.desk.all(Rescan) == []
