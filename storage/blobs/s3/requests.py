"""One S3 client of this process, made when first needed; requests tried again until a deadline, errors as BlobError."""

import copy
import random
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import boto3.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError, SSLError
from botocore.exceptions import ConnectionError as NotConnected
from botocore.parsers import ResponseParserError

from storage.blobs.protocol import (
    BlobDamaged,
    BlobError,
    BlobExists,
    BlobMissing,
    BlobStoreFull,
    BlobStoreUnavailable,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONNECT_TIMEOUT = 5
READ_TIMEOUT = 30
"""Seconds of silence before an attempt counts as failed."""

_T = TypeVar("_T")


class Requests:
    """The way to one S3 server. Shared by threads; the client is made once, when first needed."""

    def __init__(
        self, *, region: str, endpoint_url: str | None, access_key: str | None, secret_key: str | None, patience: float
    ) -> None:
        """Remember how to connect, and the seconds for which a failing request is tried again."""
        self._region = region
        self._endpoint_url = endpoint_url
        self._keys = (access_key, secret_key)
        self._patience = patience
        self._lock = threading.Lock()
        self._made: S3Client | None = None

    def tried(self, request: "Callable[[S3Client], _T]") -> _T:
        """Send a request until it is answered for good or patience ends. Raises BlobError.

        A request may take effect although its answer is lost: sent again, it then meets its own object.
        """
        deadline = time.monotonic() + self._patience
        pause = 0.1
        while True:
            try:
                return request(self._client())
            except (BotoCoreError, ClientError) as error:
                failure, passing = failure_of(error)
                if not passing or time.monotonic() + pause > deadline:
                    raise failure from error
            time.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 (spreads retries, hides nothing)
            pause = min(pause * 2, 2.0)

    def within(self, patience: float) -> "Requests":
        """Return the same way with another patience, over the same client."""
        self._client()
        other = copy.copy(self)
        other._patience = patience
        return other

    def once(self, request: "Callable[[S3Client], _T]") -> _T:
        """Send a request a single time. Raises BlobError."""
        try:
            return request(self._client())
        except (BotoCoreError, ClientError) as error:
            raise failure_of(error)[0] from error

    def _client(self) -> "S3Client":
        with self._lock:
            if self._made is None:
                self._made = self._make_client()
            return self._made

    def _make_client(self) -> "S3Client":
        plain = (self._endpoint_url or "https:").startswith("http:")
        config = Config(
            signature_version="s3v4",
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT,
            max_pool_connections=64,
            retries={"total_max_attempts": 1, "mode": "standard"},
            # Our own SHA-256 travels in a signed header: signing the body again would only hash it twice.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": "path" if self._endpoint_url else "auto", "payload_signing_enabled": plain},
        )
        access_key, secret_key = self._keys
        return boto3.session.Session().client(
            "s3",
            region_name=self._region,
            endpoint_url=self._endpoint_url,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            config=config,
        )


def failure_of(error: BotoCoreError | ClientError) -> tuple[BlobError, bool]:
    """Return what an error means, and whether it may pass. Whatever is not known here is final and unavailable."""
    if not isinstance(error, ClientError):
        connection = isinstance(error, (NotConnected, HTTPClientError, IncompleteReadError, ResponseParserError))
        return BlobStoreUnavailable(type(error).__name__), connection and not isinstance(error, SSLError)
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    match code, status:
        case ("NoSuchBucket" | "NoSuchUpload", _):
            return BlobStoreUnavailable(code), False
        case (_, 404):
            return BlobMissing(), False
        case ("PreconditionFailed", _) | (_, 412):
            return BlobExists(), False
        case (_, 416):
            return BlobDamaged(), False
        case ("BadDigest" | "XAmzContentChecksumMismatch" | "XAmzContentSHA256Mismatch" | "IncompleteBody", _):
            return BlobDamaged(), True
        case (_, 507) | ("InsufficientStorage" | "QuotaExceeded" | "XMinioStorageFull", _):
            return BlobStoreFull(), False
        case (_, 409 | 429) | ("SlowDown" | "Throttling" | "RequestTimeout" | "InternalError", _):
            return BlobStoreUnavailable(code), True
        case _:
            return BlobStoreUnavailable(code or str(status)), status >= 500
