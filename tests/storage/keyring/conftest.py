"""Both keyrings, for the contract suite; AWS KMS is stood in for by moto."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from storage.keyring.kms import KmsKeyring
from storage.keyring.local import LocalKeyring
from storage.keyring.protocol import Keyring

REGION = "us-east-1"


@pytest.fixture
def local(tmp_path: Path) -> LocalKeyring:
    (tmp_path / "roots").mkdir(mode=0o700)
    return LocalKeyring(tmp_path / "roots")


@pytest.fixture
def key_id(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        yield boto3.client("kms", region_name=REGION).create_key()["KeyMetadata"]["KeyId"]


@pytest.fixture
def kms(key_id: str) -> KmsKeyring:
    return KmsKeyring.connect(key_id=key_id, region=REGION)


@pytest.fixture(params=["local", "kms"])
def keyring(request: pytest.FixtureRequest) -> Keyring:
    made: Keyring = request.getfixturevalue(request.param)
    made.mint("org1")
    return made
