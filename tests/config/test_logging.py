"""Logs: one JSON object a line, and nothing in it that belongs to a person or opens a door."""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from config.errors import SecretRefused
from config.logging import configure_logging
from config.redaction import is_sensitive, redact_text
from config.secrets import read_key

TOKEN = "q83vEjRWeJCrze8SNFZ4kA.5nYdXkq0oJc0l3wq0m3c1k7S4mB9u6e2g8r7h5t4y3x"


@pytest.fixture
def lines() -> Iterator[Any]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    stream = io.StringIO()
    configure_logging("customer", stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers, root.level = before, level
    logging.captureWarnings(False)
    structlog.reset_defaults()


def test_a_line_names_process_time_level_and_event(lines: Any) -> None:
    structlog.get_logger("portal").info("upload finished", document_id="0" * 32, size=7)
    (line,) = lines()
    assert line.pop("at").endswith("+00:00")
    assert line == {
        "process": "customer",
        "level": "info",
        "logger": "portal",
        "event": "upload finished",
        "document_id": "0" * 32,
        "size": 7,
    }


def test_the_standard_library_logs_through_the_same_door(lines: Any) -> None:
    logging.getLogger("some.library").warning("sent to %s", "+52 55 1234 5678")
    (line,) = lines()
    assert line["event"] == "sent to [redacted]"
    assert line["logger"] == "some.library"


@pytest.mark.parametrize(
    "name",
    [
        "token",
        "phone",
        "to_phone",
        "contact_name",
        "filename",
        "fileName",
        "file_name",
        "code",
        "otp",
        "password",
        "Authorization",
        "api_key",
        "body",
    ],
)
def test_a_field_named_after_a_secret_is_replaced_whatever_it_holds(lines: Any, name: str) -> None:
    structlog.get_logger().info("event", **{name: "harmless"}, nested={name: 4711})
    assert "harmless" not in json.dumps(lines())
    assert "4711" not in json.dumps(lines())


@pytest.mark.parametrize("name", ["document_id", "error_code", "status_code", "state", "attempt", "size", "org_id"])
def test_a_field_that_says_nothing_of_a_person_stays(name: str) -> None:
    assert not is_sensitive(name)


@pytest.mark.parametrize(
    "secret",
    [
        TOKEN,
        "+5215512345678",
        "+52 (55) 1234-5678",
        "5215512345678",
        "ana@example.com",
        "Ana.pdf",
        "AGE-SECRET-KEY-1QQPQYP4U7KXJ",
        "EAAGm0PX4ZCpsBA1234567890",
        "hunter2:pw",
    ],
)
def test_what_looks_like_a_secret_is_found_anywhere(lines: Any, secret: str) -> None:
    where = f"postgresql://{secret}@db/x" if secret.endswith(":pw") else f"before {secret} after"
    structlog.get_logger().info(where, detail=[{"deep": where}])
    assert secret not in json.dumps(lines())


def test_the_token_of_a_link_never_shows_even_unsigned(lines: Any) -> None:
    logging.getLogger("gunicorn.error").warning("Error handling request /s/abc-DEF_123?x=1")
    assert lines()[0]["event"] == "Error handling request /s/[redacted]?x=1"


def test_a_bearer_header_is_redacted() -> None:
    assert redact_text("Authorization: Bearer abc.def-ghi") == "Authorization: [redacted]"


def test_ids_and_times_stay_readable() -> None:
    text = "document 5f2d9a0c4b7e4f60a1b2c3d4e5f60718 at 2026-11-22T00:24:41.123456+00:00 took 1234567 us"
    assert redact_text(text) == text


def test_the_message_of_a_strange_exception_is_not_told(lines: Any) -> None:
    try:
        int("[parameters: ('Ana Torres', 'acta')]")
    except ValueError:
        structlog.get_logger().exception("failed", document_id="1" * 32)
    (line,) = lines()
    assert "Ana" not in json.dumps(line)
    assert line["exception"]["type"] == "builtins.ValueError"
    assert line["exception"]["frames"][-1].startswith("config/test_logging.py:")


def test_our_own_errors_are_told_with_their_code(lines: Any) -> None:
    try:
        read_key(Path("/nowhere/link"))
    except SecretRefused:
        logging.getLogger("x").exception("refused")
    (line,) = lines()
    assert line["exception"]["error_code"] == "secret_refused"
    assert line["exception"]["says"] == "/nowhere/link: cannot be opened (No such file or directory)"


def test_bytes_are_never_logged(lines: Any) -> None:
    structlog.get_logger().info("slice", content=b"%PDF-1.7", shapes=[memoryview(b"x")])
    assert "PDF" not in json.dumps(lines())


def test_requests_told_by_libraries_stay_quiet(lines: Any) -> None:
    for name in ("werkzeug", "httpx", "gunicorn.access", "urllib3"):
        logging.getLogger(name).info("GET /s/token")
    assert lines() == []
