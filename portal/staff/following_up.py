"""Following up on a silent customer: pause reminders, let them go on, and note that somebody called."""

from flask import Blueprint, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from portal.staff.desk import me
from portal.staff.requesting import case_page
from portal.web.application import transaction
from portal.web.guards import guarded_by
from records import escalations, reminding
from storage.database import utcnow

blueprint = Blueprint("following_up", __name__)


@blueprint.post("/requests/<id:request_id>/reminders/pause")
@guarded_by("request_documents")
def pause(request_id: str) -> ResponseReturnValue:
    """Send no reminders for now."""
    with transaction() as session:
        reminding.pause(session, me(), request_id, now=utcnow())
        back = case_page(session, request_id)
    flash(gettext("Recordatorios en pausa."), "done")
    return redirect(back, 303)


@blueprint.post("/requests/<id:request_id>/reminders/resume")
@guarded_by("request_documents")
def resume(request_id: str) -> ResponseReturnValue:
    """Let them go on."""
    with transaction() as session:
        reminding.resume(session, me(), request_id, now=utcnow())
        back = case_page(session, request_id)
    flash(gettext("Recordatorios reanudados."), "done")
    return redirect(back, 303)


@blueprint.post("/requests/<id:request_id>/call/clear")
@guarded_by("request_documents")
def clear_call(request_id: str) -> ResponseReturnValue:
    """Note that somebody took care of it."""
    with transaction() as session:
        escalations.clear_call(session, me(), request_id, untrusted_note=request.form.get("note", ""), now=utcnow())
        back = case_page(session, request_id)
    flash(gettext("Anotado. El expediente ya no pide una llamada."), "done")
    return redirect(back, 303)
