"""Asking for documents, and what may be done with a request's link and message."""

from typing import Any

import segno
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.staff.desk import desk, me, signed_in
from portal.staff.forms import AskForm
from portal.staff.handing_over import chat_address, chat_text
from portal.web.application import reading, transaction
from portal.web.guards import guarded_by
from portal.web.language import current_language
from records import sharing
from records.cases import Case, Party, get_case
from records.checkcodes import grouped
from records.errors import InvalidValue, NotFound
from records.organizations import in_language
from records.policy import Action, require
from records.requesting import STAFF_EVENTS, Requester, request_documents
from records.requests import SendMode, get_request
from records.requirements import current_templates
from storage.database import utcnow

blueprint = Blueprint("requesting", __name__)


@blueprint.get("/cases/new")
@guarded_by("request_documents")
def new_case() -> ResponseReturnValue:
    """Show the form for a new case."""
    with reading() as session:
        return _form_page(session, AskForm(), None)


@blueprint.post("/cases/new")
@guarded_by("request_documents")
def ask_in_new_case() -> ResponseReturnValue:
    """Open a case (or take the one with this reference) and ask."""
    return _ask(None)


@blueprint.get("/cases/<id:case_id>/request")
@guarded_by("request_documents")
def new_request(case_id: str) -> ResponseReturnValue:
    """Show the form for one more request in a case."""
    with reading() as session:
        case = get_case(session, org_id=me().org_id, case_id=case_id)
        require(me(), Action.REQUEST_DOCUMENTS, case)
        return _form_page(session, AskForm(), case)


@blueprint.post("/cases/<id:case_id>/request")
@guarded_by("request_documents")
def ask(case_id: str) -> ResponseReturnValue:
    """Ask in this case."""
    return _ask(case_id)


@blueprint.post("/requests/<id:request_id>/copy-link")
@guarded_by("copy_link")
def copy_link(request_id: str) -> ResponseReturnValue:
    """Show the link once, to be handed over by hand; the trail says who saw it."""
    with transaction() as session:
        way = request.form.get("way", sharing.Way.LINK.value)
        link = sharing.copy_link(session, me(), request_id, untrusted_way=way, now=utcnow())
        asked = get_request(session, org_id=me().org_id, request_id=request_id)
        case, party = asked.case, asked.party
    address = f"{desk().public_url}/s/{desk().signer.token(link.id)}"
    shown: dict[str, Any] = {
        "way": sharing.Way(way),
        "address": address,
        "code": grouped(link.check_code),
        "link": link,
    }
    match sharing.Way(way):
        case sharing.Way.LINK:
            pass
        case sharing.Way.QR:
            drawing = segno.make(address, error="m")
            shown["drawing"] = drawing.svg_inline(border=2, svgclass="qr", lineclass=None, omitsize=True)
        case sharing.Way.WHATSAPP:
            shown["text"] = chat_text(party, signed_in().organization.name, link, address)
            shown["chat"] = chat_address(party.phone or "", shown["text"])
    return render_template("staff/link.html", **shown, case=case, party=party)


@blueprint.post("/requests/<id:request_id>/revoke-link")
@guarded_by("revoke_link")
def revoke_link(request_id: str) -> ResponseReturnValue:
    """Close every link of the request."""
    with transaction() as session:
        sharing.revoke_link(session, me(), request_id, now=utcnow())
        back = case_page(session, request_id)
    flash(gettext("Enlace revocado. Nadie puede usarlo ya."), "done")
    return redirect(back, 303)


@blueprint.post("/requests/<id:request_id>/send-again")
@guarded_by("request_documents")
def send_again(request_id: str) -> ResponseReturnValue:
    """Queue the message once more."""
    with transaction() as session:
        sharing.send_again(session, me(), request_id, now=utcnow())
        back = case_page(session, request_id)
    flash(gettext("Mensaje en cola. Sale en unos segundos."), "done")
    return redirect(back, 303)


@blueprint.post("/requests/<id:request_id>/cancel")
@guarded_by("request_documents")
def cancel(request_id: str) -> ResponseReturnValue:
    """Ask no longer."""
    with transaction() as session:
        sharing.cancel_request(session, me(), request_id, now=utcnow())
        back = case_page(session, request_id)
    flash(gettext("Solicitud cancelada."), "done")
    return redirect(back, 303)


def _ask(case_id: str | None) -> ResponseReturnValue:
    form, member, organization = AskForm(), me(), signed_in().organization
    try:
        with transaction() as session:
            case = get_case(session, org_id=member.org_id, case_id=case_id) if case_id else None
            require(member, Action.REQUEST_DOCUMENTS, case)
            asked, _link, _message = request_documents(
                session,
                org_id=member.org_id,
                country=organization.country,
                requester=Requester(id=member.id, request_event=STAFF_EVENTS[0], case_event=STAFF_EVENTS[1]),
                case=case or form.new_case(team_id=member.team_id, owner_id=member.id),
                party=_known_party(session, case, form.party.data) or form.new_party(),
                template_key=form.template.data or "",
                send_mode=SendMode.AUTO if form.send.data else SendMode.NONE,
                untrusted_word=form.word.data,
                now=utcnow(),
            )
            require(member, Action.REQUEST_DOCUMENTS, asked.case)  # the reference may name another team's case
            back = url_for("cases.show", case_id=asked.case_id)
    except InvalidValue as error:
        with reading() as session:
            case = get_case(session, org_id=member.org_id, case_id=case_id) if case_id else None
            return _form_page(session, form, case, wrong=error), 422
    flash(gettext("Solicitud creada."), "done")
    return redirect(back, 303)


def _known_party(session: Session, case: Case | None, untrusted_id: str | None) -> Party | None:
    if case is None or not untrusted_id:
        return None
    party = session.scalars(select(Party).where(Party.id == untrusted_id, Party.case_id == case.id)).first()
    if party is None:
        raise NotFound("party")
    return party


def _form_page(session: Session, form: AskForm, case: Case | None, *, wrong: InvalidValue | None = None) -> str:
    templates = current_templates(session, me().org_id)
    people = (
        session.scalars(select(Party).where(Party.case_id == case.id).order_by(Party.created_at)).all() if case else []
    )
    form.offer(
        templates=[(one.key, in_language(one.name, current_language())) for one in templates],
        people=[(one.id, one.name) for one in people],
        country=signed_in().organization.country,
    )
    return render_template("staff/ask.html", form=form, case=case, templates=templates, wrong=wrong)


def case_page(session: Session, request_id: str) -> str:
    """Return the address of the case of a request."""
    asked = get_request(session, org_id=me().org_id, request_id=request_id)
    return url_for("cases.show", case_id=asked.case_id)
