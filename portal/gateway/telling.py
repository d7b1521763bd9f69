"""How the REST API tells of rows: states, reasons and ids; links to the console; never a file, never a stored link."""

from collections.abc import Sequence
from typing import Any

from flask import current_app
from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.links import LinkSigner
from portal.gateway.schemas import MessageOut, ProgressOut, RequestOut, SlotOut
from records.checkcodes import grouped
from records.links import UploadLink, newest_link
from records.messages import Message
from records.progress import progress
from records.requests import DocumentRequest, SendMode


def signer() -> LinkSigner:
    """Return the link signer of the application."""
    found: LinkSigner = current_app.extensions["link_signer"]
    return found


def case_url(case_id: str) -> str:
    """Return the address of a case at the console, where its reader must sign in."""
    return f"{current_app.config['STAFF_URL']}/cases/{case_id}"


def told_requests(session: Session, found: Sequence[DocumentRequest]) -> list[dict[str, Any]]:
    """Return requests as `RequestOut`, in few statements however many they are."""
    ids = [request.id for request in found]
    links = {
        link.request_id: link
        for link in session.scalars(
            select(UploadLink).where(UploadLink.request_id.in_(ids)).order_by(UploadLink.created_at)
        )
    }
    messages: dict[str, list[Message]] = {}
    for message in session.scalars(select(Message).where(Message.request_id.in_(ids)).order_by(Message.created_at)):
        messages.setdefault(message.request_id, []).append(message)
    return [_told(request, links.get(request.id), messages.get(request.id, [])) for request in found]


def link_once(session: Session, request_id: str) -> dict[str, str]:
    """Return the customer's link for the CRM to send, derived anew: it is stored nowhere."""
    found = session.get_one(DocumentRequest, request_id)
    link = newest_link(session, request_id)
    if found.send_mode != SendMode.NONE or link is None:
        return {}
    suffix = signer().token(link.id)
    return {"upload_url": f"{current_app.config['PUBLIC_URL']}/s/{suffix}", "url_suffix": suffix}


def _told(request: DocumentRequest, link: UploadLink | None, messages: list[Message]) -> dict[str, Any]:
    changes = [request.case.updated_at, *(slot.changed_at for slot in request.slots)]
    changes += [message.changed_at for message in messages]
    out = RequestOut(
        id=request.id,
        case_id=request.case_id,
        case_url=case_url(request.case_id),
        contact_id=request.party_id,
        external_ref=request.case.external_ref,
        state=request.state,
        progress=ProgressOut(**progress(request).as_json()),
        template=f"{request.template.key}/{request.template.version}",
        send_mode=request.send_mode,
        created_at=request.created_at,
        updated_at=max(changes),
        check_code=grouped(link.check_code) if link is not None else None,
        link_expires_at=link.expires_at if link is not None else None,
        slots=[
            SlotOut(
                requirement=slot.requirement.key,
                side=slot.side,
                state=slot.state,
                reason=slot.reason,
                changed_at=slot.changed_at,
            )
            for slot in request.slots
        ],
        messages=[
            MessageOut(
                id=each.id,
                purpose=each.purpose,
                channel=each.channel,
                state=each.state,
                waits_for=each.waits_for,
                error=each.error,
                changed_at=each.changed_at,
            )
            for each in messages
        ],
    )
    return out.model_dump(mode="json", exclude={"upload_url", "url_suffix"})
