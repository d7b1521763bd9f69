"""Objects in an S3 bucket, and the only home of boto3 for them."""

from storage.blobs.s3.store import S3BlobStore

__all__ = ["S3BlobStore"]
