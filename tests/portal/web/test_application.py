"""The ground of the three applications: guards, headers on every answer, no file ever spooled, languages, health."""

import json
import tempfile

import pytest
from flask import Response, request
from structlog.testing import capture_logs

from portal.web.application import PortalRequest, create_app, reading
from portal.web.errors import TABLE, Problem
from portal.web.guards import guarded_by
from portal.web.headers import same_origin
from portal.web.language import current_language, from_browser
from records.errors import Forbidden, InvalidValue
from storage.sealing.errors import PayloadDamaged

HEADERS = (
    "Content-Security-Policy",
    "Cross-Origin-Opener-Policy",
    "Cross-Origin-Resource-Policy",
    "Permissions-Policy",
    "Referrer-Policy",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "X-Robots-Tag",
)


class NoEntry(Exception):
    code = "unauthorized"


def render(problem: Problem) -> Response:
    words = problem.row.words(current_language())
    body = {"code": problem.code, "words": words, "detail": problem.detail, "reference": problem.reference}
    return Response(json.dumps(body), mimetype="application/json")


def refuse() -> None:
    raise NoEntry


def raising(error):
    def view():
        raise error

    return view


@pytest.fixture
def app(sqlite_database):
    app = create_app(
        "portal.web",
        database=sqlite_database,
        secret_key=b"k" * 32,
        guard_checks={"closed": refuse},
        render_error=render,
        locale_selector=from_browser,
        ready_checks={"good": lambda: "fine"},
    )
    routes = {
        "/unmarked": lambda: "in",
        "/open": guarded_by("public")(lambda: "in"),
        "/closed": guarded_by("closed")(lambda: "in"),
        "/misspelt": guarded_by("clsoed")(lambda: "in"),
        "/broken": guarded_by("public")(raising(RuntimeError("secret detail"))),
        "/damaged": guarded_by("public")(raising(PayloadDamaged("chunk 3"))),
        "/forbidden": guarded_by("public")(raising(Forbidden("someone"))),
        "/invalid": guarded_by("public")(raising(InvalidValue("phone", "not_a_number"))),
        "/same": guarded_by("public")(lambda: str(same_origin())),
    }
    for path, view in routes.items():
        app.add_url_rule(path, path.strip("/"), view)
    app.add_url_rule("/form", "form", guarded_by("public")(lambda: str(sorted(request.form))), methods=["POST"])
    app.add_url_rule("/json", "json", guarded_by("public")(lambda: str(request.get_json())), methods=["POST"])
    app.add_url_rule("/write", "write", guarded_by("public")(write))
    return app


def write() -> str:
    with reading() as session:
        session.connection().exec_driver_sql("DELETE FROM members")
    return "done"


@pytest.fixture
def client(app):
    return app.test_client()


def test_an_unmarked_route_is_refused(client):
    answer = client.get("/unmarked")
    assert (answer.status_code, answer.json["code"]) == (500, "internal")


def test_a_guard_that_nobody_knows_lets_nobody_pass(client):
    assert client.get("/misspelt").status_code == 500


def test_a_guard_decides_before_the_view(client):
    assert client.get("/open").data == b"in"
    answer = client.get("/closed")
    assert (answer.status_code, answer.json["code"]) == (401, "unauthorized")
    assert client.head("/closed").status_code == 401
    assert client.options("/closed").status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/open", 200, None),
        ("GET", "/nowhere", 404, "not_found"),
        ("POST", "/open", 405, "method_not_allowed"),
        ("POST", "/form", 413, "too_large"),
        ("GET", "/broken", 500, "internal"),
        ("GET", "/damaged", 500, "payload_damaged"),
        ("GET", "/forbidden", 403, "forbidden"),
        ("GET", "/unmarked", 500, "internal"),
        ("GET", "/healthz", 200, None),
    ],
)
def test_every_answer_carries_the_headers(client, method, path, status, code):
    large = {"data": {"field": "x" * 3_000_000}} if path == "/form" else {}
    answer = client.open(path, method=method, **large)
    assert answer.status_code == status
    if code is not None:
        assert answer.json["code"] == code
    for name in HEADERS:
        assert answer.headers.get(name), name
    assert answer.headers["Cache-Control"] == "no-store"
    assert "'unsafe-inline'" not in answer.headers["Content-Security-Policy"]
    assert "Strict-Transport-Security" not in answer.headers
    assert "Set-Cookie" not in answer.headers


