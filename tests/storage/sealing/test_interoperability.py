"""What is sealed here opens with independent age implementations, and the other way round."""

import secrets
import shutil
import subprocess
from pathlib import Path

import pyrage
import pytest

from storage.sealing import header as headers
from storage.sealing import stream
from storage.sealing.contexts import DocumentContext
from storage.sealing.seal import seal_bytes
from storage.sealing.unseal import PrivateKey, recover_file_key

SIZES = [0, 1, 65535, 65536, 65537, 131072, 5_000_000]

with_age = pytest.mark.skipif(shutil.which("age") is None, reason="the age command is not installed")


def opened(age_file: bytes, identity: PrivateKey) -> bytes:
    header, payload = headers.split(age_file)
    return b"".join(stream.decrypt([payload], recover_file_key(headers.parse(header), [identity])))


@pytest.mark.parametrize("size", SIZES)
def test_pyrage_opens_what_is_sealed_here(size: int, identity: PrivateKey, context: DocumentContext) -> None:
    plaintext = secrets.token_bytes(size)
    sealed = seal_bytes(plaintext, [identity.public()], context)
    assert (
        pyrage.decrypt(sealed.header + sealed.payload, [pyrage.x25519.Identity.from_str(identity.text())]) == plaintext
    )


@pytest.mark.parametrize("size", SIZES)
def test_what_pyrage_seals_opens_here(size: int, identity: PrivateKey) -> None:
    plaintext = secrets.token_bytes(size)
    recipient = pyrage.x25519.Recipient.from_str(identity.public().text())
    assert opened(pyrage.encrypt(plaintext, [recipient]), identity) == plaintext


def test_both_write_the_same_text_for_a_key() -> None:
    theirs = pyrage.x25519.Identity.generate()
    ours = PrivateKey.from_text(str(theirs))
    assert ours.text() == str(theirs)
    assert ours.public().text() == str(theirs.to_public())


@with_age
@pytest.mark.parametrize("size", SIZES)
def test_the_age_command_opens_what_is_sealed_here(
    size: int, identity: PrivateKey, context: DocumentContext, tmp_path: Path
) -> None:
    plaintext = secrets.token_bytes(size)
    sealed = seal_bytes(plaintext, [PrivateKey.generate().public(), identity.public()], context)
    (tmp_path / "key").write_text(identity.text() + "\n")
    (tmp_path / "document.age").write_bytes(sealed.header + sealed.payload)
    done = subprocess.run(
        ["age", "-d", "-i", tmp_path / "key", tmp_path / "document.age"], capture_output=True, check=True, timeout=60
    )
    assert done.stdout == plaintext


@with_age
@pytest.mark.parametrize("size", SIZES)
def test_what_the_age_command_seals_opens_here(size: int, identity: PrivateKey) -> None:
    plaintext = secrets.token_bytes(size)
    done = subprocess.run(
        ["age", "-r", identity.public().text()], input=plaintext, capture_output=True, check=True, timeout=60
    )
    assert opened(done.stdout, identity) == plaintext
