"""The customer's ways besides sending: to answer that there is no document.

Rules: plain forms that work without JavaScript, each with the visit's token; what may be done is decided behind the
row's lock, and a page that is out of date gets a clear answer.
"""

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal.customer.visits import check_csrf, check_sender, visitor
from portal.web.application import transaction
from portal.web.guards import guarded_by
from records.declining import decline
from records.errors import LinkClosed
from records.links import Visit, visit_lives
from storage.database import utcnow

ways = Blueprint("ways", __name__)


@ways.post("/e/slots/<slot_id>/decline")
@guarded_by("visit")
def decline_slot(slot_id: str) -> ResponseReturnValue:
    """Take the answer that there is no document for a slot, and show the checklist again."""
    check_sender()
    check_csrf(request.form.get("csrf", ""))
    reason, note = request.form.get("reason", ""), request.form.get("note", "")
    with transaction() as session:
        decline(session, _visit(session), slot_id, untrusted_reason=reason, untrusted_note=note, now=utcnow())
    return redirect(f"/e#s-{slot_id}", code=303)


def _visit(session: Session) -> Visit:
    """Return the visit as it is in this transaction. Raises LinkClosed when it ended since the guard looked."""
    visit = session.get_one(Visit, visitor().visit_id)
    if not visit_lives(session, visit, utcnow()):
        raise LinkClosed("no visit")
    return visit
