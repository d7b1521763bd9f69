"""The REST API of document requests: ask, look, and steer what runs."""

from datetime import datetime
from typing import Any

from apiflask import APIBlueprint
from flask.typing import ResponseReturnValue
from pydantic import Field
from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from audit import Event
from portal.gateway.acting import act_once, without_body
from portal.gateway.keys import current_key
from portal.gateway.paging import Id, ListQuery, Order, Reference, Time, page_of, paged
from portal.gateway.refusals import ACTING, ENDED, LISTING, needs, refusals
from portal.gateway.schemas import Contact, Extension, NewRequest, RequestList, RequestOut
from portal.gateway.telling import told_requests
from portal.web.application import reading
from portal.web.guards import guarded_by
from records import steering
from records.apikeys import ApiKey, Scope
from records.cases import Case, Party
from records.errors import NotFound, ReferenceTaken
from records.messages import Message
from records.optins import Evidence, OptInSource
from records.organizations import Organization
from records.reach import case_in_reach, party_in_reach, reached_requests, request_in_reach
from records.requesting import CRM_EVENTS, NewCase, NewParty, Requester, case_for, request_documents
from records.requests import DocumentRequest, RequestState, SendMode, Slot

api = APIBlueprint("requests", __name__, tag="Requests")


class RequestsQuery(ListQuery):
    """Which requests."""

    state: RequestState | None = None
    case_id: Id | None = None
    external_ref: Reference | None = None
    updated_since: Time | None = Field(
        default=None, description="Only those of which something changed since (RFC 3339, with its zone)."
    )


@api.post("/api/v1/requests")
@guarded_by("api_key")
@api.input(NewRequest, arg_name="body")
@api.output(RequestOut, status_code=201, description="The request; in mode `none` with its link")
@api.doc(
    summary="Ask a person for documents",
    responses=refusals(*ACTING, "not_found", "case_closed", "external_ref_taken", "contact_opted_out"),
    security=needs(Scope.REQUESTS_WRITE),
)
def create(body: NewRequest) -> ResponseReturnValue:
    """Create the case (or find it by external_ref), the request and its link; queue the message in mode `auto`.

    In mode `none` the answer holds `upload_url` and `url_suffix`, once: they are stored nowhere.
    """
    return act_once(lambda session, key, now: _create(session, key, body, now), status=201, hands_link_over=True)


@api.get("/api/v1/requests")
@guarded_by("api_key")
@api.input(RequestsQuery, location="query", arg_name="query")
@api.output(RequestList, description="A page of requests")
@api.doc(summary="List requests", responses=refusals(*LISTING), security=needs(Scope.REQUESTS_READ))
def listed(query: RequestsQuery) -> ResponseReturnValue:
    """Newest first. Follow `next` until it is null; new requests do not disturb the order."""
    key = current_key(Scope.REQUESTS_READ)
    wanted = select(DocumentRequest).options(joinedload(DocumentRequest.case), joinedload(DocumentRequest.template))
    wanted = wanted.where(reached_requests(key))
    if query.state is not None:
        wanted = wanted.where(DocumentRequest.state == query.state)
    if query.case_id is not None:
        wanted = wanted.where(DocumentRequest.case_id == query.case_id)
    if query.external_ref is not None:
        of_case = select(Case.id).where(Case.org_id == key.org_id, Case.external_ref == query.external_ref)
        wanted = wanted.where(DocumentRequest.case_id.in_(of_case))
    if query.updated_since is not None:
        wanted = wanted.where(_changed_since(query.updated_since))
    with reading() as session:
        rows, cursor = page_of(session, wanted, Order(at=DocumentRequest.created_at, id=DocumentRequest.id), query)
        return paged(told_requests(session, rows), cursor)


@api.get("/api/v1/requests/<id:request_id>")
@guarded_by("api_key")
@api.output(RequestOut, description="The request")
@api.doc(summary="See how far a request is", responses=refusals("not_found"), security=needs(Scope.REQUESTS_READ))
def show(request_id: str) -> ResponseReturnValue:
    """States and reasons of every slot and message; never a file."""
    key = current_key(Scope.REQUESTS_READ)
    with reading() as session:
        return told_requests(session, [request_in_reach(session, key, request_id)])[0]


@api.post("/api/v1/requests/<id:request_id>/resend")
@guarded_by("api_key")
@api.output(RequestOut, description="The request; in mode `none` with its link")
@api.doc(
    summary="Send the message again",
    responses=refusals(*ACTING, *ENDED, "message_pending", "contact_opted_out"),
    security=needs(Scope.REQUESTS_WRITE),
)
def resend(request_id: str) -> ResponseReturnValue:
    """Queue the message once more, with the open link while it lives long enough, else with a new one.

    In mode `none` nothing is sent: the answer holds the link once more.
    """
    without_body()
    return act_once(lambda session, key, now: _resend(session, key, request_id, now), hands_link_over=True)


