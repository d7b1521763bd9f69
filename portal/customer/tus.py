"""Resumable uploads: tus 1.0.0 with creation, creation-with-upload, creation-defer-length, checksum, termination,
expiration.

Source: https://tus.io/protocols/resumable-upload. Rules: an upload answers only to visits of its own link; metadata
carries the slot, and name and type, which are sealed at once; Location is relative.
"""

import base64
import binascii
import hmac
from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, g, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import MethodNotAllowed, UnsupportedMediaType
from werkzeug.http import http_date

from intake.checksums import ALGORITHMS, checksum
from intake.errors import BodyCut, IntakeError, MalformedUpload, OffsetConflict, OtherFile, TooLarge
from intake.slicing import Announced
from intake.standing import Standing, Told
from portal.customer.bodies import body_chunks, body_waker, drain
from portal.customer.visits import check_sender, desk, visitor
from portal.web.guards import PUBLIC, guarded_by
from records.errors import RecordsError
from records.requirements import MAX_PDF_BYTES
from storage.blobs import BlobError
from storage.database.base import ID_LENGTH

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,creation-defer-length,checksum,termination,expiration"
BODY_TYPE = "application/offset+octet-stream"
MOST_DIGITS = 15
METADATA_BYTES = 4096
MARK_DIGITS = 32

tus = Blueprint("tus", __name__, url_prefix="/e/uploads")


class VersionRefused(Exception):
    """The client speaks another version of tus."""

    code = "tus_version"


@tus.after_request
def _add_headers(response: Response) -> Response:
    response.headers["Tus-Resumable"] = VERSION
    response.headers["Cache-Control"] = "no-store"
    if response.status_code == 412:
        response.headers["Tus-Version"] = VERSION
    if response.status_code == 409 and "upload_offset" in g:
        response.headers["Upload-Offset"] = str(g.upload_offset)
    return response


@tus.route("", methods=["OPTIONS"], provide_automatic_options=False)
@tus.route("/<upload_id>", methods=["OPTIONS"], provide_automatic_options=False)
@guarded_by(PUBLIC)
def options(upload_id: str | None = None) -> ResponseReturnValue:
    """Tell what this server speaks."""
    return (
        "",
        204,
        {
            "Tus-Version": VERSION,
            "Tus-Extension": EXTENSIONS,
            "Tus-Max-Size": str(MAX_PDF_BYTES),
            "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
        },
    )


@tus.route("", methods=["POST"], provide_automatic_options=False)
@guarded_by("visit")
def create() -> ResponseReturnValue:
    """Open an upload, with its first bytes if the client sends them along."""
    return _answered(_create)


@tus.route("/<upload_id>", methods=["HEAD"], provide_automatic_options=False)
@guarded_by("visit")
def head(upload_id: str) -> ResponseReturnValue:
    """Tell where the upload stands; a request that still writes to it keeps what came, and ends: its phone is here.

    With Upload-Print, only to whoever holds the file that the upload began with: to go on with another is refused.
    """
    _check_version()
    found = desk().intake.settled(visit_id=visitor().visit_id, upload_id=upload_id)
    if "Upload-Print" in request.headers and _mark(request.headers["Upload-Print"]) != found.mark:
        raise OtherFile(upload_id)
    length = {"Upload-Defer-Length": "1"} if found.length is None else {"Upload-Length": str(found.length)}
    return "", 200, _headers(found) | length


@tus.route("/<upload_id>", methods=["PATCH"], provide_automatic_options=False)
@guarded_by("visit")
def patch(upload_id: str) -> ResponseReturnValue:
    """Append bytes at the acknowledged offset."""
    return _answered(lambda: _append(upload_id))


@tus.route("/<upload_id>", methods=["DELETE"], provide_automatic_options=False)
@guarded_by("visit")
def delete(upload_id: str) -> ResponseReturnValue:
    """End the upload."""
    return _answered(lambda: _terminate(upload_id))


@tus.route("/<upload_id>", methods=["POST"], provide_automatic_options=False)
@guarded_by("visit")
def overridden(upload_id: str) -> ResponseReturnValue:
    """Serve clients that cannot send PATCH or DELETE (X-HTTP-Method-Override)."""
    match request.headers.get("X-HTTP-Method-Override", "").upper():
        case "PATCH":
            return _answered(lambda: _append(upload_id))
        case "DELETE":
            return _answered(lambda: _terminate(upload_id))
        case _:
            raise MethodNotAllowed(valid_methods=["HEAD", "PATCH", "DELETE", "OPTIONS"])


