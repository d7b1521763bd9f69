"""The customer's pages: landing without side effects, activation, checklist, receipt, leaving.

Rules: GET and HEAD change nothing but the time of a visit; a closed link, whatever closed it, shows one page; the
token leaves the address with the activation; names and contents of what was sent are never shown back.
"""

from datetime import timedelta
from typing import Any

from flask import Blueprint, abort, g, jsonify, redirect, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

import audit
from audit import Event
from portal.customer import receipts
from portal.customer.checklist import Checklist, Company, checklist, company_of
from portal.customer.consenting import notice_to_accept
from portal.customer.visits import (
    CsrfRefused,
    desk,
    digest_of,
    find_visitor,
    find_waiting,
    keep_language,
    new_secret,
    read_token,
    remembered_organization,
    set_cookie,
    visitor,
)
from portal.web.application import reading, transaction
from portal.web.guards import PUBLIC, guarded_by
from portal.web.headers import same_origin
from portal.web.language import current_language
from portal.web.rates import Subject
from records import challenges, links
from records.cases import party_language
from records.errors import LinkClosed
from records.links import UploadLink
from records.organizations import Organization, current_notice, in_language
from storage.database import utcnow

pages = Blueprint("pages", __name__)
pages.after_request(keep_language)

TOUCH = timedelta(minutes=1)


@pages.get("/")
@guarded_by(PUBLIC)
def home() -> ResponseReturnValue:
    """Say what this place is, to somebody without a link."""
    return render_template("customer/home.html")


@pages.get("/s/<token>")
@guarded_by(PUBLIC)
def landing(token: str) -> ResponseReturnValue:
    """Show who asks, for how much, until when, and the notice. Raises LinkClosed."""
    link_id = read_token(token)
    here = find_visitor() or find_waiting()
    if here is not None and here.link_id == link_id:
        return redirect("/e", code=303)
    return render_template("customer/landing.html", **_landing(link_id), token=token)


@pages.get("/s/<token>/notice")
@guarded_by(PUBLIC)
def landing_notice(token: str) -> ResponseReturnValue:
    """Show the full privacy notice before anything is accepted. Raises LinkClosed."""
    return render_template("customer/notice.html", **_landing(read_token(token)), back=f"/s/{token}")


@pages.post("/s/<token>")
@guarded_by(PUBLIC)
def activate(token: str) -> ResponseReturnValue:
    """Open a visit: the notice is accepted, the browser gets a new secret, the token leaves the address."""
    if not same_origin():
        raise CsrfRefused("site")
    secret, now = new_secret(), utcnow()
    shown, link_id = request.form.get("notice", ""), read_token(token)
    with reading() as session:
        _count(open_link(session, link_id))  # nobody takes the database's write lock with a closed link
    with transaction() as session:
        link = open_link(session, link_id)
        notice = current_notice(session, link.org_id)
        g.party_language = party_language(session, link.party_id)
        if shown != notice.id:
            return redirect(f"/s/{token}", code=303)  # a newer notice was published meanwhile: show it first
        visit = links.activate(
            session,
            link_id=link.id,
            cookie_sha256=digest_of(secret),
            notice_id=notice.id,
            locale=current_language(),
            now=now,
        )
        trace: dict[str, Any] = {"org_id": link.org_id, "actor_id": link.id, "case_id": link.case_id, "now": now}
        if visit.confirmed_at is None:
            challenges.ask_for_code(session, visit, now=now)
        audit.record(session, Event.CUSTOMER_LINK_ACTIVATED, subject_id=visit.id, **trace)
        audit.record(
            session,
            Event.CUSTOMER_NOTICE_ACCEPTED,
            subject_id=notice.id,
            details={"version": notice.version, "visit": visit.id},
            **trace,
        )
    response = redirect("/e", code=303)
    set_cookie(response, secret)
    return response


@pages.get("/e")
@guarded_by("visit")
def overview() -> ResponseReturnValue:
    """Show the checklist, or first the privacy notice that was published meanwhile."""
    _touch()
    return notice_to_accept() or render_template("customer/checklist.html", **page_of_the_request())


@pages.get("/e/state")
@guarded_by("visit")
def state() -> ResponseReturnValue:
    """Return the slots as they are now, small: nothing but the version when the asker has it already."""
    board = _board()
    version = f"{board.version()}-{current_language()}"
    if request.args.get("v") == version:
        return jsonify(v=version, review=board.in_review)
    slots = {
        slot.id: {
            "open": slot.open,
            "upload": slot.pending.id if slot.pending and slot.pending.mine else None,
            "old": slot.pending.id if slot.pending else None,
            "html": render_template("customer/_slot.html", slot=slot, card=card, company=board.company),
        }
        for card in board.cards
        for slot in card.slots
    }
    summary = render_template("customer/_summary.html", board=board)
    return jsonify(v=version, review=board.in_review, summary=summary, slots=slots)


@pages.get("/e/done")
@guarded_by("visit")
def done() -> ResponseReturnValue:
    """Show what was received and what is missing."""
    _touch()
    return render_template("customer/done.html", **page_of_the_request(), **receipts.offer(), now=utcnow())


@pages.get("/favicon.ico")
@guarded_by(PUBLIC)
def favicon() -> ResponseReturnValue:
    """Browsers ask for it whatever the page says."""
    abort(404)


def _count(link: UploadLink) -> None:
    desk().rates.count(Subject.ORGANIZATION, link.org_id)


def open_link(session: Session, link_id: str) -> UploadLink:
    """Return a link that still takes activations. Raises LinkClosed."""
    link: UploadLink | None = session.get(UploadLink, link_id)
    if link is None or not link.accepts_activation(utcnow()):
        raise LinkClosed("closed")
    return link


def _landing(link_id: str) -> dict[str, Any]:
    with reading() as session:
        link = open_link(session, link_id)
        _count(link)
        g.party_language = party_language(session, link.party_id)
        org = session.get_one(Organization, link.org_id)
        g.timezone = org.timezone
        notice = current_notice(session, org.id)
        required = [slot for slot in link.request.slots if slot.requirement.required]
        titles = {slot.requirement_id: slot.requirement.title for slot in link.request.slots}
        return {
            "company": company_of(org),
            "count": len({slot.requirement_id for slot in required}),
            "titles": [in_language(title, current_language()) for title in titles.values()],
            "expires_at": link.expires_at,
            "notice_id": notice.id,
            "second_factor": link.request.template.second_factor,
            "short": in_language(notice.short, current_language()),
            "full": in_language(notice.full, current_language()),
        }


def known_company() -> Company | None:
    """Return whom to call, for an error page: the company of the visit, or of a visit to this very link that is over.

    None when nobody is known (a stranger must not learn which company a link belongs to), or the database is what
    failed.
    """
    try:
        org_id = visitor().org_id if "visitor" in g else remembered_organization()
        if org_id is None:
            return None
        with reading() as session:
            return company_of(session.get_one(Organization, org_id))
    except SQLAlchemyError:
        return None


def _board() -> Checklist:
    with reading() as session:
        board = checklist(session, visitor(), current_language(), now=utcnow())
    g.timezone = board.company.timezone
    return board


def page_of_the_request() -> dict[str, Any]:
    """Return what a page shows of the visit's request."""
    board = _board()
    return {"board": board, "company": board.company, "version": f"{board.version()}-{current_language()}"}


def _touch() -> None:
    with reading() as session:
        due = links.is_stale(session, visitor().visit_id, now=utcnow(), after=TOUCH)
    if due:
        with transaction() as session:
            links.touch(session, visitor().visit_id, now=utcnow())
