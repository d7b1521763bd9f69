"""Exports: asked for, prepared until a stamped checkpoint covers them, then streamed once they are ready."""

from flask import Blueprint, Response, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from portal.staff.desk import desk, me
from portal.staff.pages import sealed_off
from portal.web.application import reading, transaction
from portal.web.guards import guarded_by
from records.exporting.bag import stream_bag
from records.exporting.contents import gather
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
    """Stream the record as a ZIP; nothing of it is stored."""
    with transaction() as session:
        export, event_id = download_export(session, me(), export_id, now=utcnow())
    parts = desk()
    with reading() as session:
        record = gather(session, export.id, checkpoint_keys=[parts.checkpoint_public], tsa_root=parts.tsa_root)

    def open_part(document_id: str, part: str) -> bytes:
        return parts.opener.file_key(event=event_id, document=document_id, part=part)

    response = Response(stream_bag(record, blobs=parts.blobs, open_part=open_part), mimetype="application/zip")
    response.headers["Content-Disposition"] = f'attachment; filename="{record.name}.zip"'
    return sealed_off(response)
