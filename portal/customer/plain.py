"""Uploads from a plain form, for browsers without JavaScript: the body is parsed as it comes, never on disk.

Rules: the first part is the CSRF token, checked before a byte of a file is taken; the second may name the upload that
this one replaces; the first file chosen is the one that is received, and where photos become the pages of one PDF,
every photo chosen goes into the tray. What cannot be resumed is ended at once.
"""

import contextlib
from collections.abc import Iterator

from flask import Blueprint, g, redirect, request
from flask.typing import ResponseReturnValue

from intake.errors import BodyCut, EmptyFile, IntakeError, MalformedUpload, TooLarge
from intake.forms import MultipartForm, Part
from intake.standing import Told
from portal.customer.bodies import body_chunks, drain
from portal.customer.visits import CsrfRefused, check_csrf, check_sender, desk, visitor
from portal.web.application import reading
from portal.web.guards import guarded_by
from records.errors import RecordsError
from records.requests import Slot
from storage.blobs import BlobError

plain = Blueprint("plain", __name__)


@plain.post("/e/slots/<slot_id>")
@guarded_by("visit")
def send(slot_id: str) -> ResponseReturnValue:
    """Receive one file into a slot and show the checklist again."""
    try:
        check_sender()
        form = MultipartForm(request.headers.get("Content-Type", ""), body_chunks())
        _check_token(form.next_part())
        _receive(slot_id, form)
    except TooLarge as error:
        g.upload_limit = error.limit
        drain()
        raise
    except BodyCut:
        raise
    except (IntakeError, RecordsError, BlobError, CsrfRefused):
        drain()
        raise
    return redirect(f"/e#s-{slot_id}", code=303)


def _check_token(part: Part | None) -> None:
    if part is None or part.name != "csrf" or part.is_file:
        raise CsrfRefused("the token must come first")
    check_csrf(part.text())


def _receive(slot_id: str, form: MultipartForm) -> None:
    replaces: str | None = None
    gathered = False
    while (part := form.next_part()) is not None:
        if part.name == "replaces" and not part.is_file:
            replaces = part.text() or None
            continue
        if not part.is_file:
            continue
        chunks = part.chunks()
        first = next(chunks, b"")
        if not first:
            continue
        told = Told(page=_is_photo(part) and _takes_pages(slot_id))
        _take(slot_id, part, _rejoin(first, chunks), replaces, told)
        if not told.page:
            drain()
            return
        gathered, replaces = True, None
    if not gathered:
        raise EmptyFile(slot_id)


def _is_photo(part: Part) -> bool:
    """Whether it says so: where a file goes, not what it is, which the inspection proves."""
    return part.untrusted_type.startswith("image/") and not part.untrusted_name.lower().endswith(".pdf")


def _takes_pages(slot_id: str) -> bool:
    with reading() as session:
        slot = session.get(Slot, slot_id)
        return slot is not None and slot.requirement.takes_pages()


def _take(slot_id: str, part: Part, chunks: Iterator[bytes], replaces: str | None, told: Told) -> None:
    intake, visit_id = desk().intake, visitor().visit_id
    upload = intake.begin(
        visit_id=visit_id,
        slot_id=slot_id,
        untrusted_name=part.untrusted_name,
        untrusted_type=part.untrusted_type,
        length=None,
        replaces=replaces,
        told=told,
    )
    try:
        intake.append(visit_id=visit_id, upload_id=upload.upload_id, offset=0, body=chunks)
        intake.finish(visit_id=visit_id, upload_id=upload.upload_id)
    except Exception as error:
        reason = "cut" if isinstance(error, BodyCut | MalformedUpload) else "failed"
        with contextlib.suppress(IntakeError, RecordsError):  # it may have ended by itself, or the link was revoked
            intake.terminate(visit_id=visit_id, upload_id=upload.upload_id, reason=reason)
        raise


def _rejoin(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
