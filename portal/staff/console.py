"""The console as an application, built from values: guards, sign-in, CSRF, languages, pages.

Rules: every route carries the guard of one action of the policy (or `signed_in`, or `public`); every POST needs the
CSRF token and a browser that says it comes from our own page; a refusal leaves an audit event of its own.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Response, render_template, request
from flask_bootstrap import Bootstrap5
from flask_login import LoginManager, current_user
from flask_wtf.csrf import CSRFError, CSRFProtect

from portal.staff import (
    administering,
    auditing,
    board,
    cases,
    chats,
    exporting,
    following_up,
    integrating,
    messages,
    pages,
    refusals,
    requesting,
    reviewing,
    sending,
    signing_in,
    studio,
    waiving,
    words,
)
from portal.staff.desk import Desk, SignedIn, may, me, signed_in
from portal.web import addresses
from portal.web.application import PortalApp, create_app, reading, transaction
from portal.web.errors import Problem
from portal.web.headers import same_origin
from portal.web.language import from_browser
from records.heartbeats import InspectionState, inspection
from records.organizations import Organization
from records.policy import Action, require
from records.sessions import SessionEnded, live_session, needs_touch, touch
from storage.database import Database, utcnow

COOKIE = "__Host-staff"
SIGNED_IN = "signed_in"
NEEDS_SIGN_IN = frozenset({"unauthorized", "session_ended"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
PARTS = (
    signing_in,
    board,
    cases,
    chats,
    reviewing,
    waiving,
    pages,
    requesting,
    following_up,
    exporting,
    messages,
    auditing,
    administering,
    sending,
    integrating,
    studio,
)


class CsrfRefused(Exception):
    """The token is missing or old, or the request comes from another site."""

    code = "csrf"


def build_console(
    *,
    database: Database,
    desk: Desk,
    session_key: bytes,
    ready_checks: dict[str, Callable[[], str]] | None = None,
    transport_security: bool = False,
) -> PortalApp:
    """Return the console's WSGI application."""
    app = create_app(
        "portal.staff",
        database=database,
        secret_key=session_key,
        guard_checks=_guards(),
        render_error=_render_error,
        locale_selector=_language,
        timezone_selector=_timezone,
        ready_checks=ready_checks,
        transport_security=transport_security,
    )
    addresses.install(app)
    app.extensions["desk"] = desk
    app.config.update(SESSION_COOKIE_NAME=COOKIE, SESSION_COOKIE_PATH="/", WTF_CSRF_CHECK_DEFAULT=False)
    app.config.update(WTF_CSRF_TIME_LIMIT=None)  # the session that carries it ends first
    _install_sign_in(app)
    _install_csrf(app)
    Bootstrap5(app)
    for part in PARTS:
        app.register_blueprint(part.blueprint)
    words.install(app)
    version = _static_version(Path(app.root_path) / "static")
    app.jinja_env.globals.update(
        may=may, static_version=version, Action=Action, inspection=_inspection, chat_counts=chats.counts
    )
    app.context_processor(_reader)
    return app


def _guards() -> dict[str, Callable[[], None]]:
    def may_pass(action: Action) -> Callable[[], None]:
        return lambda: require(me(), action)

    return {SIGNED_IN: lambda: _present(signed_in()), **{action.value: may_pass(action) for action in Action}}


def _present(_user: SignedIn) -> None:
    return None


def _install_sign_in(app: PortalApp) -> None:
    manager = LoginManager(app)
    manager.session_protection = None  # the row decides, and a member's address may change

    def load(untrusted_secret: str) -> SignedIn | None:
        now = utcnow()
        try:
            with reading() as session:
                row = live_session(session, untrusted_secret, now=now)
                organization = session.get_one(Organization, row.org_id)
        except SessionEnded:
            return None
        if needs_touch(row, now):
            with transaction() as session:
                touch(session, row.id, now=now)
        return SignedIn(row, organization, untrusted_secret)

    manager.user_loader(load)


def _install_csrf(app: PortalApp) -> None:
    protection = CSRFProtect(app)

    def check() -> None:
        if request.method in SAFE_METHODS or request.endpoint is None:
            return
        if not same_origin():
            raise CsrfRefused("another site")
        try:
            protection.protect()
        except CSRFError:
            raise CsrfRefused("token") from None

    app.before_request(check)


def _render_error(problem: Problem) -> Response:
    if problem.code in NEEDS_SIGN_IN:
        return Response(signing_in.sign_in_page(problem.row.status, next_path=_return_path()))
    if problem.code == "forbidden":
        refusals.record_refusal()
    elif problem.code == "not_found":
        refusals.record_stranger()
    return Response(render_template("staff/problem.html", problem=problem))


def _return_path() -> str:
    return request.full_path.rstrip("?") if request.method == "GET" else ""


def _language() -> str:
    user: Any = current_user
    return str(user.member.locale) if user and user.is_authenticated else from_browser()


def _timezone() -> str | None:
    user: Any = current_user
    if not user or not user.is_authenticated:
        return None
    return str(user.member.timezone or user.organization.timezone)


def _reader() -> dict[str, Any]:
    user: Any = current_user
    known = bool(user) and user.is_authenticated
    return {"reader": user.member if known else None, "company": user.organization if known else None}


def _inspection() -> InspectionState:
    """Return whether files are being examined now; the pages of cases ask."""
    with reading() as session:
        return inspection(session, now=utcnow())


def _static_version(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.glob("console.*")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:10]


__all__ = ["COOKIE", "build_console"]
