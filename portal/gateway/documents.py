"""The REST API of documents: states and reasons only. What a file is called, holds or hashes to never leaves here.

The gateway may read no other columns of documents than these (migrations/rights.py).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from apiflask import APIBlueprint
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, Field
from sqlalchemy import Select, select
from sqlalchemy.orm import load_only, selectinload

from portal.gateway.keys import current_key
from portal.gateway.paging import Id, ListQuery, Order, page_of, paged
from portal.gateway.refusals import LISTING, needs, refusals
from portal.web.application import reading
from portal.web.guards import guarded_by
from records.apikeys import ApiKey, Scope
from records.documents import Document, DocumentState, ReviewState
from records.errors import NotFound
from records.reach import reached_requests
from records.requests import DocumentRequest, SlotState

documents = APIBlueprint("documents", __name__, tag="Documents")

TOLD = (
    *(Document.id, Document.org_id, Document.case_id, Document.request_id, Document.slot_id, Document.state),
    *(Document.reason, Document.reason_page, Document.review, Document.received_at, Document.judged_at),
)


class DocumentsQuery(ListQuery):
    """Which documents."""

    case_id: Id | None = None
    request_id: Id | None = None
    state: DocumentState | None = None


class DocumentOut(BaseModel):
    """One file that a customer sent, without anything of the file."""

    id: str
    case_id: str
    request_id: str
    requirement: str
    side: str
    state: DocumentState = Field(
        description="`received` (in inspection), `filed` (it passed), `refused` (it did not), `recalled` (it passed "
        "and fell later), `withdrawn` (the customer took it back)."
    )
    review: ReviewState = Field(description="What a person decided about a filed one.")
    reason: str | None = Field(description="Code of why it was refused, recalled or returned.")
    reason_page: int | None
    received_at: datetime
    judged_at: datetime | None


class DocumentList(BaseModel):
    """Documents, newest first."""

    data: list[DocumentOut]
    next: str | None = Field(description="Address of the next page; null on the last one. Also in the Link header.")


@documents.get("/api/v1/documents")
@guarded_by("api_key")
@documents.input(DocumentsQuery, location="query", arg_name="query")
@documents.output(DocumentList, description="A page of documents")
@documents.doc(summary="List documents", responses=refusals(*LISTING), security=needs(Scope.DOCUMENTS_READ))
def listed(query: DocumentsQuery) -> ResponseReturnValue:
    """Newest first. Follow `next` until it is null."""
    key = current_key(Scope.DOCUMENTS_READ)
    wanted = _reached(key)
    for column, value in (
        (Document.case_id, query.case_id),
        (Document.request_id, query.request_id),
        (Document.state, query.state),
    ):
        if value is not None:
            wanted = wanted.where(column == value)
    with reading() as session:
        rows, cursor = page_of(session, wanted, Order(at=Document.received_at, id=Document.id), query)
        return paged(_told(rows), cursor)


@documents.get("/api/v1/documents/<id:document_id>")
@guarded_by("api_key")
@documents.output(DocumentOut, description="The document")
@documents.doc(
    summary="See how a document stands", responses=refusals("not_found"), security=needs(Scope.DOCUMENTS_READ)
)
def show(document_id: str) -> ResponseReturnValue:
    """Its state, and why where it was not taken."""
    key = current_key(Scope.DOCUMENTS_READ)
    with reading() as session:
        found = session.scalars(_reached(key).where(Document.id == document_id)).all()
        if not found:
            raise NotFound(f"document {document_id}")
        return _told(found)[0]


def _reached(key: ApiKey) -> Select[Any]:
    reached = select(DocumentRequest.id).where(reached_requests(key))
    wanted = select(Document).options(load_only(*TOLD, raiseload=True), selectinload(Document.slot))
    return wanted.where(Document.org_id == key.org_id, Document.request_id.in_(reached))


def _told(found: Sequence[Document]) -> list[dict[str, Any]]:
    return [
        DocumentOut(
            id=each.id,
            case_id=each.case_id,
            request_id=each.request_id,
            requirement=each.slot.requirement.key,
            side=each.slot.side,
            state=each.state,
            review=each.review,
            reason=each.reason or _returned(each),
            reason_page=each.reason_page,
            received_at=each.received_at,
            judged_at=each.judged_at,
        ).model_dump(mode="json")
        for each in found
    ]


def _returned(document: Document) -> str | None:
    """Return why a person returned the document, while it still stands in its slot."""
    slot = document.slot
    return slot.reason if slot.document_id == document.id and slot.state == SlotState.RETURNED else None
