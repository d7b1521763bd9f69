"""Checkpoints: the published example of the format, and every forgery refused."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.checkpoints import CheckpointSigner, fingerprint, key_id, origin_of, verifier_key, verify_checkpoint
from audit.errors import CheckpointRefused

KEY = bytes(range(32))
ROOT = bytes(range(100, 132))


def a_signer(key=KEY, **more):
    return CheckpointSigner("resguardo", key, **more)


def test_a_checkpoint_says_origin_size_and_root():
    note = a_signer().sign("acme", 7, ROOT)
    assert note.startswith(f"resguardo/acme\n7\n{base64.b64encode(ROOT).decode()}\n\n— resguardo/acme ")
    checkpoint = verify_checkpoint(note, "resguardo/acme", a_signer().public)
    assert (checkpoint.origin, checkpoint.size, checkpoint.root) == (origin_of("acme"), 7, ROOT)


def test_the_key_id_and_signature_are_those_of_the_format():
    # PeterNeumann is the key that the Go implementation of signed notes publishes with its example
    name, public = "PeterNeumann", base64.b64decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")[1:]
    assert verifier_key(name, public) == "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    assert key_id(name, public).hex() == "c74f20a3"


def test_a_fingerprint_is_the_hash_of_the_key():
    assert len(fingerprint(a_signer().public)) == 64


def test_signatures_of_others_are_ignored():
    witness = a_signer(bytes(32)).sign("acme", 7, ROOT).splitlines()[-1]
    note = a_signer().sign("acme", 7, ROOT) + witness + "\n"
    assert verify_checkpoint(note, "resguardo/acme", a_signer().public).size == 7
    foreign = note.replace("— resguardo/acme", "— witness.example/w", 1)
    with pytest.raises(CheckpointRefused, match="not signed"):
        verify_checkpoint(foreign, "resguardo/acme", a_signer().public)


def test_a_former_key_is_believed_only_when_told():
    old, new = a_signer(), a_signer(bytes(32), former=[a_signer().public])
    note = old.sign("acme", 7, ROOT)
    assert verify_checkpoint(note, "resguardo/acme", *new.trusted).size == 7
    with pytest.raises(CheckpointRefused):
        verify_checkpoint(note, "resguardo/acme", new.public)


def forged_signature(note):
    signature = note.split()[-1]
    raw = bytearray(base64.b64decode(signature))
    raw[-1] ^= 1
    return note.replace(signature, base64.b64encode(raw).decode())


GOOD = a_signer().sign("acme", 7, ROOT)


@pytest.mark.parametrize(
    "note",
    [
        GOOD.replace("\n7\n", "\n8\n"),
        GOOD.replace("\n7\n", "\n07\n"),
        GOOD.replace("\n7\n", "\n-7\n"),
        GOOD.replace("\n7\n", "\n7\nextension\n"),
        GOOD.replace("acme\n7", "other\n7"),
        GOOD.replace("acme", "other"),
        GOOD.replace(base64.b64encode(ROOT).decode(), base64.b64encode(bytes(32)).decode()),
        GOOD.replace("—", "-"),
        GOOD.replace("\n", "\r\n"),
        GOOD.rstrip("\n"),
        GOOD + "\n",
        GOOD + "rest",
        GOOD + GOOD.splitlines()[-1] * 2 + "\n",
        GOOD + (GOOD.splitlines()[-1] + "\n") * 16,
        forged_signature(GOOD),
        GOOD + forged_signature(GOOD).splitlines()[-1] + "\n",
        "",
        "\n\n",
        "x" * 70_000,
    ],
)
def test_a_changed_checkpoint_is_refused(note):
    with pytest.raises(CheckpointRefused):
        verify_checkpoint(note, "resguardo/acme", a_signer().public)


def test_a_stranger_cannot_sign():
    stranger = Ed25519PrivateKey.generate().private_bytes_raw()
    with pytest.raises(CheckpointRefused):
        verify_checkpoint(a_signer(stranger).sign("acme", 7, ROOT), "resguardo/acme", a_signer().public)


def test_no_origin_can_break_the_lines():
    for org_id in ("acme\n9", "a+b", "a b"):
        with pytest.raises(CheckpointRefused):
            a_signer().sign(org_id, 7, ROOT)
