"""Leaving: now for good, or until later with the list of what is missing. Either way the browser forgets the visit."""

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue

from portal.customer import receipts
from portal.customer.views import page_of_the_request
from portal.customer.visits import COOKIE, check_csrf, check_sender, keep_language, visitor
from portal.web.application import transaction
from portal.web.guards import guarded_by
from records import links
from storage.database import utcnow

leaving = Blueprint("leaving", __name__)
leaving.after_request(keep_language)


@leaving.get("/e/later")
@guarded_by("visit")
def later() -> ResponseReturnValue:
    """Say what came, what is missing, until when, and how to come back."""
    return render_template("customer/later.html", **page_of_the_request())


@leaving.post("/e/leave")
@guarded_by("visit")
def leave() -> ResponseReturnValue:
    """End the visit and have the browser forget it; the page keeps the list of what is missing."""
    check_sender()
    check_csrf(request.form.get("csrf", ""))
    shown = page_of_the_request()
    with transaction() as session:
        links.end_visit(session, visitor().visit_id, now=utcnow())
    response = Response(render_template("customer/left.html", **shown))
    response.headers["Clear-Site-Data"] = '"cache", "cookies", "storage"'
    for cookie in (COOKIE, receipts.COOKIE):
        response.delete_cookie(cookie, path="/", secure=True, httponly=True, samesite="Lax")
    return response
