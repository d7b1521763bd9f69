"""Opening the keyring that a setting names: the one place that knows every kind."""

from pathlib import Path
from typing import Any

from storage.keyring.local import LocalKeyring
from storage.keyring.protocol import Keyring


def open_keyring(**place: Any) -> Keyring:
    """Return the keyring of `path=` (a folder) or of `key_id=, region=, endpoint=` (AWS KMS). Raises ValueError."""
    match place:
        case {"path": Path() as path}:
            return LocalKeyring(path)
        case {"key_id": str(key_id), "region": region, "endpoint": endpoint}:
            from storage.keyring.kms import KmsKeyring  # boto3 costs a second; files do without

            return KmsKeyring.connect(key_id=key_id, region=region or "us-east-1", endpoint_url=endpoint)
        case _:
            raise ValueError("no keyring of this kind")
