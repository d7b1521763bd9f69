"""The REST API of cases: what a CRM shows beside its own record, with a link to the console."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from apiflask import APIBlueprint
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from portal.gateway.keys import current_key
from portal.gateway.paging import ListQuery, Order, Reference, Time, page_of, paged
from portal.gateway.refusals import LISTING, needs, refusals
from portal.gateway.schemas import ProgressOut
from portal.gateway.telling import case_url
from portal.web.application import reading
from portal.web.guards import guarded_by
from records.apikeys import ApiKey, Scope
from records.cases import Case, CaseState
from records.progress import progress
from records.reach import case_in_reach, reached_cases, reached_requests
from records.requests import DocumentRequest

cases = APIBlueprint("cases", __name__, tag="Cases")


class CasesQuery(ListQuery):
    """Which cases."""

    state: CaseState | None = None
    external_ref: Reference | None = None
    updated_since: Time | None = Field(
        default=None, description="Only those that changed since (RFC 3339, with its zone)."
    )


class AskedOut(BaseModel):
    """A request of the case, in short."""

    id: str
    contact_id: str
    template: str
    progress: ProgressOut


class CaseOut(BaseModel):
    """A case as the CRM sees it."""

    id: str
    case_url: str = Field(description="The case at the console, behind its sign-in.")
    external_ref: str | None
    title: str
    state: CaseState
    created_at: datetime
    updated_at: datetime
    requests: list[AskedOut]


class CaseList(BaseModel):
    """Cases, newest first."""

    data: list[CaseOut]
    next: str | None = Field(description="Address of the next page; null on the last one. Also in the Link header.")


@cases.get("/api/v1/cases")
@guarded_by("api_key")
@cases.input(CasesQuery, location="query", arg_name="query")
@cases.output(CaseList, description="A page of cases")
@cases.doc(summary="List cases", responses=refusals(*LISTING), security=needs(Scope.CASES_READ))
def listed(query: CasesQuery) -> ResponseReturnValue:
    """Newest first. Follow `next` until it is null."""
    key = current_key(Scope.CASES_READ)
    wanted = select(Case).where(reached_cases(key))
    if query.state is not None:
        wanted = wanted.where(Case.state == query.state)
    if query.external_ref is not None:
        wanted = wanted.where(Case.external_ref == query.external_ref)
    if query.updated_since is not None:
        wanted = wanted.where(Case.updated_at >= query.updated_since)
    with reading() as session:
        rows, cursor = page_of(session, wanted, Order(at=Case.created_at, id=Case.id), query)
        return paged(_told(session, key, rows), cursor)


@cases.get("/api/v1/cases/<id:case_id>")
@guarded_by("api_key")
@cases.output(CaseOut, description="The case")
@cases.doc(summary="See a case", responses=refusals("not_found"), security=needs(Scope.CASES_READ))
def show(case_id: str) -> ResponseReturnValue:
    """Its requests with their progress, and where an agent finds it at the console."""
    key = current_key(Scope.CASES_READ)
    with reading() as session:
        return _told(session, key, [case_in_reach(session, key, case_id)])[0]


def _told(session: Session, key: ApiKey, found: Sequence[Case]) -> list[dict[str, Any]]:
    wanted = select(DocumentRequest).options(joinedload(DocumentRequest.template))
    wanted = wanted.where(DocumentRequest.case_id.in_([case.id for case in found]), reached_requests(key))
    asked: dict[str, list[AskedOut]] = {}
    for request in session.scalars(wanted.order_by(DocumentRequest.created_at)):
        asked.setdefault(request.case_id, []).append(
            AskedOut(
                id=request.id,
                contact_id=request.party_id,
                template=f"{request.template.key}/{request.template.version}",
                progress=ProgressOut(**progress(request).as_json()),
            )
        )
    return [
        CaseOut(
            id=case.id,
            case_url=case_url(case.id),
            external_ref=case.external_ref,
            title=case.title,
            state=case.state,
            created_at=case.created_at,
            updated_at=case.updated_at,
            requests=asked.get(case.id, []),
        ).model_dump(mode="json")
        for case in found
    ]
