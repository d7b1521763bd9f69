"""The form without JavaScript: token first, one file, nothing spooled, the limit in words."""

import io
import re
import secrets
import tempfile

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from portal.customer.visits import COOKIE
from portal.web.application import PortalApp
from records.documents import Document
from records.links import UploadLink
from records.requirements import Requirement
from records.uploads import Upload, UploadState
from tests.intake.building import MIB, World
from tests.portal.customer.conftest import OURS, a_secret

BOUNDARY = "----Resguardo"


def token_of(client: FlaskClient) -> str:
    return re.findall(r'name="csrf" value="([0-9a-f]{64})"', client.get("/e/done").text)[0]


def part(name: str, value: bytes, filename: str | None = None, kind: str = "") -> bytes:
    disposition = f'form-data; name="{name}"' + ("" if filename is None else f'; filename="{filename}"')
    head = f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n" + (f"Content-Type: {kind}\r\n" if kind else "")
    return head.encode() + b"\r\n" + value + b"\r\n"


def send(client: FlaskClient, slot: str, *parts: bytes, end: bytes = f"--{BOUNDARY}--\r\n".encode()) -> TestResponse:
    return client.post(
        f"/e/slots/{slot}",
        data=b"".join(parts) + end,
        content_type=f"multipart/form-data; boundary={BOUNDARY}",
        headers=OURS,
    )


def documents(world: World) -> int:
    with world.database.reading() as session:
        return session.scalar(select(func.count()).select_from(Document)) or 0


def only_upload(world: World) -> Upload:
    with world.database.reading() as session:
        return session.scalars(select(Upload)).one()


def test_a_file_from_a_plain_form_arrives_whole(ana: FlaskClient, world: World) -> None:
    data = secrets.token_bytes(3 * MIB) + f"\r\n--{BOUNDARY}X\r\n--{BOUNDARY[:-1]}\r\n".encode()
    answer = send(
        ana,
        world.slots[0],
        part("csrf", token_of(ana).encode()),
        part("file", b"", "", "application/octet-stream"),
        part("file", data, "ine frente.jpg", "image/jpeg"),
    )
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/e#s-{world.slots[0]}")
    with world.database.reading() as session:
        upload = session.scalars(select(Upload)).one()
        assert (upload.state, upload.length) == (UploadState.FINISHED, len(data))
        upload_id = upload.id
    assert world.content(upload_id) == data
    assert world.declared(upload_id) == {"name": "ine frente.jpg", "type": "image/jpeg"}
    assert documents(world) == 1


def test_the_token_must_be_right_and_come_first(ana: FlaskClient, portal: PortalApp, world: World) -> None:
    other = portal.test_client()
    other.set_cookie(COOKIE, a_secret(world), secure=True)
    file = part("file", b"data", "a.jpg", "image/jpeg")
    token = part("csrf", token_of(ana).encode())
    for parts in ((file,), (file, token), (part("csrf", token_of(other).encode()), file), (part("csrf", b""), file)):
        answer = send(ana, world.slots[0], *parts)
        assert answer.status_code == 400
        assert "La página venció" in answer.text
    assert world.blob_names() == []


