"""Objects in an S3 bucket: conditional writes, checksums that the server verifies, own retries with a deadline.

Needs If-None-Match on PutObject and CompleteMultipartUpload; `check` refuses a server that overwrites. The credentials
need to get, put, list and delete, and to abort multipart uploads (a lifecycle rule should end those left by crashes).
The bucket is taken to be unversioned: in a versioned one a deleted object remains as an older version.
"""

import base64
import contextlib
import copy
import hashlib
import re
import secrets
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from storage.blobs.protocol import (
    BlobDamaged,
    BlobError,
    BlobExists,
    BlobMissing,
    BlobStoreUnavailable,
    Chunk,
    blocks,
    checked_name,
    checked_prefix,
    checked_range,
    is_name,
)
from storage.blobs.s3.requests import Requests

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef, ListObjectsV2OutputTypeDef

PART = 8 * 1024 * 1024
"""Bytes of one part and of one ranged read; an object up to this size is one request. 10,000 parts are 78 GiB."""

PATIENCE = 45.0
"""Seconds for which a failing request is tried again: a restarted store needs up to 20."""

CHECK_PATIENCE = 3.0
"""Seconds for which a health check tries again: who asks for it asks again soon."""

_WRITER = "writer"
"""Metadata that tells whose object lies under a name, when an answer was lost and the request was sent again."""

_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")  # RFC 9110, 14.4


