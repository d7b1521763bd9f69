"""One case: its people, requests, documents, messages and story."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from portal.staff.desk import me
from portal.web.application import reading, transaction
from portal.web.guards import guarded_by
from records.casefile import case_file, note_view
from records.exports import ExportState
from records.trails import case_story
from storage.database import utcnow

blueprint = Blueprint("cases", __name__)


@blueprint.get("/cases/<id:case_id>")
@guarded_by("see_case")
def show(case_id: str) -> ResponseReturnValue:
    """Show the case file. It is read without holding up writers; the look is recorded before the answer leaves."""
    member, now = me(), utcnow()
    with reading() as session:
        found = case_file(session, member, case_id, now=now)
        story = case_story(session, member, case_id)
        waiting = any(export.state == ExportState.REQUESTED for export in found.exports)
        page = render_template("staff/case.html", file=found, case=found.case, story=story, waiting=waiting, now=now)
    if not found.noted:
        with transaction() as session:
            note_view(session, member, case_id, now=now)
    return page
