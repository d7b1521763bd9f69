"""Resumable uploads over tus 1.0.0: creation, offsets, revocation, termination, expiry, and who may touch what."""

import base64
import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from intake.links import LinkSigner
from portal.customer.visits import COOKIE
from portal.web.application import PortalApp
from records import links
from records.documents import Document
from records.links import UploadLink
from records.requests import Slot, SlotState
from records.uploads import Upload
from storage.database import new_id
from tests.intake.building import MIB, World
from tests.portal.customer.conftest import a_secret

TUS = {"Tus-Resumable": "1.0.0"}
BODY = "application/offset+octet-stream"


def metadata(**fields: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in fields.items())


def create(client: FlaskClient, slot: str, length: int | None, data: bytes = b"", **fields: str) -> TestResponse:
    size = {"Upload-Defer-Length": "1"} if length is None else {"Upload-Length": str(length)}
    said = metadata(slot=slot, **({"filename": "ine.jpg", "filetype": "image/jpeg"} | fields))
    kind = {"Content-Type": BODY} if data else {}
    return client.post("/e/uploads", headers=TUS | size | kind | {"Upload-Metadata": said}, data=data)


def patch(client: FlaskClient, location: str, offset: int, data: bytes, **headers: str) -> TestResponse:
    return client.patch(
        location, headers=TUS | {"Upload-Offset": str(offset), "Content-Type": BODY} | headers, data=data
    )


def documents(world: World) -> int:
    with world.database.reading() as session:
        return session.scalar(select(func.count()).select_from(Document)) or 0


def test_a_file_in_three_slices_arrives_whole(ana: FlaskClient, world: World) -> None:
    data = secrets.token_bytes(700_000)
    answer = create(ana, world.slots[0], len(data))
    assert answer.status_code == 201
    location = answer.headers["Location"]
    assert location.startswith("/e/uploads/")  # relative: whatever host the phone used
    assert "Upload-Expires" in answer.headers
    for start in range(0, len(data), 300_000):
        answer = patch(ana, location, start, data[start : start + 300_000])
        assert answer.status_code == 204
    assert int(answer.headers["Upload-Offset"]) == len(data)
    assert "Upload-Expires" not in answer.headers
    assert world.content(location.rpartition("/")[2]) == data
    assert world.declared(location.rpartition("/")[2]) == {"name": "ine.jpg", "type": "image/jpeg"}
    assert documents(world) == 1


def test_a_small_file_needs_one_request(ana: FlaskClient, world: World) -> None:
    answer = create(ana, world.slots[0], 4, b"data")
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (201, "4")
    assert documents(world) == 1


def test_head_tells_the_offset_and_is_not_kept(ana: FlaskClient, world: World) -> None:
    location = create(ana, world.slots[0], 10, b"1234").headers["Location"]
    answer = ana.head(location, headers=TUS)
    assert (answer.status_code, answer.headers["Upload-Offset"], answer.headers["Upload-Length"]) == (200, "4", "10")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Tus-Resumable"] == "1.0.0"


def test_a_deferred_length_is_told_later(ana: FlaskClient, world: World) -> None:
    location = create(ana, world.slots[0], None, b"1234").headers["Location"]
    assert ana.head(location, headers=TUS).headers["Upload-Defer-Length"] == "1"
    assert patch(ana, location, 4, b"56", **{"Upload-Length": "6"}).status_code == 204
    assert documents(world) == 1


def test_a_length_told_after_the_last_byte_finishes_the_upload(ana: FlaskClient, world: World) -> None:
    location = create(ana, world.slots[0], None, b"1234").headers["Location"]
    assert patch(ana, location, 4, b"", **{"Upload-Length": "4"}).status_code == 204
    assert documents(world) == 1


def test_options_tell_what_is_spoken(stranger: FlaskClient) -> None:
    headers = stranger.options("/e/uploads").headers
    assert headers["Tus-Version"] == "1.0.0"
    assert {"creation", "creation-with-upload", "termination", "expiration"} <= set(headers["Tus-Extension"].split(","))
    assert int(headers["Tus-Max-Size"]) == 100 * MIB


