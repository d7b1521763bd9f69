"""How sending is doing, for administrators: numbers, what stops them, limits, alarms."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from portal.staff.desk import me
from portal.web.application import reading, transaction
from portal.web.guards import guarded_by
from records import sending as use_case
from records.administering import team_names
from storage.database import utcnow

blueprint = Blueprint("sending", __name__)


@blueprint.get("/administration/sending")
@guarded_by("administer")
def overview() -> ResponseReturnValue:
    """Show numbers, stops, limits and alarms."""
    now = utcnow()
    with reading() as session:
        found = use_case.state_of_sending(session, me(), now=now)
        return render_template("staff/sending.html", sending=found, teams=team_names(session, me()), now=now)


@blueprint.post("/breakers/<id:breaker_id>/close")
@guarded_by("administer")
def close_breaker(breaker_id: str) -> ResponseReturnValue:
    """Let through again; what waited goes at once."""
    with transaction() as session:
        use_case.close_breaker(session, me(), breaker_id, now=utcnow())
    flash(gettext("Reanudado. Lo que esperaba sale en unos segundos."), "done")
    return redirect(url_for(".overview"), 303)


@blueprint.post("/alarms/<id:alarm_id>/close")
@guarded_by("administer")
def close_alarm(alarm_id: str) -> ResponseReturnValue:
    """Take an alarm off the page."""
    with transaction() as session:
        use_case.close_alarm(session, me(), alarm_id, now=utcnow())
    flash(gettext("Alarma cerrada."), "done")
    return redirect(url_for(".overview"), 303)