class S3BlobStore:
    """A BlobStore in one bucket, under one prefix. One a process; its client is made when first needed."""

    def __init__(
        self,
        *,
        bucket: str,
        region: str,
        endpoint_url: str | None = None,
        access_key: str | None = None,
        secret_key: str | None = None,
        prefix: str = "",
        patience: float = PATIENCE,
    ) -> None:
        """Remember the place; nothing connects yet. Without keys, the machine's own role is asked for them."""
        self._bucket = bucket
        self._requests = Requests(
            region=region, endpoint_url=endpoint_url, access_key=access_key, secret_key=secret_key, patience=patience
        )
        self._prefix = f"{checked_name(prefix)}/" if prefix else ""

    def put(self, name: str, chunks: Iterable[Chunk]) -> int:
        """See BlobStore. Each request carries the SHA-256 of its bytes, which the server verifies."""
        key, writer = self._key(name), secrets.token_hex(16)
        parts = blocks(chunks, PART)
        first = bytes(next(parts, b""))
        second = next(parts, None)
        if second is None:
            return self._put_whole(key, writer, first)
        return self._put_parts(key, writer, chain((first, bytes(second)), map(bytes, parts)))

    def read(self, name: str) -> Iterator[bytes]:
        """See BlobStore. Ranged requests, each tried again by itself; all of one version of the object."""
        key = self._key(name)
        try:
            first, size, etag = self._get(key, 0, PART)
        except BlobDamaged:  # an empty object has no range
            if self._size(key):
                raise
            return
        yield first
        for start in range(PART, size, PART):
            yield self._get(key, start, PART, etag)[0]

    def read_range(self, name: str, start: int, length: int) -> bytes:
        """See BlobStore."""
        checked_range(start, length)
        key = self._key(name)
        if length:
            found, _, _ = self._get(key, start, length)
        elif start > self._size(key):
            raise BlobDamaged
        else:
            found = b""
        if len(found) != length:
            raise BlobDamaged
        return found

    def size(self, name: str) -> int:
        """See BlobStore."""
        return self._size(self._key(name))

    def delete(self, name: str) -> None:
        """See BlobStore."""
        self._delete(self._key(name))

    def names(self, prefix: str = "") -> Iterator[str]:
        """See BlobStore. A thousand a request."""
        start = self._prefix + checked_prefix(prefix)
        after = ""
        while True:
            page = self._requests.tried(partial(self._list, start, after))
            keys = [found["Key"] for found in page.get("Contents", [])]
            yield from filter(is_name, (key.removeprefix(self._prefix) for key in keys))
            if not keys or not page["IsTruncated"]:
                return
            after = keys[-1]

    def check(self) -> None:
        """See BlobStore. Also refuses a server that lets a second writer overwrite. Tries for a few seconds only."""
        quick = copy.copy(self)
        quick._requests = self._requests.within(CHECK_PATIENCE)
        quick._probe(f"{self._prefix}.probe/{secrets.token_hex(16)}")  # the dot: no name of an object is like it

    def _probe(self, key: str) -> None:
        try:
            self._put_whole(key, "first", b"probe")
            with contextlib.suppress(BlobExists):
                self._put_whole(key, "second", b"probe")
                raise BlobStoreUnavailable("the store overwrites objects")
            if self._get(key, 0, 5)[0] != b"probe":
                raise BlobStoreUnavailable("the store does not return what was stored")
        except (BlobMissing, BlobDamaged, BlobExists) as error:
            raise BlobStoreUnavailable(error.code) from error
        finally:
            self._delete(key)

    def _delete(self, key: str) -> None:
        with contextlib.suppress(BlobMissing):
            self._requests.tried(lambda s3: s3.delete_object(Bucket=self._bucket, Key=key))

    def _list(self, start: str, after: str, s3: "S3Client") -> "ListObjectsV2OutputTypeDef":
        return s3.list_objects_v2(Bucket=self._bucket, Prefix=start, StartAfter=after)

    def _key(self, untrusted_name: str) -> str:
        return self._prefix + checked_name(untrusted_name)

    def _put_whole(self, key: str, writer: str, body: bytes) -> int:
        checksum = _base64(hashlib.sha256(body).digest())
        try:
            self._requests.tried(
                lambda s3: s3.put_object(
                    Bucket=self._bucket,
                    Key=key,
                    Body=body,
                    IfNoneMatch="*",
                    ChecksumSHA256=checksum,
                    Metadata={_WRITER: writer},
                )
            )
        except BlobExists:
            if not self._is_ours(key, writer, len(body)):
                raise
        return len(body)

    def _put_parts(self, key: str, writer: str, parts: Iterable[bytes]) -> int:
        began = self._requests.tried(
            lambda s3: s3.create_multipart_upload(
                Bucket=self._bucket, Key=key, ChecksumAlgorithm="SHA256", Metadata={_WRITER: writer}
            )
        )
        upload = began["UploadId"]
        try:
            return self._finish(key, writer, upload, parts)
        except BaseException:
            with contextlib.suppress(BlobError):
                self._requests.once(lambda s3: s3.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload))
            raise

    def _finish(self, key: str, writer: str, upload: str, parts: Iterable[bytes]) -> int:
        size = 0
        sent: list[CompletedPartTypeDef] = []
        for number, part in enumerate(parts, start=1):
            size += len(part)
            sent.append(self._send_part(key, upload, number, part))
        try:
            self._requests.tried(
                lambda s3: s3.complete_multipart_upload(
                    Bucket=self._bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": sent}, IfNoneMatch="*"
                )
            )
        except BlobError:
            if not self._is_ours(key, writer, size):
                raise
        else:  # a success may hold an error, or nothing: only what lies under the name counts
            if not self._is_ours(key, writer, size):
                raise BlobStoreUnavailable("completed, and not there")
        return size

    def _send_part(self, key: str, upload: str, number: int, part: bytes) -> "CompletedPartTypeDef":
        checksum = _base64(hashlib.sha256(part).digest())
        reply = self._requests.tried(
            lambda s3: s3.upload_part(
                Bucket=self._bucket, Key=key, UploadId=upload, PartNumber=number, Body=part, ChecksumSHA256=checksum
            )
        )
        return {"ETag": reply["ETag"], "PartNumber": number, "ChecksumSHA256": checksum}

    def _is_ours(self, key: str, writer: str, size: int) -> bool:
        """Look whose object lies under the name, where an answer does not tell. Raises BlobExists when another's."""
        try:
            found = self._requests.tried(lambda s3: s3.head_object(Bucket=self._bucket, Key=key))
        except BlobMissing:
            return False
        if found["Metadata"].get(_WRITER) != writer:
            raise BlobExists
        return found["ContentLength"] == size

    def _size(self, key: str) -> int:
        return self._requests.tried(lambda s3: s3.head_object(Bucket=self._bucket, Key=key))["ContentLength"]

    def _get(self, key: str, start: int, length: int, etag: str | None = None) -> tuple[bytes, int, str]:
        """Return up to `length` bytes, the size of the whole object and its ETag, which must be `etag` when given."""
        condition: dict[str, Any] = {"IfMatch": etag} if etag else {}

        def get(s3: "S3Client") -> tuple[bytes, str, str]:
            span = f"bytes={start}-{start + length - 1}"
            reply = s3.get_object(Bucket=self._bucket, Key=key, Range=span, **condition)
            with contextlib.closing(reply["Body"]) as body:
                return body.read(), reply.get("ContentRange", ""), reply["ETag"]

        try:
            found, content_range, found_etag = self._requests.tried(get)
        except BlobExists:  # the condition failed: another object lies under the name now
            raise BlobDamaged from None
        span = _CONTENT_RANGE.fullmatch(content_range)
        if span is None or int(span[1]) != start or len(found) != min(length, int(span[2]) - start):
            raise BlobDamaged
        return found, int(span[2]), found_etag


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
