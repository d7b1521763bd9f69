"""Page images and originals: the only two ways in which the content of a document leaves the console.

Rules: the event is committed before the opener is asked; HEAD and prefetches open nothing; a page is always an image
that we made, under a watermark; an original is always an attachment, never shown.
"""

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from flask_babel import format_datetime
from werkzeug.exceptions import MethodNotAllowed

from portal.staff.desk import desk, me
from portal.staff.downloads import attachment, declared_name
from portal.staff.opening import key_of, plaintext
from portal.staff.watermark import watermarked
from portal.web.application import transaction
from portal.web.guards import guarded_by
from records import opening as use_case
from storage.database import utcnow

blueprint = Blueprint("pages", __name__)

SEALED_OFF = "sandbox; default-src 'none'"


@blueprint.get("/documents/<id:document_id>/pages/<int(min=1, max=9999):page>")
@guarded_by("see_pages")
def image(document_id: str, page: int) -> ResponseReturnValue:
    """Answer with the image of one page, watermarked for this reader."""
    if request.method != "GET" or _is_prefetch():
        raise MethodNotAllowed(valid_methods=["GET"])
    member, now = me(), utcnow()
    with transaction() as session:
        opening = use_case.view_page(session, member, document_id, page, now=now)
    file_key = key_of(desk().opener, opening)
    webp = b"".join(plaintext(desk().blobs, opening, file_key))
    words = f"{member.name} · {format_datetime(now, 'dd/MM/yyyy HH:mm')} · {opening.case_title}"
    response = Response(watermarked(webp, words), mimetype="image/webp")
    return sealed_off(response)


@blueprint.post("/documents/<id:document_id>/original")
@guarded_by("download_original")
def original(document_id: str) -> ResponseReturnValue:
    """Answer with the original as an attachment under its own name, cleaned."""
    with transaction() as session:
        opening, meta = use_case.download_original(session, me(), document_id, now=utcnow())
    parts = desk()
    name = declared_name(b"".join(plaintext(parts.blobs, meta, key_of(parts.opener, meta))))
    file_key = key_of(parts.opener, opening)
    response = Response(plaintext(parts.blobs, opening, file_key), mimetype="application/octet-stream")
    response.headers["Content-Disposition"] = attachment(name, opening.mime)
    return sealed_off(response)


def _is_prefetch() -> bool:
    said = f"{request.headers.get('Sec-Purpose', '')} {request.headers.get('Purpose', '')}".lower()
    return "prefetch" in said or "prerender" in said or "preview" in said


def sealed_off(response: Response) -> Response:
    """Add the headers of content: never run, never framed, never read by another site, never kept."""
    response.headers["Content-Security-Policy"] = SEALED_OFF
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response
