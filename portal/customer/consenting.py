"""The privacy notice inside a visit: to read, and to accept again when a newer one was published meanwhile."""

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from portal.customer.checklist import company_of
from portal.customer.visits import check_csrf, check_sender, keep_language, visitor
from portal.web.application import reading, transaction
from portal.web.guards import guarded_by
from portal.web.language import current_language
from records.consents import accept, has_accepted
from records.links import Visit
from records.organizations import Organization, current_notice, in_language
from storage.database import utcnow

consenting = Blueprint("consenting", __name__)
consenting.after_request(keep_language)


@consenting.get("/e/notice")
@guarded_by("visit")
def notice() -> ResponseReturnValue:
    """Show the full privacy notice."""
    with reading() as session:
        org = session.get_one(Organization, visitor().org_id)
        text = in_language(current_notice(session, org.id).full, current_language())
        company = company_of(org)
    return render_template("customer/notice.html", company=company, full=text, back="/e")


@consenting.post("/e/notice")
@guarded_by("visit")
def accept_notice() -> ResponseReturnValue:
    """Record that the notice which was shown is accepted; a newer one is shown first."""
    check_sender()
    check_csrf(request.form.get("csrf", ""))
    shown = request.form.get("notice", "")
    with transaction() as session:
        visit = session.get_one(Visit, visitor().visit_id)
        newest = current_notice(session, visit.link.org_id)
        if shown == newest.id and not has_accepted(session, visit):
            accept(session, visit, newest, now=utcnow())
    return redirect("/e", code=303)


def notice_to_accept() -> str | None:
    """Return the page of a notice that was published during the visit, None when the newest is accepted."""
    with reading() as session:
        visit = session.get_one(Visit, visitor().visit_id)
        if has_accepted(session, visit):
            return None
        newest = current_notice(session, visit.link.org_id)
        return render_template(
            "customer/renewed.html",
            company=company_of(session.get_one(Organization, visit.link.org_id)),
            short=in_language(newest.short, current_language()),
            notice_id=newest.id,
        )
