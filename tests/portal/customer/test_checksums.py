"""The checksum extension of tus: a body that hashes to something else leaves nothing behind."""

import base64
import hashlib
import secrets
import zlib

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from intake import receiving, slicing
from records.uploads import Slice, Upload, UploadState
from tests.intake.building import MIB, World
from tests.portal.customer.test_tus import BODY, TUS, create, documents, metadata, patch


def said_of(data: bytes, algorithm: str = "sha1") -> dict[str, str]:
    digest = base64.b64encode(hashlib.new(algorithm, data).digest()).decode()
    return {"Upload-Checksum": f"{algorithm} {digest}"}


def create_with(client: FlaskClient, slot: str, data: bytes, said: dict[str, str]) -> TestResponse:
    headers = TUS | {"Upload-Length": str(len(data)), "Content-Type": BODY, "Upload-Metadata": metadata(slot=slot)}
    return client.post("/e/uploads", headers=headers | said, data=data)


def states(world: World) -> list[str]:
    with world.database.reading() as session:
        return list(session.scalars(select(Upload.state)))


def lengths(world: World) -> list[int]:
    with world.database.reading() as session:
        return list(session.scalars(select(Slice.length).where(Slice.seq > 0).order_by(Slice.seq)))


def test_options_name_the_algorithms_and_sha1_is_one(stranger: FlaskClient) -> None:
    headers = stranger.options("/e/uploads").headers
    assert "checksum" in headers["Tus-Extension"].split(",")
    assert headers["Tus-Checksum-Algorithm"] == "sha1,sha256,md5"


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5"])
def test_a_body_that_matches_is_acknowledged(ana: FlaskClient, world: World, algorithm: str) -> None:
    data = secrets.token_bytes(300_000)
    location = create(ana, world.slots[0], len(data)).headers["Location"]
    first, second = data[:200_000], data[200_000:]
    assert patch(ana, location, 0, first, **said_of(first, algorithm)).status_code == 204
    assert patch(ana, location, 200_000, second, **said_of(second, algorithm)).status_code == 204
    assert world.content(location.rpartition("/")[2]) == data
    assert documents(world) == 1


def test_a_flipped_bit_leaves_nothing_and_the_right_body_follows(ana: FlaskClient, world: World) -> None:
    data = secrets.token_bytes(300_000)
    location = create(ana, world.slots[0], len(data)).headers["Location"]
    broken = bytes([data[0] ^ 1]) + data[1:]
    refused = patch(ana, location, 0, broken, **said_of(data))
    assert (refused.status_code, refused.json["code"]) == (460, "checksum_mismatch")
    assert world.blob_names() == []
    assert ana.head(location, headers=TUS).headers["Upload-Offset"] == "0"
    assert patch(ana, location, 0, data, **said_of(data)).status_code == 204
    assert world.content(location.rpartition("/")[2]) == data


def test_nothing_of_a_long_body_is_acknowledged_before_its_end(
    ana: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slicing, "SLICE_BYTES", 100_000)
    monkeypatch.setattr(slicing, "SLICE_SECONDS", 0.0)
    data = secrets.token_bytes(MIB)
    location = create(ana, world.slots[0], len(data)).headers["Location"]
    assert patch(ana, location, 0, data[:-1] + b"?", **said_of(data)).status_code == 460
    assert ana.head(location, headers=TUS).headers["Upload-Offset"] == "0"
    assert patch(ana, location, 0, data, **said_of(data)).status_code == 204
    assert lengths(world) == [MIB]
    assert documents(world) == 1


@pytest.mark.parametrize("whole_bytes", [4 * MIB, 10])
def test_a_file_that_comes_damaged_with_its_creation_opens_nothing(
    ana: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch, whole_bytes: int
) -> None:
    monkeypatch.setattr(receiving, "WHOLE_BYTES", whole_bytes)
    refused = create_with(ana, world.slots[0], b"damaged in transit", said_of(b"as it was sent....."))
    assert (refused.status_code, refused.json["code"]) == (460, "checksum_mismatch")
    assert UploadState.RECEIVING not in states(world)
    assert world.blob_names() == []
    assert create_with(ana, world.slots[0], b"whole", said_of(b"whole")).status_code == 201
    assert documents(world) == 1


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (f"crc32 {base64.b64encode(zlib.crc32(b'data').to_bytes(4, 'big')).decode()}", "checksum_unknown"),
        ("SHA1 " + "A" * 27 + "=", "checksum_unknown"),
        ("", "checksum_unknown"),
        ("sha1", "malformed_upload"),
        ("sha1 %%%", "malformed_upload"),
        ("sha1 " + base64.b64encode(b"too short").decode(), "malformed_upload"),
        ("sha256 " + base64.b64encode(hashlib.sha1(b"data").digest()).decode(), "malformed_upload"),
    ],
)
def test_a_checksum_that_cannot_be_checked_is_refused_unread(
    ana: FlaskClient, world: World, said: str, code: str
) -> None:
    location = create(ana, world.slots[0], None).headers["Location"]
    answer = patch(ana, location, 0, b"data", **{"Upload-Checksum": said, "Upload-Length": "4"})
    assert (answer.status_code, answer.json["code"]) == (400, code)
    head = ana.head(location, headers=TUS).headers
    assert (head["Upload-Offset"], head["Upload-Defer-Length"]) == ("0", "1")
    assert create_with(ana, world.slots[1], b"data", {"Upload-Checksum": said}).json["code"] == code
    assert world.blob_names() == []
