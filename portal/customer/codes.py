"""The page between activation and checklist where a one-time code is typed.

Rules: it shows no more of the address than the hint of its row; every typed code is counted before it is compared; the
right one gives the browser a new secret; a code goes out with an activation or a press of the button, never with a GET.
"""

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, g, redirect, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal.customer.checklist import company_of
from portal.customer.visits import (
    check_csrf,
    check_sender,
    desk,
    digest_of,
    keep_language,
    new_secret,
    set_cookie,
    visitor,
)
from portal.web.application import reading, transaction
from portal.web.guards import guarded_by
from records import challenges
from records.cases import party_hint
from records.challenges import MAX_TRIES, Answer, CodeChallenge
from records.errors import CodeLocked, TooManyCodes
from records.links import UploadLink, Visit
from records.messages import MessageState, state_of
from records.organizations import Organization
from storage.database import utcnow

code_pages = Blueprint("codes", __name__)
code_pages.after_request(keep_language)

UNDELIVERED = (MessageState.FAILED, MessageState.CANCELLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What the page may tell of the code that went out last."""

    hint: str | None
    by_mail: bool
    open_until: datetime | None
    """None when another one has to be asked for."""
    tries_left: int
    undelivered: bool
    locked: bool


@code_pages.get("/e/code")
@guarded_by("waiting_visit")
def show() -> ResponseReturnValue:
    """Ask for the code."""
    return _page()


@code_pages.post("/e/code")
@guarded_by("waiting_visit")
def confirm() -> ResponseReturnValue:
    """Take the code that was typed."""
    check_sender()
    check_csrf(request.form.get("csrf", ""))
    typed, secret = request.form.get("code", ""), new_secret()
    with transaction() as session:
        answer = challenges.answer(
            session,
            visitor().visit_id,
            is_right=lambda challenge_id: desk().codes.is_right(challenge_id, typed),
            cookie_sha256=digest_of(secret),
            now=utcnow(),
        )
    if answer is not Answer.RIGHT:
        return _page(answer), 422
    response = redirect("/e", code=303)
    set_cookie(response, secret)
    return response


@code_pages.post("/e/code/again")
@guarded_by("waiting_visit")
def again() -> ResponseReturnValue:
    """Have a fresh code sent; the older one ends."""
    check_sender()
    check_csrf(request.form.get("csrf", ""))
    try:
        with transaction() as session:
            challenges.ask_for_code(session, session.get_one(Visit, visitor().visit_id), now=utcnow())
    except TooManyCodes:
        return _page(too_many=True), 429
    except CodeLocked:
        return _page(), 429
    return redirect("/e/code", code=303)


def _page(answer: Answer | None = None, *, too_many: bool = False) -> str:
    with reading() as session:
        org = session.get_one(Organization, visitor().org_id)
        g.timezone = org.timezone
        sent = _sent(session, utcnow())
        company = company_of(org)
    wrong = answer is Answer.WRONG and sent.open_until is not None
    return render_template("customer/code.html", company=company, sent=sent, wrong=wrong, too_many=too_many)


def _sent(session: Session, now: datetime) -> Sent:
    found = challenges.newest_challenge(session, visitor().visit_id)
    hint = party_hint(session, session.get_one(UploadLink, visitor().link_id).party_id)
    usable = found is not None and found.is_open(now)
    return Sent(
        hint=hint,
        by_mail=hint is not None and "@" in hint,
        open_until=found.expires_at if found is not None and usable else None,
        tries_left=MAX_TRIES - found.tries if found is not None else 0,
        undelivered=found is not None and _undelivered(session, found),
        locked=challenges.is_locked(session, visitor().request_id),
    )


def _undelivered(session: Session, sent: CodeChallenge) -> bool:
    return sent.message_id is not None and state_of(session, sent.message_id) in UNDELIVERED
