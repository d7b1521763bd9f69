"""The tray of a slot: photos are moved, turned, removed, and sent together as one document.

Rules: plain forms that work without JavaScript, each with the visit's token; a tray is sent as its sender saw it or not
at all, and a second tap on the same button makes no second document.
"""

from typing import Any

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from intake import trays
from intake.trays import Change
from portal.customer.visits import check_csrf, check_sender, visitor
from portal.web.application import transaction
from portal.web.guards import guarded_by
from storage.database import utcnow

tray = Blueprint("tray", __name__)
SEND = "send"


@tray.post("/e/slots/<slot_id>/tray")
@guarded_by("visit")
def change(slot_id: str) -> ResponseReturnValue:
    """Do what the pressed button says, `send` or `change:page`, and show the checklist again."""
    check_sender()
    check_csrf(request.form.get("csrf", ""))
    here: dict[str, Any] = {"visit_id": visitor().visit_id, "slot_id": slot_id, "now": utcnow()}
    what, _, page = request.form.get("do", "").partition(":")
    with transaction() as session:
        if what == SEND:
            trays.send(session, edition=request.form.get("edition", ""), **here)
        elif what in list(Change):
            trays.arrange(session, page_id=page, change=Change(what), **here)
        else:
            raise BadRequest
    if wants_json():
        return "", 204
    return redirect(f"/e#s-{slot_id}", code=303)


def wants_json() -> bool:
    """Whether the script asks, and no page."""
    return request.accept_mimetypes.best == "application/json"
