"""Root keys in AWS KMS: the root stays in the service, and each secret carries a data key only it opens.

Each secret gets a data key of its own (`GenerateDataKey` with the encryption context organization + case, which the
service binds as associated data and shows in its log: identifiers only). Sealed: version[1] || length[2] || wrapped
data key || aead. The only module beside the S3 store that knows boto3.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from storage.keyring.errors import (
    KeyringError,
    KeyringUnavailable,
    OpeningRefused,
    RootMissing,
    RootRefused,
)
from storage.keyring.protocol import associated_data, checked_plaintext, full_context
from storage.sealing import aead
from storage.sealing.errors import SealingError
from storage.sealing.keymaterial import KEY

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

_VERSION = b"\x01"
_CONNECT_SECONDS = 3
_READ_SECONDS = 5
_ATTEMPTS = 3
_MAX_WRAPPED = 6144  # "CiphertextBlob: maximum length of 6144" (KMS API reference)

_REFUSALS: dict[str, type[KeyringError]] = {
    "NotFoundException": RootMissing,
    "InvalidCiphertextException": OpeningRefused,
    "IncorrectKeyException": OpeningRefused,
}
_PASSING = frozenset(
    {
        "DependencyTimeoutException",
        "KMSInternalException",
        "KeyUnavailableException",
        "RequestTimeout",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingException",
    }
)

_Answer = TypeVar("_Answer")


class KmsKeyring:
    """The keyring of AWS KMS. One client for the life of the process; made before threads start."""

    def __init__(self, client: "KMSClient", key_id: str) -> None:
        self._client = client
        self._key_id = key_id

    @classmethod
    def connect(cls, *, key_id: str, region: str, endpoint_url: str | None = None) -> "KmsKeyring":
        """Return a keyring over the symmetric key `key_id` (id, ARN or alias); nothing is asked of the service yet.

        A call takes at most 3 attempts of 3 s to connect and 5 s to answer. Credentials come from the environment of
        boto3.
        """
        config = Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            retries={"total_max_attempts": _ATTEMPTS, "mode": "standard"},
        )
        return cls(boto3.client("kms", region_name=region, endpoint_url=endpoint_url, config=config), key_id)

    def mint(self, org_id: str) -> None:
        """Prove that the root key is there, switched on and ours to use for this organization."""
        wrapped = self._data_key(full_context(org_id, {"use": "mint"}))[1]
        self._unwrap(wrapped, full_context(org_id, {"use": "mint"}))

    def rotate(self, org_id: str) -> None:
        """Give the root key new material; it serves every organization under this key id. KMS limits how often."""
        full_context(org_id, {"use": "rotate"})
        _asked(lambda: self._client.rotate_key_on_demand(KeyId=self._key_id))

    def seal(self, org_id: str, plaintext: bytes, context: Mapping[str, str]) -> bytes:
        """Seal under a fresh data key of the root key."""
        whole = full_context(org_id, context)
        data_key, wrapped = self._data_key(whole)
        prefix = _VERSION + len(wrapped).to_bytes(2, "big") + wrapped
        return prefix + aead.seal(data_key, checked_plaintext(plaintext), prefix + associated_data(whole))

    def open(self, org_id: str, sealed: bytes, context: Mapping[str, str]) -> bytes:
        """Let the service open the data key, for exactly this context, then open the secret with it."""
        whole = full_context(org_id, context)
        end = 3 + int.from_bytes(sealed[1:3], "big")
        if not sealed.startswith(_VERSION) or len(sealed) < end + aead.OVERHEAD:
            raise OpeningRefused("not sealed by this keyring")
        try:
            data_key = self._unwrap(sealed[3:end], whole)
            return aead.open_sealed(data_key, sealed[end:], sealed[:end] + associated_data(whole))
        except SealingError:
            raise OpeningRefused("altered, or sealed for another place") from None

    def _data_key(self, context: Mapping[str, str]) -> tuple[bytes, bytes]:
        answer = _asked(
            lambda: self._client.generate_data_key(
                KeyId=self._key_id, NumberOfBytes=KEY, EncryptionContext=dict(context)
            )
        )
        key, wrapped = answer["Plaintext"], answer["CiphertextBlob"]
        if len(key) != KEY or not 0 < len(wrapped) <= _MAX_WRAPPED:
            raise KeyringUnavailable("the key service gave no usable data key")
        return key, wrapped

    def _unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        answer = _asked(
            lambda: self._client.decrypt(CiphertextBlob=wrapped, KeyId=self._key_id, EncryptionContext=dict(context))
        )
        return answer["Plaintext"]


def _asked(call: Callable[[], _Answer]) -> _Answer:
    try:
        return call()
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        refusal = KeyringUnavailable if code in _PASSING else _REFUSALS.get(code, RootRefused)
        raise refusal(f"the key service answered {code}") from None
    except BotoCoreError as error:
        raise KeyringUnavailable(f"the key service could not be asked: {type(error).__name__}") from None
