"""Reviewing one document: its pages beside the decision."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.orm import Session

from portal.staff.desk import may, me
from portal.web.application import reading, transaction
from portal.web.guards import guarded_by
from records import reviewing as use_case
from records.cases import Case
from records.documents import Document, DocumentState
from records.errors import InvalidValue
from records.opening import cannot_be_drawn, page_names
from records.policy import Action
from records.requests import get_request
from records.reviewing import ReturnReason
from records.trails import opened_before
from storage.database import utcnow

blueprint = Blueprint("reviewing", __name__)


@blueprint.get("/documents/<id:document_id>")
@guarded_by("see_pages")
def show(document_id: str) -> ResponseReturnValue:
    """Show the document. Its pages are images that are opened one by one, each with its own event."""
    return _page(document_id)


@blueprint.post("/documents/<id:document_id>/accept")
@guarded_by("review")
def accept(document_id: str) -> ResponseReturnValue:
    """Accept the document and go on to the next one of the case."""
    with transaction() as session:
        document = use_case.accept(session, me(), document_id, now=utcnow())
        onward = _onward(session, document)
    flash(gettext("Documento aceptado."), "done")
    return redirect(onward, 303)


@blueprint.post("/documents/<id:document_id>/return")
@guarded_by("review")
def return_(document_id: str) -> ResponseReturnValue:
    """Return the document with a reason and go on to the next one of the case."""
    untrusted_reason = request.form.get("reason", "")
    note = request.form.get("note", "")
    try:
        reason = use_case.checked_reason(untrusted_reason)
        with transaction() as session:
            document = use_case.return_(session, me(), document_id, reason=reason, note=note, now=utcnow())
            onward = _onward(session, document)
    except InvalidValue as error:
        return _page(document_id, wrong=error, note=note, reason=untrusted_reason), 422
    flash(gettext("Documento devuelto. El cliente recibirá el motivo."), "done")
    return redirect(onward, 303)


def _page(document_id: str, *, wrong: InvalidValue | None = None, note: str = "", reason: str = "") -> str:
    with reading() as session:
        document, case = use_case.document_for(session, me(), document_id, Action.SEE_PAGES)
        following = use_case.next_to_review(session, case.id, after=document.id)
        return render_template(
            "staff/document.html",
            document=document,
            slot=document.slot,
            case=case,
            asked=get_request(session, org_id=case.org_id, request_id=document.request_id),
            pages=page_names(document),
            undrawn=cannot_be_drawn(session, document),
            following=following,
            alike=session.get(Document, document.alike_id) if document.alike_id else None,
            opened_before=opened_before(session, document) if _tells_who(document, case) else None,
            reasons=list(ReturnReason),
            wrong=wrong,
            note=note,
            reason=reason,
        )


def _tells_who(document: Document, case: Case) -> bool:
    return document.state == DocumentState.RECALLED and may("see_audit", case)


def _onward(session: Session, document: Document) -> str:
    following = use_case.next_to_review(session, document.case_id, after=document.id)
    if following is not None:
        return url_for(".show", document_id=following.id)
    return url_for("cases.show", case_id=document.case_id)
