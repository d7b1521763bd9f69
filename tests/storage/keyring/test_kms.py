import json
import socket
import time
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from storage.keyring.errors import KeyringError, KeyringUnavailable, OpeningRefused, RootMissing, RootRefused
from storage.keyring.kms import KmsKeyring

REGION = "us-east-1"
CASE = {"case": "c1"}


def test_the_service_is_told_organization_and_case(kms: KmsKeyring, key_id: str) -> None:
    sealed = kms.seal("org1", b"x", CASE)
    wrapped = sealed[3 : 3 + int.from_bytes(sealed[1:3], "big")]
    client = boto3.client("kms", region_name=REGION)
    client.decrypt(CiphertextBlob=wrapped, KeyId=key_id, EncryptionContext={"org": "org1", "case": "c1"})
    with pytest.raises(client.exceptions.InvalidCiphertextException):
        client.decrypt(CiphertextBlob=wrapped, KeyId=key_id, EncryptionContext={"org": "org1"})


def test_a_missing_key_is_told_from_one_that_is_switched_off(kms: KmsKeyring, key_id: str) -> None:
    with pytest.raises(RootMissing):
        KmsKeyring.connect(key_id="11111111-2222-3333-4444-555555555555", region=REGION).mint("org1")
    boto3.client("kms", region_name=REGION).disable_key(KeyId=key_id)
    with pytest.raises(KeyringError):
        KmsKeyring.connect(key_id="alias/none", region=REGION).mint("org1")


def test_what_another_key_sealed_is_refused(kms: KmsKeyring) -> None:
    other = boto3.client("kms", region_name=REGION).create_key()["KeyMetadata"]["KeyId"]
    with pytest.raises(KeyringError):
        KmsKeyring.connect(key_id=other, region=REGION).open("org1", kms.seal("org1", b"x", CASE), CASE)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("ThrottlingException", KeyringUnavailable),
        ("KMSInternalException", KeyringUnavailable),
        ("DependencyTimeoutException", KeyringUnavailable),
        ("AccessDeniedException", RootRefused),
        ("DisabledException", RootRefused),
        ("KMSInvalidStateException", RootRefused),
        ("SomethingNew", RootRefused),
        ("NotFoundException", RootMissing),
        ("InvalidCiphertextException", OpeningRefused),
    ],
)
def test_every_answer_of_the_service_has_a_meaning(key_id: str, code: str, error: type[KeyringError]) -> None:
    client = boto3.client("kms", region_name=REGION)
    with Stubber(client) as stubber:
        stubber.add_client_error("generate_data_key", code, "a message with an account id")
        with pytest.raises(error) as raised:
            KmsKeyring(client, key_id).seal("org1", b"x", CASE)
    assert "account" not in str(raised.value)


@pytest.mark.parametrize(
    "answer", [{"Plaintext": bytes(16), "CiphertextBlob": b"w"}, {"Plaintext": b"", "CiphertextBlob": b""}]
)
def test_an_unusable_data_key_seals_nothing(key_id: str, answer: dict[str, Any]) -> None:
    client = boto3.client("kms", region_name=REGION)
    with Stubber(client) as stubber:
        stubber.add_response("generate_data_key", {**answer, "KeyId": key_id})
        with pytest.raises(KeyringUnavailable):
            KmsKeyring(client, key_id).seal("org1", b"x", CASE)


def test_a_service_that_cannot_be_reached_is_unavailable_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    keyring = KmsKeyring.connect(key_id="k", region=REGION, endpoint_url=f"http://127.0.0.1:{port}")
    started = time.monotonic()
    with pytest.raises(KeyringUnavailable):
        keyring.seal("org1", b"x", CASE)
    assert time.monotonic() - started < 30


def test_a_silent_service_is_not_waited_for_longer_than_seconds(kms: KmsKeyring) -> None:
    config = kms._client.meta.config
    assert config.connect_timeout + config.read_timeout <= 8
    assert config.retries["total_max_attempts"] == 3


def test_no_secret_is_in_the_request_to_the_service(kms: KmsKeyring, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    kms._client.meta.events.register(
        "before-call.kms", lambda params, **_: sent.append(json.dumps(params["body"].decode()))
    )
    kms.open("org1", kms.seal("org1", b"the private key of a case", CASE), CASE)
    assert len(sent) == 2
    assert not any("private key" in body for body in sent)