def test_a_replayed_patch_changes_nothing(ana: FlaskClient, world: World) -> None:
    location = create(ana, world.slots[0], 8).headers["Location"]
    assert patch(ana, location, 0, b"1234").status_code == 204
    replay = patch(ana, location, 0, b"1234")
    assert (replay.status_code, replay.headers["Upload-Offset"]) == (409, "4")
    assert patch(ana, location, 4, b"5678").status_code == 204
    assert patch(ana, location, 4, b"5678").status_code == 409
    assert patch(ana, location, 8, b"").status_code == 204
    assert documents(world) == 1


def test_two_parallel_creations_have_one_winner(ana: FlaskClient, portal: PortalApp, world: World) -> None:
    secret = ana.get_cookie(COOKIE)
    assert secret is not None

    def race(_: int) -> int:
        client = portal.test_client()
        client.set_cookie(COOKIE, secret.value, secure=True)
        return create(client, world.slots[0], 10).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(race, range(8)))
    assert statuses == [201] + [409] * 7


def test_revoking_between_two_patches_refuses_the_second(ana: FlaskClient, world: World) -> None:
    location = create(ana, world.slots[0], 8).headers["Location"]
    assert patch(ana, location, 0, b"1234").status_code == 204
    with world.database.transaction() as session:
        links.revoke(session, session.get_one(UploadLink, world.link_id), now=world.clock.now)
    refused = patch(ana, location, 4, b"5678")
    assert (refused.status_code, refused.json["code"]) == (404, "link_closed")
    assert documents(world) == 0


def test_an_upload_of_another_link_looks_like_none(
    ana: FlaskClient, portal: PortalApp, world: World, signer: LinkSigner
) -> None:
    location = create(ana, world.slots[0], 8, b"1234").headers["Location"]
    with world.database.transaction() as session:
        link = session.get_one(UploadLink, world.link_id)
        link.superseded_at = world.clock.now
        session.flush()
        world.link_id = links.issue(session, link.request, now=world.clock.now).id
    other = portal.test_client()
    other.set_cookie(COOKIE, a_secret(world), secure=True)
    unknown = other.head(f"/e/uploads/{new_id()}", headers=TUS)
    assert other.head(location, headers=TUS).status_code == unknown.status_code == 404
    assert patch(other, location, 4, b"5678").json["code"] == "upload_not_found"
    assert other.delete(location, headers=TUS).status_code == 404
    assert patch(ana, location, 4, b"5678").status_code == 204


def test_a_terminated_upload_is_gone(ana: FlaskClient, world: World) -> None:
    location = create(ana, world.slots[0], 8, b"1234").headers["Location"]
    assert ana.delete(location, headers=TUS).status_code == 204
    assert ana.head(location, headers=TUS).status_code == 410
    assert patch(ana, location, 4, b"5678").status_code == 410
    assert create(ana, world.slots[0], 8).status_code == 201


def test_an_expired_upload_is_gone(ana: FlaskClient, world: World) -> None:
    location = create(ana, world.slots[0], 8, b"1234").headers["Location"]
    with world.database.transaction() as session:
        session.get_one(Upload, location.rpartition("/")[2]).expires_at = world.clock.now - timedelta(seconds=1)
    assert ana.head(location, headers=TUS).status_code == 410
    assert patch(ana, location, 4, b"5678").status_code == 410


def test_a_named_upload_is_replaced(ana: FlaskClient, world: World) -> None:
    first = create(ana, world.slots[0], 8, b"1234").headers["Location"]
    assert create(ana, world.slots[0], 8).status_code == 409
    assert create(ana, world.slots[0], 8, replaces=first.rpartition("/")[2]).status_code == 201
    assert patch(ana, first, 4, b"5678").status_code == 410


def test_too_large_is_refused_at_creation_with_the_limit(ana: FlaskClient, world: World) -> None:
    answer = create(ana, world.slots[0], 100 * MIB + 1, b"x" * 1000)
    assert (answer.status_code, answer.json["code"], answer.json["limit"]) == (413, "too_large", 100 * MIB)
    assert world.blob_names() == []


def test_more_than_announced_is_refused_and_ends_the_upload(ana: FlaskClient, world: World) -> None:
    location = create(ana, world.slots[0], 4).headers["Location"]
    assert patch(ana, location, 0, b"12345").status_code == 413
    assert ana.head(location, headers=TUS).status_code == 410
    assert documents(world) == 0


def test_a_file_above_the_portals_form_limit_goes_through(ana: FlaskClient, world: World) -> None:
    data = secrets.token_bytes(3 * MIB)
    assert create(ana, world.slots[0], len(data), data).status_code == 201
    assert documents(world) == 1


