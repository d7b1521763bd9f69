"""The REST API of events: what webhooks tell, for whoever would rather ask, or missed some."""

from datetime import datetime
from typing import Annotated, Any

from apiflask import APIBlueprint
from flask import current_app
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, or_, select, true
from sqlalchemy.orm import Session

from portal.gateway.keys import current_key
from portal.gateway.paging import Id, next_page
from portal.gateway.refusals import LISTING, needs, refusals
from portal.web.application import reading
from portal.web.guards import guarded_by
from records.apikeys import ApiKey, Scope
from records.cases import Case
from records.crm.events import CrmEvent, payload, webhook_id
from records.crm.types import CrmType
from records.errors import NotFound
from records.reach import reached_cases, reached_requests
from records.requests import DocumentRequest

events = APIBlueprint("events", __name__, tag="Events")


class EventsQuery(BaseModel):
    """Which events."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=25, ge=1, le=100, description="Rows of a page.")
    after: Annotated[str, Field(pattern=r"^evt_[0-9a-f]{32}$")] | None = Field(
        default=None, description="The last event that you have seen, here or by webhook: only later ones."
    )
    type: CrmType | None = None
    case_id: Id | None = None
    request_id: Id | None = None


class EventOut(BaseModel):
    """One event, as a webhook tells it."""

    id: str = Field(description="The same as `webhook-id`: by it an event is known again.")
    type: CrmType
    timestamp: datetime
    data: dict[str, Any] = Field(description="Ids, codes, `progress`, `case_url`; never a name or a link.")


class EventList(BaseModel):
    """Events, oldest first."""

    data: list[EventOut]
    next: str | None = Field(description="Address of the next page; null when there is nothing later yet.")


@events.get("/api/v1/events")
@guarded_by("api_key")
@events.input(EventsQuery, location="query", arg_name="query")
@events.output(EventList, description="A page of events")
@events.doc(summary="List events", responses=refusals(*LISTING, "not_found"), security=needs(Scope.EVENTS_READ))
def listed(query: EventsQuery) -> ResponseReturnValue:
    """In the order of the sealed audit trail, oldest first. Keep the last `id`, and ask later with `after`."""
    key = current_key(Scope.EVENTS_READ)
    wanted = select(CrmEvent).where(CrmEvent.org_id == key.org_id, _reached(key))
    for column, value in (
        (CrmEvent.type, query.type),
        (CrmEvent.case_id, query.case_id),
        (CrmEvent.request_id, query.request_id),
    ):
        if value is not None:
            wanted = wanted.where(column == value)
    with reading() as session:
        if query.after is not None:
            wanted = wanted.where(CrmEvent.leaf > _place(session, key, query.after))
        rows = session.scalars(wanted.order_by(CrmEvent.leaf).limit(query.limit + 1)).all()
    told = [_told(event) for event in rows[: query.limit]]
    return next_page(told, {"after": told[-1]["id"]} if len(rows) > query.limit else None)


def _reached(key: ApiKey) -> ColumnElement[bool]:
    if key.team_id is None:
        return true()
    asked = CrmEvent.request_id.in_(select(DocumentRequest.id).where(reached_requests(key)))
    of_case = CrmEvent.case_id.in_(select(Case.id).where(reached_cases(key)))
    return or_(asked, CrmEvent.request_id.is_(None) & of_case)


def _place(session: Session, key: ApiKey, after: str) -> int:
    """Return the place of an event in its organization's trail. Raises NotFound."""
    found = session.scalar(
        select(CrmEvent.leaf).where(CrmEvent.id == after.removeprefix("evt_"), CrmEvent.org_id == key.org_id)
    )
    if found is None:
        raise NotFound("event")
    return found


def _told(event: CrmEvent) -> dict[str, Any]:
    return {"id": webhook_id(event)} | payload(event, current_app.config["STAFF_URL"])
