"""The audit page: what happened in the organization, and whether anybody altered the trail."""

from typing import Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from audit import Event
from audit.verifying import Report, verify
from portal.staff.desk import desk, me
from portal.web.application import reading, transaction
from portal.web.guards import guarded_by
from records import trails
from records.errors import InvalidValue
from records.trails import Filters
from storage.database import utcnow

blueprint = Blueprint("auditing", __name__)


@blueprint.get("/audit")
@guarded_by("see_audit")
def show() -> ResponseReturnValue:
    """Show a page of events, newest first."""
    with transaction() as session:
        found = _found(session, request.args.get("after", ""))
    return render_template("staff/audit.html", **found)


@blueprint.post("/audit/verify")
@guarded_by("see_audit")
def check() -> ResponseReturnValue:
    """Verify the whole trail of the organization against the signing key, and say what was found."""
    with reading() as session:
        report = verify(session, me().org_id, desk().checkpoint_public, utcnow())
    with transaction() as session:
        trails.note_verification(session, me(), events=report.size, problems=report.problem_count, now=utcnow())
        found = _found(session, "", report=report)
    return render_template("staff/audit.html", **found)


def _found(session: Session, untrusted_after: str, *, report: Report | None = None) -> dict[str, Any]:
    """Return what the page shows; drawing it would hold up every other writer."""
    filters = _filters()
    found = trails.trail(session, me(), filters=filters, untrusted_after=untrusted_after, now=utcnow())
    return {
        "trail": found,
        "labels": trails.case_labels(session, me(), found.entries),
        "people": trails.actors(session, me()),
        "events": list(Event),
        "filters": filters,
        "report": report,
    }


def _filters() -> Filters:
    event, member_id, case_id = (request.args.get(name, "") for name in ("event", "member", "case"))
    if event and event not in set(Event):
        raise InvalidValue("event", "unknown")
    for value in (member_id, case_id):
        if value and not trails.ID.fullmatch(value):
            raise InvalidValue("filter", "malformed")
    return Filters(event=Event(event) if event else None, member_id=member_id or None, case_id=case_id or None)
