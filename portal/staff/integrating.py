"""Integrations: webhooks and connectors that are told what happens, the log of what was sent, and sending again."""

import json
from datetime import datetime, time
from enum import StrEnum
from typing import TypeVar
from zoneinfo import ZoneInfo

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, ngettext

from portal.staff.desk import me, signed_in
from portal.web.application import reading, transaction
from portal.web.guards import guarded_by
from records import integrating as use_case
from records.crm.deliveries import DeliveryState
from records.crm.events import payload
from records.crm.subscribers import subscribers_of
from records.crm.types import CrmType
from records.errors import InvalidValue
from records.integrating import LogFilters
from records.trails import ID
from storage.database import utcnow

Kind = TypeVar("Kind", bound=StrEnum)

blueprint = Blueprint("integrating", __name__, url_prefix="/integrations")


@blueprint.get("")
@guarded_by("administer")
def overview() -> ResponseReturnValue:
    """Show who is told, and how that fares."""
    with reading() as session:
        subscribers, counts = use_case.overview(session, me())
    return render_template("staff/integrations.html", subscribers=subscribers, counts=counts, now=utcnow())


@blueprint.get("/log")
@guarded_by("administer")
def log() -> ResponseReturnValue:
    """Show a page of what was sent, newest first."""
    filters = _filters()
    with reading() as session:
        found = use_case.log(session, me(), filters=filters, untrusted_after=request.args.get("after", ""))
        subscribers = subscribers_of(session, me().org_id)
    return render_template(
        "staff/integration_log.html",
        log=found,
        filters=filters,
        subscribers=subscribers,
        states=list(DeliveryState),
        types=list(CrmType),
    )


@blueprint.get("/deliveries/<id:delivery_id>")
@guarded_by("administer")
def delivery(delivery_id: str) -> ResponseReturnValue:
    """Show one event for one subscriber: what was sent, and every try."""
    with reading() as session:
        found, tries = use_case.delivery_of(session, me(), delivery_id)
    sent = json.dumps(payload(found.event, request.host_url.rstrip("/")), indent=2, ensure_ascii=False)
    return render_template("staff/integration_delivery.html", delivery=found, tries=tries, payload=sent)


@blueprint.post("/deliveries/<id:delivery_id>/replay")
@guarded_by("administer")
def replay(delivery_id: str) -> ResponseReturnValue:
    """Send one event again."""
    with transaction() as session:
        use_case.replay(session, me(), delivery_id, now=utcnow())
    flash(gettext("Listo: sale de nuevo en unos segundos."), "done")
    return redirect(url_for(".delivery", delivery_id=delivery_id), 303)


@blueprint.post("/<id:subscriber_id>/pause")
@guarded_by("administer")
def pause(subscriber_id: str) -> ResponseReturnValue:
    """Stop sending to a subscriber."""
    with transaction() as session:
        use_case.pause(session, me(), subscriber_id, now=utcnow())
    flash(gettext("En pausa. Lo que pase mientras tanto queda guardado."), "done")
    return redirect(url_for(".overview"), 303)


@blueprint.post("/<id:subscriber_id>/resume")
@guarded_by("administer")
def resume(subscriber_id: str) -> ResponseReturnValue:
    """Send to a subscriber again."""
    with transaction() as session:
        use_case.resume(session, me(), subscriber_id, now=utcnow())
    flash(gettext("Activa de nuevo. Lo que esperaba sale ahora."), "done")
    return redirect(url_for(".overview"), 303)


@blueprint.post("/<id:subscriber_id>/test")
@guarded_by("administer")
def test(subscriber_id: str) -> ResponseReturnValue:
    """Send a test event to a subscriber."""
    with transaction() as session:
        use_case.test(session, me(), subscriber_id, now=utcnow())
    flash(gettext("El evento de prueba sale en unos segundos. Su resultado aparece en el registro."), "done")
    return redirect(url_for(".log", subscriber=subscriber_id), 303)


@blueprint.post("/<id:subscriber_id>/replay")
@guarded_by("administer")
def replay_failed(subscriber_id: str) -> ResponseReturnValue:
    """Send everything again that failed since a day."""
    since = _since(request.form.get("since", ""))
    with transaction() as session:
        count = use_case.replay_failed(session, me(), subscriber_id, since=since, now=utcnow())
    flash(ngettext("%(num)s evento sale de nuevo.", "%(num)s eventos salen de nuevo.", count), "done")
    return redirect(url_for(".log", subscriber=subscriber_id), 303)


def _since(untrusted: str) -> datetime:
    """Return the begin of a day in the reader's time zone. Raises InvalidValue."""
    try:
        day = datetime.strptime(untrusted, "%Y-%m-%d").date()  # noqa: DTZ007 (a day has no zone)
    except ValueError:
        raise InvalidValue("since", "malformed") from None
    zone = ZoneInfo(me().timezone or signed_in().organization.timezone)
    return datetime.combine(day, time(), zone)


def _filters() -> LogFilters:
    subscriber, state, type_ = (request.args.get(name, "") for name in ("subscriber", "state", "type"))
    if subscriber and not ID.fullmatch(subscriber):
        raise InvalidValue("filter", "malformed")
    return LogFilters(
        subscriber_id=subscriber or None,
        state=_one_of(DeliveryState, state),
        type=_one_of(CrmType, type_),
    )


def _one_of(kind: type[Kind], untrusted: str) -> Kind | None:
    if untrusted and untrusted not in set(kind):
        raise InvalidValue("filter", "malformed")
    return kind(untrusted) if untrusted else None