def test_a_slot_in_review_takes_nothing(ana: FlaskClient, world: World) -> None:
    create(ana, world.slots[0], 4, b"data")
    again = create(ana, world.slots[0], 4, b"more")
    assert (again.status_code, again.json["code"]) == (409, "slot_taken")
    with world.database.reading() as session:
        assert session.get_one(Slot, world.slots[0]).state == SlotState.RECEIVED


@pytest.mark.parametrize("slot", ["", "0" * 32, "x" * 300, "'; DROP TABLE slots; --"])
def test_a_slot_of_nobody_is_not_found(ana: FlaskClient, slot: str) -> None:
    assert create(ana, slot, 4).status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"Upload-Length": "-1"},
        {"Upload-Length": "1e3"},
        {"Upload-Length": "٣"},
        {"Upload-Length": "9" * 30},
        {"Upload-Length": ""},
        {},
        {"Upload-Length": "4", "Upload-Defer-Length": "1"},
        {"Upload-Defer-Length": "2"},
        {"Upload-Length": "4", "Upload-Metadata": "slot %%%"},
        {"Upload-Length": "4", "Upload-Metadata": "slot " + "A" * 5000},
    ],
)
def test_malformed_creations_are_refused(ana: FlaskClient, world: World, headers: dict[str, str]) -> None:
    said = {"Upload-Metadata": metadata(slot=world.slots[0])}
    encoded = {key: value.encode().decode("latin-1") for key, value in headers.items()}
    answer = ana.post("/e/uploads", headers=TUS | said | encoded)
    assert (answer.status_code, answer.json["code"]) == (400, "malformed_upload")
    assert world.blob_names() == []


def test_an_empty_file_is_refused(ana: FlaskClient, world: World) -> None:
    assert create(ana, world.slots[0], 0).json["code"] == "empty_file"


def test_another_version_and_another_type_are_refused(ana: FlaskClient, world: World) -> None:
    location = create(ana, world.slots[0], 4).headers["Location"]
    for version in ({}, {"Tus-Resumable": "0.2.2"}):
        answer = ana.head(location, headers=version)
        assert (answer.status_code, answer.headers["Tus-Version"]) == (412, "1.0.0")
    assert patch(ana, location, 0, b"data", **{"Content-Type": "text/plain"}).status_code == 415
    assert patch(ana, location, 0, b"data", **{"Upload-Offset": "x"}).status_code == 400


def test_another_site_cannot_upload(ana: FlaskClient, world: World) -> None:
    location = create(ana, world.slots[0], 4).headers["Location"]
    for site in ("cross-site", "same-site", "none"):
        assert patch(ana, location, 0, b"data", **{"Sec-Fetch-Site": site}).json["code"] == "csrf"
    assert patch(ana, location, 0, b"data", **{"Sec-Fetch-Site": "same-origin"}).status_code == 204


def test_without_a_visit_nothing_is_received(stranger: FlaskClient, world: World) -> None:
    assert create(stranger, world.slots[0], 4, b"data").json["code"] == "link_closed"
    assert world.blob_names() == []


def test_clients_without_patch_may_override_the_method(ana: FlaskClient, world: World) -> None:
    location = create(ana, world.slots[0], 4).headers["Location"]
    headers = TUS | {"Upload-Offset": "0", "Content-Type": BODY, "X-HTTP-Method-Override": "PATCH"}
    assert ana.post(location, headers=headers, data=b"data").status_code == 204
    assert ana.post(location, headers=TUS).status_code == 405


def test_hostile_names_reach_no_path(ana: FlaskClient, world: World, tmp_path) -> None:
    before = {path for path in tmp_path.rglob("*") if "blobs" not in path.parts}
    names = ["../../etc/passwd", "..\\..\\x", "/abs", "nul\x00.pdf", "a\r\nb", "x" * 3000, "\u202efdp.exe", "%2e%2e/"]
    for name in names:
        answer = create(ana, world.slots[0], 4, filename=name)
        if answer.status_code == 201:
            ana.delete(answer.headers["Location"], headers=TUS)
    assert {path for path in tmp_path.rglob("*") if "blobs" not in path.parts} == before
    assert all(set(name) <= set("0123456789abcdefghijklmnopqrstuvwxyz/") for name in world.blob_names())
