"""What came by chat: files that were never downloaded, and whether a person may be written to again."""

from typing import NamedTuple

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from portal.staff.desk import me
from portal.web.application import reading, transaction
from portal.web.guards import guarded_by
from records import interceptions, optins
from storage.database import utcnow

blueprint = Blueprint("chats", __name__)


class Counts(NamedTuple):
    """Files by chat in the last 30 days, and those of nobody's that wait for a person."""

    lately: int
    waiting: int


def counts() -> Counts:
    """Return what the board tells; the reader may list cases."""
    with reading() as session:
        return Counts(*interceptions.count_lately(session, me(), now=utcnow()))


@blueprint.get("/chats")
@guarded_by("list_cases")
def show() -> ResponseReturnValue:
    """List the newest files that came by chat."""
    with reading() as session:
        found = interceptions.list_lately(session, me())
    return render_template("staff/chats.html", found=found)


@blueprint.post("/chats/<id:file_id>/handled")
@guarded_by("request_documents")
def handled(file_id: str) -> ResponseReturnValue:
    """Note that somebody took care of it."""
    with transaction() as session:
        interceptions.handle(session, me(), file_id, now=utcnow())
    flash(gettext("Anotado: ya está atendido."), "done")
    return redirect(url_for(".show"), 303)


@blueprint.post("/parties/<id:party_id>/opt-in")
@guarded_by("request_documents")
def opt_in(party_id: str) -> ResponseReturnValue:
    """Keep how a person agreed to messages; an older "no" ends with it."""
    text = request.form.get("opt_in", "")
    with transaction() as session:
        party = optins.allow_again(session, me(), party_id, untrusted_text=text, now=utcnow())
    flash(gettext("Constancia guardada."), "done")
    return redirect(url_for("cases.show", case_id=party.case_id, _anchor="contacts"), 303)
