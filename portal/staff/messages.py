"""Messages that need somebody's eyes: the page of them, and what a person does with one, here or on its case's page."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from portal.staff.desk import me
from portal.web.application import reading, transaction
from portal.web.guards import guarded_by
from records import handling, outbox
from records.errors import InvalidValue
from records.messages import Message
from records.outbox import Pile
from storage.database import utcnow

blueprint = Blueprint("messages", __name__)


@blueprint.get("/messages")
@guarded_by("handle_messages")
def show() -> ResponseReturnValue:
    """Show one pile of messages, by default the first that is not empty."""
    untrusted, now = request.args.get("pile", ""), utcnow()
    if untrusted and untrusted not in set(Pile):
        raise InvalidValue("pile", "unknown")
    with reading() as session:
        found = outbox.stuck_messages(session, me(), Pile(untrusted) if untrusted else None, now=now)
        return render_template("staff/messages.html", board=found, piles=list(Pile), now=now)


@blueprint.post("/messages/<id:message_id>/retry")
@guarded_by("handle_messages")
def retry(message_id: str) -> ResponseReturnValue:
    """Send it again now."""
    with transaction() as session:
        back = _back(handling.retry(session, me(), message_id, now=utcnow()))
    flash(gettext("Mensaje en cola. Sale en unos segundos."), "done")
    return redirect(back, 303)


@blueprint.post("/messages/<id:message_id>/move")
@guarded_by("handle_messages")
def move(message_id: str) -> ResponseReturnValue:
    """Send it by another channel now."""
    channel = request.form.get("channel", "")
    with transaction() as session:
        back = _back(handling.move(session, me(), message_id, untrusted_channel=channel, now=utcnow()))
    flash(gettext("Mensaje en cola. Sale en unos segundos."), "done")
    return redirect(back, 303)


@blueprint.post("/messages/<id:message_id>/cancel")
@guarded_by("handle_messages")
def cancel(message_id: str) -> ResponseReturnValue:
    """Stop it before it leaves."""
    with transaction() as session:
        back = _back(handling.cancel(session, me(), message_id, now=utcnow()))
    flash(gettext("Mensaje cancelado. No sale."), "done")
    return redirect(back, 303)


@blueprint.post("/parties/<id:party_id>/confirm")
@guarded_by("handle_messages")
def confirm(party_id: str) -> ResponseReturnValue:
    """Say that the address is still this person's."""
    with transaction() as session:
        case_id = handling.confirm_contact(session, me(), party_id, now=utcnow()).case_id
    flash(gettext("Contacto confirmado. Lo que esperaba sale en unos minutos."), "done")
    return redirect(url_for("cases.show", case_id=case_id), 303)


def _back(message: Message) -> str:
    """Return to where the button was: the page of messages, else the case."""
    if request.form.get("back") == "messages":
        return url_for(".show")
    return url_for("cases.show", case_id=message.case_id)
