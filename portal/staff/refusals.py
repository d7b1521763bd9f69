"""The trace of a refused attempt: what a member may not do, and ids that belong to another organization.

Whoever asks for a stranger's id gets the same answer as for one that does not exist; only the trail knows better.
"""

from typing import Any

from flask import request

from audit import Event, record
from portal.staff.desk import NotSignedIn, me
from portal.web.application import reading, transaction
from records.apikeys import ApiKey
from records.cases import Case, Party
from records.documents import Document
from records.exports import Export
from records.interceptions import InterceptedFile
from records.people import Member
from records.requests import DocumentRequest, Slot
from records.templates import MessageTemplate
from storage.database import utcnow

OWNED: dict[str, Any] = {
    "case_id": Case,
    "request_id": DocumentRequest,
    "slot_id": Slot,
    "document_id": Document,
    "export_id": Export,
    "member_id": Member,
    "key_id": ApiKey,
    "file_id": InterceptedFile,
    "party_id": Party,
    "template_id": MessageTemplate,
}
"""What each id of an address names; each such row belongs to one organization."""


def record_refusal() -> None:
    """Record that the member who is signed in, if any, was refused what the address names."""
    _record({})


def record_stranger() -> None:
    """Record it when something that was not found is there, in another organization."""
    try:
        member = me()
    except NotSignedIn:
        return
    if _of_another(member.org_id):
        _record({"reason": "organization"})


def _of_another(org_id: str) -> bool:
    with reading() as session:
        for name, untrusted in (request.view_args or {}).items():
            found = session.get(OWNED[name], untrusted) if name in OWNED else None
            if found is not None and found.org_id != org_id:
                return True
    return False


def _record(details: dict[str, str]) -> None:
    """Leave the event in a transaction of its own: the refused one was rolled back."""
    try:
        member = me()
    except NotSignedIn:
        return
    wanted = {name: value for name, value in (request.view_args or {}).items() if isinstance(value, str | int)}
    subject = next((str(value) for name, value in wanted.items() if name.endswith("_id")), member.id)
    with transaction() as session:
        record(
            session,
            Event.STAFF_ACCESS_REFUSED,
            org_id=member.org_id,
            actor_id=member.id,
            subject_id=subject if subject.isalnum() and len(subject) <= 64 else member.id,
            details={"endpoint": (request.endpoint or "none")[:100], **details},
            now=utcnow(),
        )
