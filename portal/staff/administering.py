"""Administration: members who may sign in, and API keys of integrations."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.orm import Session

from portal.staff.desk import me
from portal.web.application import reading, transaction
from portal.web.guards import guarded_by
from records import administering as use_case
from records.apikeys import Scope
from records.errors import InvalidValue
from storage.database import utcnow

blueprint = Blueprint("administering", __name__)


@blueprint.get("/administration")
@guarded_by("administer")
def overview() -> ResponseReturnValue:
    """Show members and API keys."""
    with reading() as session:
        return _page(session)


@blueprint.post("/members/<id:member_id>/disable")
@guarded_by("administer")
def disable(member_id: str) -> ResponseReturnValue:
    """Shut a member out; their sessions end at their next request."""
    with transaction() as session:
        use_case.set_active(session, me(), member_id, active=False, now=utcnow())
    flash(gettext("Acceso retirado."), "done")
    return redirect(url_for(".overview"), 303)


@blueprint.post("/members/<id:member_id>/enable")
@guarded_by("administer")
def enable(member_id: str) -> ResponseReturnValue:
    """Let a member in again."""
    with transaction() as session:
        use_case.set_active(session, me(), member_id, active=True, now=utcnow())
    flash(gettext("Acceso devuelto."), "done")
    return redirect(url_for(".overview"), 303)


@blueprint.post("/api-keys")
@guarded_by("administer")
def make_key() -> ResponseReturnValue:
    """Make an API key and show it, this once."""
    given = use_case.NewApiKey(
        untrusted_name=request.form.get("name", ""),
        untrusted_team=request.form.get("team", ""),
        untrusted_scopes=request.form.getlist("scope"),
        untrusted_days=request.form.get("days", ""),
        untrusted_networks=request.form.get("networks", ""),
    )
    try:
        with transaction() as session:
            row, key = use_case.make_api_key(session, me(), given, now=utcnow())
    except InvalidValue as error:
        with reading() as session:
            return _page(session, wrong=error), 422
    with reading() as session:
        return _page(session, made=(row.name, key))


@blueprint.post("/api-keys/<id:key_id>/rotate")
@guarded_by("administer")
def rotate_key(key_id: str) -> ResponseReturnValue:
    """Give an API key a new secret and show it, this once."""
    overlap = request.form.get("overlap", "")
    try:
        with transaction() as session:
            row, key = use_case.rotate_api_key(session, me(), key_id, untrusted_overlap=overlap, now=utcnow())
    except InvalidValue as error:
        with reading() as session:
            return _page(session, wrong=error), 422
    with reading() as session:
        return _page(session, made=(row.name, key))


@blueprint.post("/api-keys/<id:key_id>/revoke")
@guarded_by("administer")
def revoke_key(key_id: str) -> ResponseReturnValue:
    """End an API key."""
    with transaction() as session:
        use_case.revoke_api_key(session, me(), key_id, now=utcnow())
    flash(gettext("Clave revocada."), "done")
    return redirect(url_for(".overview"), 303)


def _page(session: Session, *, made: tuple[str, str] | None = None, wrong: InvalidValue | None = None) -> str:
    return render_template(
        "staff/administration.html",
        members=use_case.members(session, me()),
        teams=use_case.team_names(session, me()),
        keys=use_case.api_keys(session, me()),
        scopes=list(Scope),
        now=utcnow(),
        made=made,
        wrong=wrong,
    )