def test_another_site_cannot_send_the_form(ana: FlaskClient, world: World) -> None:
    body = part("csrf", token_of(ana).encode()) + part("file", b"data", "a.jpg") + f"--{BOUNDARY}--\r\n".encode()
    answer = ana.post(
        f"/e/slots/{world.slots[0]}",
        data=body,
        content_type=f"multipart/form-data; boundary={BOUNDARY}",
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status_code == 400
    assert world.blob_names() == []


def test_no_file_chosen_says_so(ana: FlaskClient, world: World) -> None:
    answer = send(ana, world.slots[0], part("csrf", token_of(ana).encode()), part("file", b"", ""))
    assert answer.status_code == 422
    assert "No elegiste un archivo" in answer.text
    assert documents(world) == 0


def test_a_file_over_the_limit_gets_a_page_with_the_limit(ana: FlaskClient, world: World) -> None:
    with world.database.transaction() as session:
        for requirement in session.scalars(select(Requirement)):
            requirement.max_image_bytes = requirement.max_pdf_bytes = MIB
    data = b"x" * (MIB + 1)
    answer = send(ana, world.slots[0], part("csrf", token_of(ana).encode()), part("file", data, "a.jpg"))
    assert answer.status_code == 413
    assert "El límite es de 1 MB." in answer.text
    assert 'href="/e"' in answer.text
    assert "ayuda@valle.example" in answer.text
    assert documents(world) == 0
    assert only_upload(world).state == UploadState.ENDED
    assert world.blob_names() == []


def test_a_form_that_ends_inside_its_file_leaves_no_document(ana: FlaskClient, world: World) -> None:
    answer = send(ana, world.slots[0], part("csrf", token_of(ana).encode()), part("file", b"half", "a.jpg"), end=b"")
    assert answer.status_code == 400
    assert documents(world) == 0
    assert only_upload(world).state == UploadState.ENDED


def test_a_form_replaces_the_upload_it_names(ana: FlaskClient, world: World) -> None:
    half = world.begin(length=100)
    token = part("csrf", token_of(ana).encode())
    file = part("file", b"data", "a.jpg")
    assert send(ana, world.slots[0], token, file).status_code == 409
    assert f'name="replaces" value="{half}"' in ana.get("/e").text
    assert send(ana, world.slots[0], token, part("replaces", half.encode()), file).status_code == 303
    assert documents(world) == 1


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/x-www-form-urlencoded", b"csrf=x"),
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=" + "b" * 300, b"x"),
        (f"multipart/form-data; boundary={BOUNDARY}", b"garbage"),
        (f"multipart/form-data; boundary={BOUNDARY}", b""),
        (f"multipart/form-data; boundary={BOUNDARY}", f"--{BOUNDARY}\r\nbad header\r\n\r\n".encode()),
        (f"multipart/form-data; boundary={BOUNDARY}", f"--{BOUNDARY}\r\n".encode() + b"A: b\r\n" * 100 + b"\r\n"),
        (f"multipart/form-data; boundary={BOUNDARY}", f"--{BOUNDARY}\r\nA: ".encode() + b"b" * 100_000),
        (f"multipart/form-data; boundary={BOUNDARY}", b"\r" * 300_000),
    ],
)
def test_malformed_forms_are_refused_quickly(ana: FlaskClient, world: World, kind: str, body: bytes) -> None:
    answer = ana.post(f"/e/slots/{world.slots[0]}", data=body, content_type=kind, headers=OURS)
    assert answer.status_code == 400
    assert world.blob_names() == []


def test_many_parts_are_refused(ana: FlaskClient, world: World) -> None:
    token = part("csrf", token_of(ana).encode())
    answer = send(ana, world.slots[0], token, *[part(f"x{i}", b"") for i in range(1000)])
    assert answer.status_code == 400
    assert documents(world) == 0


def test_no_parser_spools_a_file_to_disk(ana: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> io.BytesIO:
        raise AssertionError("a temporary file was made")

    for name in ("TemporaryFile", "SpooledTemporaryFile", "NamedTemporaryFile", "mkstemp"):
        monkeypatch.setattr(tempfile, name, refuse)
    data = secrets.token_bytes(3 * MIB)
    answer = send(ana, world.slots[0], part("csrf", token_of(ana).encode()), part("file", data, "a.jpg"))
    assert answer.status_code == 303
    body = part("file", data, "a.jpg") + f"--{BOUNDARY}--\r\n".encode()
    for path in ("/e/leave", f"/s/{'x' * 66}"):
        spooled = ana.post(path, data=body, content_type=f"multipart/form-data; boundary={BOUNDARY}", headers=OURS)
        assert spooled.status_code in (404, 413, 415)


def test_a_form_of_another_site_is_refused_whatever_the_browser_calls_it(ana: FlaskClient, world: World) -> None:
    body = part("csrf", token_of(ana).encode()) + part("file", b"data", "a.jpg") + f"--{BOUNDARY}--\r\n".encode()
    for said, status in (
        ({"Origin": "https://evil.example"}, 400),
        ({"Origin": "null"}, 400),
        ({"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, 400),
        ({"Origin": "http://localhost"}, 303),
    ):
        answer = ana.post(
            f"/e/slots/{world.slots[0]}",
            data=body,
            content_type=f"multipart/form-data; boundary={BOUNDARY}",
            headers=said,
        )
        assert answer.status_code == status, said
    assert documents(world) == 1


def test_a_form_over_the_quota_leaves_no_upload_open(ana: FlaskClient, world: World) -> None:
    parts = part("csrf", token_of(ana).encode()), part("file", secrets.token_bytes(MIB), "a.jpg")
    with world.database.transaction() as session:
        session.execute(update(UploadLink).values(max_bytes=MIB // 2))
    assert send(ana, world.slots[0], *parts).status_code == 403
    assert only_upload(world).state == UploadState.ENDED
