"""Opening the store that a setting names: the one place that knows every kind."""

from pathlib import Path
from typing import Any

from storage.blobs.local import LocalBlobStore
from storage.blobs.protocol import BlobStore


def open_store(**place: Any) -> BlobStore:
    """Return the store of `path=` (a folder) or of `bucket=, prefix=, endpoint=, region=, key_id=, secret=`.

    Raises ValueError for anything else. Nothing connects yet.
    """
    match place:
        case {"path": Path() as path}:
            return LocalBlobStore(path)
        case {"bucket": str(bucket), "prefix": str(prefix), "endpoint": endpoint, "region": region, **keys}:
            from storage.blobs.s3 import S3BlobStore  # boto3 costs a second; folders do without

            return S3BlobStore(
                bucket=bucket,
                prefix=prefix,
                region=region or "us-east-1",
                endpoint_url=endpoint,
                access_key=keys.get("key_id"),
                secret_key=keys.get("secret"),
            )
        case _:
            raise ValueError("no blob store of this kind")
