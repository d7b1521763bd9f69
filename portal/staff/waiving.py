"""Deciding on a document that the customer does not have: let it go, or ask for it all the same."""

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from portal.staff.desk import me
from portal.web.application import transaction
from portal.web.guards import guarded_by
from records import waiving as use_case
from storage.database import utcnow

blueprint = Blueprint("waiving", __name__)


@blueprint.post("/slots/<id:slot_id>/waive")
@guarded_by("review")
def waive(slot_id: str) -> ResponseReturnValue:
    """Let the document go."""
    with transaction() as session:
        case_id = use_case.waive(session, me(), slot_id, now=utcnow()).request.case_id
    flash(gettext("Documento dispensado."), "done")
    return redirect(url_for("cases.show", case_id=case_id), 303)


@blueprint.post("/slots/<id:slot_id>/insist")
@guarded_by("review")
def insist(slot_id: str) -> ResponseReturnValue:
    """Ask for the document all the same."""
    note = request.form.get("note", "")
    with transaction() as session:
        case_id = use_case.insist(session, me(), slot_id, untrusted_note=note, now=utcnow()).request.case_id
    flash(gettext("Documento pedido de nuevo. El cliente recibirá tu nota."), "done")
    return redirect(url_for("cases.show", case_id=case_id), 303)