def test_a_method_that_is_not_allowed_names_those_that_are(client):
    assert set(client.post("/open").headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_every_answer_has_a_nonce_of_its_own(client):
    policies = {client.get("/open").headers["Content-Security-Policy"] for _ in range(5)}
    assert len(policies) == 5


def test_what_failed_inside_is_told_to_nobody(client):
    answer = client.get("/broken")
    assert b"secret" not in answer.data
    assert answer.json["words"] == TABLE["internal"].es
    assert len(answer.json["reference"]) == 12


def test_the_broken_rule_of_a_field_is_told(client):
    answer = client.get("/invalid")
    assert (answer.status_code, answer.json["detail"]) == (422, "phone: not_a_number")


@pytest.mark.parametrize(("tag", "language"), [("en-GB", "en"), ("pt-PT", "pt"), ("de, en;q=0.5", "en"), ("xx", "es")])
def test_problems_are_worded_in_the_readers_language(client, tag, language):
    answer = client.get("/nowhere", headers={"Accept-Language": tag})
    assert answer.json["words"] == TABLE["not_found"].words(language)


def test_a_file_part_is_refused_before_a_byte_of_it_is_kept(client, monkeypatch):
    """A form parser would write it to disk in clear."""

    def used(*_args, **_more):
        raise AssertionError("a temporary file was asked for")

    for name in ("TemporaryFile", "NamedTemporaryFile", "SpooledTemporaryFile", "mkstemp"):
        monkeypatch.setattr(tempfile, name, used)
    for size in (10, 1_500_000):
        head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="ine.jpg"\r\n\r\n'
        body = head + b"x" * size + b"\r\n--b--\r\n"
        answer = client.post("/form", data=body, content_type="multipart/form-data; boundary=b")
        assert answer.json["code"] == "file_not_expected"
        assert answer.status_code == TABLE["file_not_expected"].status


def test_the_request_class_is_the_one_that_never_spools(app):
    assert app.request_class is PortalRequest


def test_a_plain_form_still_works(client):
    assert client.post("/form", data={"a": "1", "b": "2"}).data == b"['a', 'b']"


@pytest.mark.parametrize("raw", [b"{", b"[" * 100_000, b'{"a":' * 50_000])
def test_a_body_that_is_no_json_is_a_bad_request(client, raw):
    answer = client.post("/json", data=raw, content_type="application/json")
    assert (answer.status_code, answer.json["code"]) == (400, "bad_request")


@pytest.mark.parametrize(
    ("import_name", "named"),
    [("portal.customer.app", "customer"), ("portal.gateway.app", "gateway"), ("portal.staff", "staff")],
)
def test_the_log_names_the_application(sqlite_database, import_name, named):
    app = create_app(
        import_name,
        database=sqlite_database,
        secret_key=b"k" * 32,
        guard_checks={},
        render_error=render,
        locale_selector=from_browser,
    )
    with capture_logs() as lines:
        app.test_client().get("/healthz")
    assert [line["app"] for line in lines if line["event"] == "request"] == [named]


def test_a_reading_view_cannot_write(client):
    assert client.get("/write").status_code >= 500


@pytest.mark.parametrize(
    ("headers", "same"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": ""}, False),
        ({"Origin": "http://localhost"}, True),
        ({"Origin": "null"}, False),
        ({"Origin": "http://localhost.evil.example"}, False),
        ({"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"}, False),
        ({}, False),
    ],
)
def test_only_our_own_pages_and_the_person_are_same_origin(client, headers, same):
    assert client.get("/same", headers=headers).data.decode() == str(same)


def test_health_answers_and_readiness_checks(client):
    assert client.get("/healthz").json == {"status": "ok"}
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json["checks"]) == (200, {"database": "ok", "good": "fine"})


def test_a_check_that_fails_makes_it_not_ready_and_says_no_more(sqlite_database):
    app = create_app(
        "portal.web",
        database=sqlite_database,
        secret_key=b"k" * 32,
        guard_checks={},
        render_error=render,
        locale_selector=from_browser,
        ready_checks={"bad": lambda: (_ for _ in ()).throw(RuntimeError("password=hunter2"))},
        transport_security=True,
    )
    answer = app.test_client().get("/readyz")
    assert (answer.status_code, answer.json["checks"]["bad"]) == (503, "failed")
    assert b"hunter2" not in answer.data
    assert "max-age" in answer.headers["Strict-Transport-Security"]
