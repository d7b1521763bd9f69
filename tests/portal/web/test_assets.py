"""Static files: compressed for whoever takes that, sent once, pages only where that tells nothing."""

import gzip
import re
from pathlib import Path

import pytest
from flask import render_template_string
from flask.testing import FlaskClient

from portal.web import assets
from portal.web.application import create_app
from portal.web.guards import PUBLIC, guarded_by
from storage.database import Database
from tests.portal.web.test_application import render

STYLE = b"body { color: black }\n" * 100


@guarded_by(PUBLIC)
def page() -> str:
    return render_template_string("<link href=\"{{ asset('plain.css') }}\">" + "x" * 5000)


@pytest.fixture
def client(sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "plain.css").write_bytes(STYLE)
    (tmp_path / "static" / "picture.webp").write_bytes(b"RIFF")
    app = create_app(
        "portal.web",
        database=sqlite_database,
        secret_key=bytes(32),
        guard_checks={},
        render_error=render,
        locale_selector=lambda: "es",
    )
    app.static_folder = str(tmp_path / "static")
    assets.install(app)
    app.add_url_rule("/page", view_func=page)
    return app.test_client()


def address(client: FlaskClient) -> str:
    found = re.search(r'href="([^"]+)"', client.get("/page").text)
    assert found
    return found.group(1)


def test_a_static_file_comes_compressed_to_whoever_takes_it(client: FlaskClient) -> None:
    answer = client.get(address(client), headers={"Accept-Encoding": "br, gzip"})
    assert (answer.headers["Content-Encoding"], answer.headers["Vary"]) == ("gzip", "Accept-Encoding")
    assert answer.mimetype == "text/css"
    assert gzip.decompress(answer.data) == STYLE
    assert "public" in answer.headers["Cache-Control"]


@pytest.mark.parametrize("said", ["", "identity", "gzip;q=0"])
def test_a_static_file_comes_as_it_is_to_whoever_does_not(client: FlaskClient, said: str) -> None:
    answer = client.get(address(client), headers={"Accept-Encoding": said})
    assert "Content-Encoding" not in answer.headers
    assert answer.data == STYLE


@pytest.mark.parametrize("said", ["gzip", ""])
def test_an_unchanged_static_file_is_not_sent_again(client: FlaskClient, said: str) -> None:
    tag = client.get(address(client), headers={"Accept-Encoding": said}).headers["ETag"]
    answer = client.get(address(client), headers={"Accept-Encoding": said, "If-None-Match": tag})
    assert (answer.status_code, answer.data) == (304, b"")


def test_a_compressed_and_a_plain_static_file_are_told_apart_by_caches(client: FlaskClient) -> None:
    tags = {client.get(address(client), headers={"Accept-Encoding": said}).headers["ETag"] for said in ("gzip", "")}
    assert len(tags) == 2


def test_a_page_is_not_compressed_where_the_application_does_not_ask_for_it(client: FlaskClient) -> None:
    answer = client.get("/page", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in answer.headers


def test_a_page_comes_compressed_where_it_may(client: FlaskClient) -> None:
    assets.compress_pages(client.application)
    plain, packed = client.get("/page"), client.get("/page", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(packed.data) == plain.data
    assert int(packed.headers["Content-Length"]) == len(packed.data)
    assert client.head("/page", headers={"Accept-Encoding": "gzip"}).data == b""


def test_what_is_no_text_is_sent_as_it_is(client: FlaskClient) -> None:
    with client.get("/static/picture.webp", headers={"Accept-Encoding": "gzip"}) as answer:
        assert (answer.data, "Content-Encoding" in answer.headers) == (b"RIFF", False)


@pytest.mark.parametrize("path", ["../application.py", "..%2fapplication.py", "nothing.css", "%00"])
def test_nothing_outside_the_folder_is_a_static_file(client: FlaskClient, path: str) -> None:
    assert client.get(f"/static/{path}").status_code == 404
