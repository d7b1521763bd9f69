"""The customer's ways besides sending: to answer that there is no document, to take a file back.

Rules: plain forms that work without JavaScript, each with the visit's token; what may be done is decided behind the
row's lock, and a page that is out of date gets a clear answer.
"""

import math
from datetime import datetime

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal.customer.visits import check_csrf, check_sender, visitor
from portal.web.application import transaction
from portal.web.guards import guarded_by
from records.declining import decline
from records.links import Visit, living_visit
from records.withdrawing import withdraw
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


@ways.post("/e/slots/<slot_id>/undo")
@guarded_by("visit")
def undo(slot_id: str) -> ResponseReturnValue:
    """Take back the file in a slot, and show the checklist again. Raises UndoOver."""
    check_sender()
    check_csrf(request.form.get("csrf", ""))
    with transaction() as session:
        withdraw(session, _visit(session), slot_id, now=utcnow())
    return redirect(f"/e#s-{slot_id}", code=303)


def minutes_left(until: datetime) -> int:
    """Return the minutes that are left, never fewer than one."""
    return max(1, math.ceil((until - utcnow()).total_seconds() / 60))


def _visit(session: Session) -> Visit:
    """Return the visit as it is in this transaction. Raises LinkClosed when it ended since the guard looked."""
    return living_visit(session, visitor().visit_id, utcnow())
