"""The page "Is this link authentic?": anyone types the code of a message and reads who sent it.

Rules: a GET looks nothing up but the link whose token the reader holds; a code travels in a POST; unknown, expired,
revoked and replaced ones get the same page.
"""

from flask import Blueprint, g, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal.customer.checklist import Company, company_of
from portal.customer.views import open_link
from portal.customer.visits import check_sender, count_address, keep_language, read_token
from portal.web.application import reading, transaction
from portal.web.guards import PUBLIC, guarded_by
from portal.web.rates import Subject
from records.cases import party_language
from records.checking import Authentic, authentic, check_code
from records.organizations import Organization
from storage.database import utcnow

checking = Blueprint("checking", __name__)
checking.after_request(keep_language)


@checking.get("/check")
@guarded_by(PUBLIC)
def ask() -> ResponseReturnValue:
    """Ask for the code of a message."""
    return render_template("customer/check.html")


@checking.post("/check")
@guarded_by(PUBLIC)
def answer() -> ResponseReturnValue:
    """Tell what the code proves. Raises TooManyChecks, TooManyRequests."""
    check_sender()
    count_address(Subject.CHECKS)
    with transaction() as session:
        found = check_code(session, request.form.get("code", ""), now=utcnow())
        company = _company(session, found) if found is not None else None
    if found is None:
        return render_template("customer/check.html", wrong=True), 404
    return render_template("customer/authentic.html", found=found, company=company, compare=False)


@checking.get("/s/<token>/check")
@guarded_by(PUBLIC)
def compare(token: str) -> ResponseReturnValue:
    """Show whoever holds a link the code that its message must carry. Raises LinkClosed."""
    with reading() as session:
        link = open_link(session, read_token(token))
        g.party_language = party_language(session, link.party_id)
        found = authentic(session, link)
        company = _company(session, found)
    return render_template("customer/authentic.html", found=found, company=company, compare=True, back=f"/s/{token}")


def _company(session: Session, found: Authentic) -> Company:
    org = session.get_one(Organization, found.org_id)
    g.timezone = org.timezone
    return company_of(org)
