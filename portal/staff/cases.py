"""One case: its people, requests, documents, messages and story."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from portal.staff.desk import me
from portal.web.application import transaction
from portal.web.guards import guarded_by
from records.casefile import case_file
from records.exports import ExportState
from records.trails import case_story
from storage.database import utcnow

blueprint = Blueprint("cases", __name__)


@blueprint.get("/cases/<id:case_id>")
@guarded_by("see_case")
def show(case_id: str) -> ResponseReturnValue:
    """Show the case file."""
    now = utcnow()
    with transaction() as session:
        found = case_file(session, me(), case_id, now=now)
        story = case_story(session, me(), case_id)
        waiting = any(export.state == ExportState.REQUESTED for export in found.exports)
        return render_template("staff/case.html", file=found, case=found.case, story=story, waiting=waiting, now=now)
