"""Signing in and out: one page with address, password and one-time code, and one answer for everything wrong."""

import time

from flask import Blueprint, make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_user

from portal.staff.desk import SignedIn, desk, signed_in
from portal.web.application import transaction
from portal.web.guards import PUBLIC, guarded_by
from portal.web.language import normalise
from records import signing_in as use_case
from records.errors import InvalidValue
from records.organizations import Organization
from records.people import Member, Role
from records.sessions import StaffSession
from records.signing_in import SignInRefused
from storage.database import utcnow

blueprint = Blueprint("signing_in", __name__)

LONGEST_PATH = 300


@blueprint.get("/sign-in")
@guarded_by(PUBLIC)
def form() -> ResponseReturnValue:
    """Show the form; whoever is signed in already goes on."""
    if current_user.is_authenticated:
        return redirect(url_for(".home"), 303)
    return sign_in_page(200)


@blueprint.post("/sign-in")
@guarded_by(PUBLIC)
def enter() -> ResponseReturnValue:
    """Try address, password and code; begin a session with a new secret."""
    next_path = own_path(request.form.get("next", ""))
    begun = time.monotonic()
    try:
        row, secret, organization = _sign_in(
            request.form.get("email", ""), request.form.get("password", ""), request.form.get("code", "")
        )
    except SignInRefused:
        time.sleep(max(0.0, desk().refusal_s - (time.monotonic() - begun)))
        return make_response(sign_in_page(401, next_path=next_path, refused=True), 401)
    session.clear()  # nothing from before the sign-in survives it: neither an id nor a CSRF token
    login_user(SignedIn(row, organization, secret))
    return redirect(next_path or url_for(".home"), 303)


@blueprint.post("/sign-out")
@guarded_by("signed_in")
def leave() -> ResponseReturnValue:
    """End the session and ask the browser to forget everything of ours."""
    with transaction() as rows:
        use_case.sign_out(rows, signed_in().session_id, now=utcnow())
    session.clear()
    response = redirect(url_for(".form"), 303)
    response.headers["Clear-Site-Data"] = '"cache", "cookies", "storage"'
    return response


@blueprint.get("/")
@guarded_by("signed_in")
def home() -> ResponseReturnValue:
    """Go to where this role works."""
    place = "administering.overview" if signed_in().member.role == Role.ADMINISTRATOR else "board.show"
    return redirect(url_for(place), 303)


@blueprint.post("/language")
@guarded_by("signed_in")
def choose_language() -> ResponseReturnValue:
    """Keep the reader's language."""
    language = normalise(request.form.get("language"))
    if language is None:
        raise InvalidValue("language", "unknown")
    with transaction() as rows:
        rows.get_one(Member, signed_in().member.id).locale = language
    return redirect(own_path(request.form.get("next", "")) or url_for(".home"), 303)


def sign_in_page(status: int, *, next_path: str = "", refused: bool = False) -> str:
    """Return the sign-in form. `next_path` is where to go afterwards."""
    return render_template("staff/sign_in.html", next_path=own_path(next_path), refused=refused, status=status)


def own_path(untrusted: str) -> str:
    """Return a path on this host, or nothing: a return address never leads elsewhere."""
    safe = untrusted.startswith("/") and not untrusted.startswith(("//", "/\\")) and untrusted.isprintable()
    return untrusted if safe and "\\" not in untrusted and len(untrusted) <= LONGEST_PATH else ""


def _sign_in(email: str, password: str, code: str) -> tuple[StaffSession, str, Organization]:
    now, parts = utcnow(), desk()
    with transaction() as rows:
        claim = use_case.claim_try(rows, email, nobody=parts.passwords.nobody, now=now)
    step = use_case.prove(
        claim,
        untrusted_password=password,
        untrusted_code=code,
        passwords=parts.passwords,
        open_seed=lambda member_id, boxed: parts.box.open(boxed, table="members", row=member_id, column="totp_boxed"),
        now=now,
    )
    outdated = step is not None and parts.passwords.outdated(claim.password_hash)
    rehashed = parts.passwords.hash(password) if outdated else None
    try:
        with transaction() as rows:
            row, secret = use_case.sign_in(rows, claim, step, rehashed=rehashed, now=now)
            return row, secret, rows.get_one(Organization, row.org_id)
    except SignInRefused:
        with transaction() as rows:
            use_case.record_refusal(rows, claim, now=now)
        raise
