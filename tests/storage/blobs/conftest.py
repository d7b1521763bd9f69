"""The stores under test, and what the tests of both need."""

from pathlib import Path

import pytest

from storage.blobs import BlobStore, LocalBlobStore
from storage.blobs.s3 import S3BlobStore


@pytest.fixture
def local_store(tmp_path: Path) -> LocalBlobStore:
    """An empty folder store, ready."""
    store = LocalBlobStore(tmp_path / "blobs")
    store.check()
    return store


@pytest.fixture
def s3_store(s3_bucket) -> S3BlobStore:
    """A store in a fresh bucket of the real S3 server."""
    return S3BlobStore(
        bucket=s3_bucket.name,
        endpoint_url=s3_bucket.endpoint_url,
        region=s3_bucket.region,
        access_key=s3_bucket.access_key,
        secret_key=s3_bucket.secret_key,
        prefix="vault",
    )


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.services)])
def store(request: pytest.FixtureRequest) -> BlobStore:
    """Every kind of store in turn."""
    return request.getfixturevalue(f"{request.param}_store")
