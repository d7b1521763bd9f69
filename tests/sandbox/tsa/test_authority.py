"""The local time-stamp authority speaks RFC 3161 to an independent client."""

import hashlib
import stat
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from sandbox.tsa.app import serving
from sandbox.tsa.authority import Authority

ROOT = hashlib.sha256(b"tree of the day").digest()


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "tsa"


@pytest.fixture(scope="module")
def address(directory: Path) -> Iterator[str]:
    with serving(directory) as url:
        yield url


def stamped(address: str, data: bytes) -> TimeStampResponse:
    query = TimestampRequestBuilder().data(data).hash_algorithm(HashAlgorithm.SHA256).build()
    headers = {"content-type": "application/timestamp-query"}
    answer = httpx.post(address, content=query.as_bytes(), headers=headers, trust_env=False)
    assert answer.headers["content-type"] == "application/timestamp-reply"
    return decode_timestamp_response(answer.content)


def trusted(address: str) -> x509.Certificate:
    with urllib.request.urlopen(address + "/ca.pem") as answer:
        return x509.load_pem_x509_certificate(answer.read())


def test_a_stamp_verifies_against_the_published_certificate(address: str) -> None:
    verifier = VerifierBuilder().add_root_certificate(trusted(address)).build()
    assert verifier.verify_message(stamped(address, ROOT), ROOT)


def test_altered_data_is_refused(address: str) -> None:
    verifier = VerifierBuilder().add_root_certificate(trusted(address)).build()
    with pytest.raises(VerificationError):
        verifier.verify_message(stamped(address, ROOT), ROOT[:-1] + b"\x00")


def test_a_stamp_of_a_foreign_authority_is_refused(address: str, tmp_path: Path) -> None:
    stranger = x509.load_pem_x509_certificate(Authority.at(tmp_path / "other").ca_pem.read_bytes())
    with pytest.raises(VerificationError):
        VerifierBuilder().add_root_certificate(stranger).build().verify_message(stamped(address, ROOT), ROOT)


def test_every_stamp_has_its_own_serial_number(address: str) -> None:
    serials = {stamped(address, ROOT).tst_info.serial_number for _ in range(3)}
    assert len(serials) == 3


def test_a_second_start_keeps_the_authority(directory: Path, address: str) -> None:
    before = (directory / "ca.pem").read_bytes()
    assert Authority.at(directory).ca_pem.read_bytes() == before


def test_keys_are_readable_by_their_owner_only(directory: Path, address: str) -> None:
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(key.stat().st_mode) for key in directory.glob("*.key")} == {0o600}


def test_the_signer_may_stamp_time_and_nothing_else(directory: Path, address: str) -> None:
    signer = x509.load_pem_x509_certificate((directory / "signer.pem").read_bytes())
    usage = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert usage.critical
    assert list(usage.value) == [x509.oid.ExtendedKeyUsageOID.TIME_STAMPING]


def test_a_query_of_another_kind_is_refused(address: str) -> None:
    assert httpx.post(address, content=b"x", trust_env=False).status_code == 415


def test_rubbish_is_rejected_in_the_protocol(address: str) -> None:
    headers = {"content-type": "application/timestamp-query"}
    answer = httpx.post(address, content=b"rubbish", headers=headers, trust_env=False)
    assert decode_timestamp_response(answer.content).status == 2


def test_an_authority_that_could_not_be_made_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Exception, match="openssl"):
        Authority.at(tmp_path / "tsa")
    assert list(tmp_path.iterdir()) == []
