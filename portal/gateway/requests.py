"""The REST API of document requests, version 1."""

from datetime import UTC, datetime
from typing import Any

from apiflask import APIBlueprint
from flask import current_app, g, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from intake.links import LinkSigner
from portal.gateway.idempotency import Answer, once
from portal.gateway.schemas import MessageOut, NewRequest, ProblemOut, RequestOut, SlotOut
from portal.web.application import reading, transaction
from portal.web.guards import guarded_by
from records.apikeys import ApiKey
from records.checkcodes import grouped
from records.errors import Forbidden
from records.links import newest_link
from records.messages import messages_of_request
from records.organizations import Organization
from records.requesting import CRM_EVENTS, NewCase, NewParty, Requester, request_documents
from records.requests import DocumentRequest, SendMode, SlotState, get_request
from storage.database import utcnow

WRITE, READ = "requests:write", "requests:read"

api = APIBlueprint("requests", __name__, tag="Requests")


def _problems(words: dict[int, str]) -> dict[int | str, dict[str, Any]]:
    schema = ProblemOut.model_json_schema()
    return {
        status: {"description": text, "content": {"application/problem+json": {"schema": schema}}}
        for status, text in words.items()
    }


REFUSALS = {401: "API key refused", 403: "Scope missing", 404: "Template or request not found"}
CREATE_REFUSALS = REFUSALS | {
    400: "Idempotency-Key missing, or not JSON",
    413: "Body too large",
    422: "Invalid value, or Idempotency-Key used with another body",
}


def signer() -> LinkSigner:
    """Return the link signer of the application."""
    found: LinkSigner = current_app.extensions["link_signer"]
    return found


def current_key(scope: str) -> ApiKey:
    """Return the authenticated key. Raises Forbidden without the scope."""
    key: ApiKey = g.api_key
    if scope not in key.scopes:
        raise Forbidden(f"key {key.id} lacks {scope}")
    return key


@api.post("/api/v1/requests")
@guarded_by("api_key")
@api.input(NewRequest, arg_name="body")
@api.output(RequestOut, status_code=201)
@api.doc(
    summary="Ask a person for documents",
    responses=_problems(CREATE_REFUSALS),
    security="ApiKey",
)
def create(body: NewRequest) -> ResponseReturnValue:
    """Create the case (or find it by external_ref), the request and its link; queue the message in mode `auto`.

    Send an `Idempotency-Key` header: the same key and body give the same answer and no second effect for 24 hours.
    """
    key, now = current_key(WRITE), utcnow()
    with transaction() as session:
        answer = once(
            session,
            key=key,
            method="POST",
            path="/api/v1/requests",
            untrusted_key=request.headers.get("Idempotency-Key"),
            raw_body=request.get_data(cache=True),
            now=now,
            effect=lambda: _create(session, key, body, now),
        )
        shown = answer.body | _link_once(session, answer.resource_id)
    headers = {"Location": f"/api/v1/requests/{answer.resource_id}"}
    if answer.replayed:
        headers["Idempotency-Replayed"] = "true"
    return shown, answer.status, headers


@api.get("/api/v1/requests/<id:request_id>")
@guarded_by("api_key")
@api.output(RequestOut)
@api.doc(summary="See how far a request is", responses=_problems(REFUSALS), security="ApiKey")
def show(request_id: str) -> ResponseReturnValue:
    """States and reasons of every slot and message; never a file."""
    key = current_key(READ)
    with reading() as session:
        found = get_request(session, org_id=key.org_id, request_id=request_id)
        return _shown(session, found)


def _create(session: Session, key: ApiKey, body: NewRequest, now: datetime) -> Answer:
    organization = session.get_one(Organization, key.org_id)
    request_event, case_event = CRM_EVENTS
    made, _link, _message = request_documents(
        session,
        org_id=key.org_id,
        country=organization.country,
        requester=Requester(id=key.id, request_event=request_event, case_event=case_event),
        case=NewCase(
            untrusted_title=body.title or body.external_ref or body.template_key,
            untrusted_reference=body.external_ref,
            team_id=key.team_id,
        ),
        party=NewParty(
            untrusted_name=body.contact.name,
            untrusted_phone=body.contact.phone,
            untrusted_email=body.contact.email,
            untrusted_locale=body.contact.locale,
        ),
        template_key=body.template_key,
        send_mode=SendMode(body.send.mode),
        untrusted_word=body.known_word,
        now=now,
    )
    return Answer(status=201, body=_shown(session, made), resource_id=made.id)


def _shown(session: Session, found: DocumentRequest) -> dict[str, Any]:
    link = newest_link(session, found.id)
    slots = [
        SlotOut(
            requirement=slot.requirement.key,
            side=slot.side,
            state=slot.state,
            reason=slot.reason,
            changed_at=slot.changed_at,
        )
        for slot in found.slots
    ]
    messages = [
        MessageOut(id=each.id, purpose=each.purpose, state=each.state, error=each.error, changed_at=each.changed_at)
        for each in messages_of_request(session, found.id)
    ]
    out = RequestOut(
        id=found.id,
        case_id=found.case_id,
        external_ref=found.case.external_ref,
        state=found.state,
        template=f"{found.template.key}/{found.template.version}",
        created_at=found.created_at.astimezone(UTC),
        check_code=grouped(link.check_code) if link is not None else None,
        link_expires_at=link.expires_at if link is not None else None,
        accepted=sum(1 for slot in found.slots if slot.state == SlotState.ACCEPTED),
        total=len(found.slots),
        slots=slots,
        messages=messages,
    )
    return out.model_dump(mode="json", exclude={"upload_url"})


def _link_once(session: Session, request_id: str) -> dict[str, str]:
    """Return the link for the CRM to send, derived anew: it is stored nowhere."""
    found = session.get_one(DocumentRequest, request_id)
    link = newest_link(session, request_id)
    if found.send_mode != SendMode.NONE or link is None:
        return {}
    return {"upload_url": f"{current_app.config['PUBLIC_URL']}/s/{signer().token(link.id)}"}
