"""Asking for a new link on the page of a closed one.

Rules: whatever the link was (expired, revoked, forged, never there) the answer is the same page after the same time;
nothing about anybody is on it; what is sent goes to the number or address on file only.
"""

import time

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from portal.customer.visits import CsrfRefused, keep_language, read_token
from portal.web.application import reading, transaction
from portal.web.guards import PUBLIC, guarded_by
from portal.web.headers import same_origin
from records.wishes import may_wish, wish
from storage.database import utcnow

renewal = Blueprint("renewal", __name__)
renewal.after_request(keep_language)

ANSWER_S = 0.3
"""Seconds that every answer takes: longer than writing a wish does."""


@renewal.post("/s/<token>/new")
@guarded_by(PUBLIC)
def ask(token: str) -> ResponseReturnValue:
    """Take a wish for a new link."""
    if not same_origin():
        raise CsrfRefused("site")
    started, now, link_id = time.monotonic(), utcnow(), read_token(token)
    with reading() as session:
        possible = may_wish(session, link_id, now)  # nobody takes the database's write lock with a dead link
    if possible:
        with transaction() as session:
            wish(session, link_id, now=now)
    time.sleep(max(0.0, started + ANSWER_S - time.monotonic()))
    chosen = request.args.get("lang")
    return redirect(f"/asked?lang={chosen}" if chosen in ("es", "en", "pt") else "/asked", code=303)


@renewal.get("/asked")
@guarded_by(PUBLIC)
def asked() -> ResponseReturnValue:
    """Say what happens now, to whoever asked."""
    return render_template("customer/asked.html")
