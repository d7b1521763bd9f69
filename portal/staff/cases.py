"""One case: its people, requests, documents, messages and story."""

from datetime import timedelta

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from portal.staff.desk import may, me
from portal.web.application import reading, transaction
from portal.web.guards import guarded_by
from records import assigning
from records.casefile import case_file, note_view
from records.exports import ExportState
from records.trails import case_story
from storage.database import utcnow

blueprint = Blueprint("cases", __name__)

WATCHED = timedelta(minutes=2)
"""How long after asking for an export the page reloads by itself; afterwards a person asks."""


@blueprint.get("/cases/<id:case_id>")
@guarded_by("see_case")
def show(case_id: str) -> ResponseReturnValue:
    """Show the case file. It is read without holding up writers; the look is recorded before the answer leaves."""
    member, now = me(), utcnow()
    with reading() as session:
        found = case_file(session, member, case_id, now=now)
        story = case_story(session, member, case_id)
        pending = [export for export in found.exports if export.state == ExportState.REQUESTED]
        page = render_template(
            "staff/case.html",
            file=found,
            case=found.case,
            story=story,
            pending=bool(pending),
            watching=any(now - export.created_at < WATCHED for export in pending),
            owners=assigning.candidates(session, member) if may("reassign", found.case) else [],
            now=now,
        )
    if not found.noted:
        with transaction() as session:
            note_view(session, member, case_id, now=now)
    return page


@blueprint.post("/cases/<id:case_id>/owner")
@guarded_by("reassign")
def reassign(case_id: str) -> ResponseReturnValue:
    """Give the case to another owner and their team."""
    with transaction() as session:
        assigning.reassign(session, me(), case_id, untrusted_owner=request.form.get("owner", ""), now=utcnow())
    flash(gettext("Expediente reasignado."), "done")
    return redirect(url_for(".show", case_id=case_id), 303)


@blueprint.post("/cases/<id:case_id>/close")
@guarded_by("close_case")
def close(case_id: str) -> ResponseReturnValue:
    """Close the case: the customer can send nothing more."""
    with transaction() as session:
        assigning.close_case(session, me(), case_id, now=utcnow())
    flash(gettext("Expediente cerrado."), "done")
    return redirect(url_for(".show", case_id=case_id), 303)
