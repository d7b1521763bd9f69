"""The common ground of the customer, gateway and staff applications.

Rules kept here: no form parser may spool a file, every route carries a guard, every answer carries the headers,
every error answers with its row of the table, every request leaves one log line without path, token or person.
"""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

import structlog
from flask import Flask, Request, Response, current_app, g, request
from sqlalchemy.orm import Session
from werkzeug.exceptions import BadRequest

from portal.web import errors, guards, headers, health, language
from storage.database import Database

log = structlog.get_logger(__name__)


class SpoolingRefused(Exception):
    """A file part reached a form parser that would have written it to disk."""

    code = "file_not_expected"


class PortalRequest(Request):
    """A request that never writes what it receives to disk."""

    max_form_parts = 100

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """Read the body as JSON. A body nested deeper than the decoder goes is refused like any other bad one."""
        try:
            return super().get_json(force=force, silent=silent, cache=cache)
        except RecursionError:
            raise BadRequest("nested too deeply") from None

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        raise SpoolingRefused("uploads are read by intake.forms")


class PortalApp(Flask):
    """A Flask application with the portal's request class and its database."""

    request_class = PortalRequest
    database: Database


def create_app(
    import_name: str,
    *,
    database: Database,
    secret_key: bytes,
    guard_checks: Mapping[str, Callable[[], None]],
    render_error: errors.Renderer,
    locale_selector: Callable[[], str],
    timezone_selector: Callable[[], str | None] = lambda: None,
    ready_checks: Mapping[str, Callable[[], str]] | None = None,
    transport_security: bool = False,
    admit: Callable[[], None] = lambda: None,
    app_class: type[PortalApp] = PortalApp,
) -> PortalApp:
    """Make an application: error table, guards, headers, languages, health; the caller registers blueprints.

    `secret_key` signs Flask's own cookies and CSRF tokens. `ready_checks` map a name to a function that returns a
    word for the page or raises. `transport_security` adds HSTS (only under TLS). `admit` runs before the guards, and
    raises to refuse.
    """
    app = app_class(import_name)
    app.database = database
    app.config.update(
        SECRET_KEY=secret_key,
        SESSION_COOKIE_SECURE=True,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_SSL_STRICT=False,  # pages send no referrer; the token and Sec-Fetch-Site are checked instead
        MAX_CONTENT_LENGTH=2 * 1024 * 1024,
        MAX_FORM_MEMORY_SIZE=512 * 1024,
        BOOTSTRAP_SERVE_LOCAL=True,
        TRAP_HTTP_EXCEPTIONS=False,
    )
    app.before_request(_begin)
    app.before_request(admit)
    guards.install(app, guard_checks)
    errors.install(app, render_error)
    headers.install(app, transport_security=transport_security)
    language.install(app, locale_selector=locale_selector, timezone_selector=timezone_selector)
    health.install(app, ready_checks or {})
    app.after_request(_log)
    return app


@contextmanager
def transaction() -> Iterator[Session]:
    """Open a writing transaction on the application's database; committed when the block ends."""
    with _database().transaction() as session:
        yield session


@contextmanager
def reading() -> Iterator[Session]:
    """Open a reading transaction on the application's database."""
    with _database().reading() as session:
        yield session


def reference() -> str:
    """Return the request's reference: shown with errors, written in its log line."""
    return str(g.reference)


def _database() -> Database:
    app: Any = current_app
    database: Database = app.database
    return database


def _begin() -> None:
    g.reference = secrets.token_hex(6)
    g.started = time.monotonic()


def _log(response: Response) -> Response:
    log.info(
        "request",
        app=current_app.import_name.removeprefix("portal.").partition(".")[0],
        reference=g.get("reference"),
        method=request.method,
        endpoint=request.endpoint,
        status=response.status_code,
        error=g.get("error_code"),
        ms=round((time.monotonic() - g.get("started", time.monotonic())) * 1000, 1),
    )
    return response