def _answered(act: Callable[[], ResponseReturnValue]) -> ResponseReturnValue:
    try:
        check_sender()
        _check_version()
        return act()
    except TooLarge as error:
        g.upload_limit = error.limit
        drain()
        raise
    except OffsetConflict as error:
        g.upload_offset = error.offset
        drain()
        raise
    except BodyCut:
        raise
    except (IntakeError, RecordsError, BlobError):
        drain()
        raise


def _create() -> ResponseReturnValue:
    metadata = _metadata()
    deferred = request.headers.get("Upload-Defer-Length")
    if deferred not in (None, "1") or (deferred is None) == ("Upload-Length" not in request.headers):
        raise MalformedUpload("Upload-Length or Upload-Defer-Length: 1")
    opening: dict[str, Any] = {
        "visit_id": visitor().visit_id,
        "slot_id": metadata.get("slot", ""),
        "untrusted_name": metadata.get("filename", ""),
        "untrusted_type": metadata.get("filetype", ""),
        "length": None if deferred else _number("Upload-Length"),
        "replaces": metadata.get("replaces"),
        "told": Told(
            page=metadata.get("page") == "1",
            retakes=_id(metadata.get("retakes")),
            mark=_mark(metadata.get("print")),
            covered=metadata.get("covered") == "1",
        ),
    }
    if request.content_type == BODY_TYPE and request.content_length != 0:
        found = desk().intake.receive(**opening, body=body_chunks(), announced=_announced())
    else:
        found = desk().intake.begin(**opening)
    return "", 201, _headers(found) | {"Location": f"/e/uploads/{found.upload_id}"}


def _append(upload_id: str) -> ResponseReturnValue:
    if request.content_type != BODY_TYPE:
        raise UnsupportedMediaType
    offset, announced = _number("Upload-Offset"), _announced()
    if "Upload-Length" in request.headers:
        desk().intake.fix_length(visit_id=visitor().visit_id, upload_id=upload_id, length=_number("Upload-Length"))
    found = desk().intake.append(
        visit_id=visitor().visit_id,
        upload_id=upload_id,
        offset=offset,
        body=body_chunks(),
        announced=announced,
    )
    if found.length == found.offset and not found.finished:  # the length was fixed after the last byte
        desk().intake.finish(visit_id=visitor().visit_id, upload_id=upload_id)
    return "", 204, _headers(found)


def _terminate(upload_id: str) -> ResponseReturnValue:
    desk().intake.terminate(visit_id=visitor().visit_id, upload_id=upload_id)
    return "", 204


def _headers(found: Standing) -> dict[str, str]:
    headers = {"Upload-Offset": str(found.offset)}
    if not found.finished:
        headers["Upload-Expires"] = _http_time(found.expires_at)
    return headers


def _http_time(moment: datetime) -> str:
    return http_date(moment)


def _check_version() -> None:
    if request.headers.get("Tus-Resumable") != VERSION:
        raise VersionRefused(VERSION)


def _number(header: str) -> int:
    text = request.headers.get(header, "")
    if not text.isascii() or not text.isdigit() or len(text) > MOST_DIGITS:
        raise MalformedUpload(header)
    return int(text)


def _announced() -> Announced:
    header = request.headers.get("Upload-Checksum")
    return Announced(
        length=request.content_length, checksum=None if header is None else checksum(header), wake=body_waker()
    )


def _mark(untrusted_print: str | None) -> str | None:
    """Return what is kept of a browser's own short digest of a file: keyed, so that nobody tries files against it."""
    if not untrusted_print:
        return None
    told = f"mark\n{visitor().link_id}\n{untrusted_print}".encode("utf-8", "surrogateescape")
    return hmac.digest(desk().customer_key, told, "sha256").hex()[:MARK_DIGITS]


def _id(untrusted: str | None) -> str | None:
    return untrusted if untrusted and len(untrusted) == ID_LENGTH and untrusted.isalnum() else None


def _metadata() -> dict[str, str]:
    header = request.headers.get("Upload-Metadata", "")
    if len(header) > METADATA_BYTES:
        raise MalformedUpload("Upload-Metadata")
    found = {}
    for pair in header.split(","):
        key, _, value = pair.strip().partition(" ")
        try:
            found[key] = base64.b64decode(value, validate=True).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            raise MalformedUpload("Upload-Metadata") from None
    return found
