"""Immutable objects of sealed bytes: one protocol, kept in a local folder or in an S3 bucket."""

from storage.blobs.local import LocalBlobStore
from storage.blobs.protocol import (
    BlobDamaged,
    BlobError,
    BlobExists,
    BlobMissing,
    BlobNameRefused,
    BlobStore,
    BlobStoreFull,
    BlobStoreUnavailable,
    Chunk,
)

__all__ = [
    "BlobDamaged",
    "BlobError",
    "BlobExists",
    "BlobMissing",
    "BlobNameRefused",
    "BlobStore",
    "BlobStoreFull",
    "BlobStoreUnavailable",
    "Chunk",
    "LocalBlobStore",
]
