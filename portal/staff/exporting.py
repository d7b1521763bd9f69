"""Exports: asked for, prepared until a stamped checkpoint covers them, then streamed once they are ready."""

from flask import Blueprint, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from portal.staff.desk import me
from portal.web.application import transaction
from portal.web.guards import guarded_by
from records.exports import download_export, request_export
from storage.database import utcnow

blueprint = Blueprint("exporting", __name__)


@blueprint.post("/cases/<id:case_id>/exports")
@guarded_by("export")
def ask(case_id: str) -> ResponseReturnValue:
    """Ask for an export; the case page shows when it is ready."""
    with transaction() as session:
        request_export(session, me(), case_id, now=utcnow())
    flash(gettext("Exportación en preparación."), "done")
    return redirect(url_for("cases.show", case_id=case_id, _anchor="exports"), 303)


@blueprint.post("/exports/<id:export_id>/download")
@guarded_by("export")
def download(export_id: str) -> ResponseReturnValue:
    """Stream the record as a ZIP."""
    with transaction() as session:
        export, event_id = download_export(session, me(), export_id, now=utcnow())
    raise NotImplementedError(f"{export.id} {event_id}")
