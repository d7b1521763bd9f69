"""A company whose customer sent three documents, one of them from two photos."""

import hashlib
from pathlib import Path

import pytest

from records.receipts.entries import SentPhoto
from sandbox.tsa.authority import Authority
from storage.blobs.local import LocalBlobStore
from storage.database import Database
from tests.records.exporting.casting import a_company
from tests.records.receipts.acknowledging import Counter

FILES = [b"\xff\xd8\xff front", b"\xff\xd8\xff back", b"%PDF-1.7 assembled"]
PHOTOS = [b"\xff\xd8\xff page one", b"\xff\xd8\xff page two"]
NAME = "CANARY Ana Prueba.jpg"


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.at(tmp_path_factory.mktemp("authority") / "tsa")


@pytest.fixture
def counter(sqlite_database: Database, tmp_path: Path, authority: Authority) -> Counter:
    return a_counter(sqlite_database, tmp_path, authority)


def a_counter(database: Database, folder: Path, authority: Authority) -> Counter:
    """Three documents are filed."""
    blobs = LocalBlobStore(folder / "blobs")
    blobs.check()
    company = a_company(database, blobs, authority, folder / "roots")
    photos = tuple(SentPhoto(sha256=hashlib.sha256(one).digest(), size=len(one)) for one in PHOTOS)
    company.file(0, NAME, FILES[0])
    company.file(1, NAME, FILES[1])
    company.file(2, NAME, FILES[2], "application/pdf", photos=photos)
    return Counter(company=company)