@api.post("/api/v1/requests/<id:request_id>/extend")
@guarded_by("api_key")
@api.input(Extension, arg_name="body")
@api.output(RequestOut, description="The request")
@api.doc(
    summary="Let the link live longer",
    responses=refusals(*ACTING, *ENDED, "link_ended"),
    security=needs(Scope.REQUESTS_WRITE),
)
def extend(request_id: str, body: Extension) -> ResponseReturnValue:
    """Move the end of request and link to so many days from now, where that is later.

    The link that the customer has opens again, also when it had expired; a revoked one does not.
    """

    def effect(session: Session, key: ApiKey, now: datetime) -> DocumentRequest:
        found = request_in_reach(session, key, request_id)
        actor = steering.Actor(id=key.id, event=Event.CRM_REQUEST_EXTENDED)
        steering.extend(session, found, actor, days=body.days, now=now)
        return found

    return act_once(effect)


@api.post("/api/v1/requests/<id:request_id>/cancel")
@guarded_by("api_key")
@api.output(RequestOut, description="The request")
@api.doc(summary="Ask no longer", responses=refusals(*ACTING, *ENDED), security=needs(Scope.REQUESTS_WRITE))
def cancel(request_id: str) -> ResponseReturnValue:
    """Close the link at once, also for a customer who is sending; what was received stays in the case."""
    without_body()

    def effect(session: Session, key: ApiKey, now: datetime) -> DocumentRequest:
        found = request_in_reach(session, key, request_id)
        steering.cancel(session, found, steering.Actor(id=key.id, event=Event.CRM_REQUEST_CANCELLED), now=now)
        return found

    return act_once(effect)


def _create(session: Session, key: ApiKey, body: NewRequest, now: datetime) -> DocumentRequest:
    organization = session.get_one(Organization, key.org_id)
    request_event, case_event = CRM_EVENTS
    requester = Requester(id=key.id, request_event=request_event, case_event=case_event)
    case, party = _whom(session, key, body, requester, now)
    made, _link, _message = request_documents(
        session,
        org_id=key.org_id,
        country=organization.country,
        requester=requester,
        case=case,
        party=party,
        template_key=body.template_key,
        send_mode=SendMode(body.send.mode),
        untrusted_word=body.known_word,
        untrusted_crm=body.crm.named(),
        now=now,
    )
    return made


def _whom(
    session: Session, key: ApiKey, body: NewRequest, requester: Requester, now: datetime
) -> tuple[Case, Party | NewParty]:
    """Return the case to ask in and the person to ask. Raises NotFound, ReferenceTaken, InvalidValue."""
    if body.contact is None:
        party = party_in_reach(session, key, body.contact_id or "")
        return session.get_one(Case, party.case_id), party
    given = NewCase(
        untrusted_title=body.title or body.external_ref or body.template_key,
        untrusted_reference=body.external_ref,
        team_id=key.team_id,
    )
    case = case_for(session, key.org_id, given, requester, now=now)
    try:
        case_in_reach(session, key, case.id)
    except NotFound:
        raise ReferenceTaken(f"case {case.id}") from None
    return case, NewParty(
        untrusted_name=body.contact.name,
        untrusted_phone=body.contact.phone,
        untrusted_bsuid=body.contact.whatsapp_id,
        untrusted_email=body.contact.email,
        untrusted_locale=body.contact.locale,
        opt_in=_evidence(body.contact),
    )


def _evidence(contact: Contact) -> Evidence | None:
    said = contact.opt_in
    return None if said is None else Evidence(untrusted_text=said.text, untrusted_at=said.at, source=OptInSource.API)


def _resend(session: Session, key: ApiKey, request_id: str, now: datetime) -> DocumentRequest:
    found = request_in_reach(session, key, request_id)
    match SendMode(found.send_mode):
        case SendMode.AUTO | SendMode.CRM:
            steering.send_again(session, found, steering.Actor(id=key.id, event=Event.CRM_MESSAGE_QUEUED), now=now)
        case SendMode.NONE:
            steering.hand_over(session, found, steering.Actor(id=key.id, event=Event.CRM_LINK_COPIED), now=now)
    return found


def _changed_since(since: datetime) -> Any:
    return or_(
        DocumentRequest.case_id.in_(select(Case.id).where(Case.updated_at >= since)),
        DocumentRequest.id.in_(select(Slot.request_id).where(Slot.changed_at >= since)),
        DocumentRequest.id.in_(select(Message.request_id).where(Message.changed_at >= since)),
    )
