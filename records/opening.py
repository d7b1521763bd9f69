"""Opening: what a member may see of a document, written down before the opener is asked for a key.

The caller commits the event first and asks the opener with its id afterwards: no event, no key.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import Event, record
from records.cases import Case
from records.documents import Document, DocumentState, Part, PreviewTask
from records.errors import NotFound, WrongState
from records.people import Member
from records.policy import Action
from records.reviewing import document_for
from records.withdrawing import is_withdrawn

ORIGINAL = "original"
META = "meta"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """One part that is about to be opened, and the event that says so."""

    event_id: str
    document_id: str
    part: str
    blob: str
    payload_size: int
    """Bytes of the sealed payload."""
    payload_sha256: str
    mime: str
    case_title: str


def page_name(page: int) -> str:
    """Return the name of the part that holds the image of a page, counted from 1."""
    return f"page-{page:04d}"


def page_names(document: Document) -> list[str]:
    """Return the names of the page images that exist, in order."""
    return [part.name for part in document.parts if part.name.startswith("page-")]


def cannot_be_drawn(session: Session, document: Document) -> bool:
    """Whether the inspector gave its page images up: an office document, or one that no viewer can draw."""
    return bool(session.scalar(select(PreviewTask.gave_up).where(PreviewTask.document_id == document.id)))


def view_page(session: Session, member: Member, document_id: str, page: int, *, now: datetime) -> Opening:
    """Decide on the image of one page and record that it is viewed. Raises NotFound, Forbidden or WrongState."""
    document, case = document_for(session, member, document_id, Action.SEE_PAGES)
    return _open(session, Event.STAFF_DOCUMENT_VIEWED, member, document, case, page_name(page), now)


def download_original(session: Session, member: Member, document_id: str, *, now: datetime) -> tuple[Opening, Opening]:
    """Decide on the original and record the download: once for its bytes, once for its sealed name.

    Returns the openings of `original` and `meta`. Raises NotFound, Forbidden or WrongState.
    """
    document, case = document_for(session, member, document_id, Action.DOWNLOAD_ORIGINAL)
    downloaded = Event.STAFF_DOCUMENT_DOWNLOADED
    return (
        _open(session, downloaded, member, document, case, ORIGINAL, now),
        _open(session, downloaded, member, document, case, META, now),
    )


def _open(
    session: Session, event: Event, member: Member, document: Document, case: Case, part: str, now: datetime
) -> Opening:
    if document.state != DocumentState.FILED or is_withdrawn(session, document.id):
        raise WrongState(f"document {document.id} is {document.state}")
    found = session.scalars(select(Part).where(Part.document_id == document.id, Part.name == part)).first()
    if found is None:
        raise NotFound(f"part {part} of document {document.id}")
    entry = record(
        session,
        event,
        org_id=document.org_id,
        actor_id=member.id,
        subject_id=document.id,
        case_id=document.case_id,
        details={"document": document.id, "part": part},
        now=now,
    )
    return Opening(
        event_id=entry.id,
        document_id=document.id,
        part=part,
        blob=found.blob,
        payload_size=found.payload_size,
        payload_sha256=found.payload_sha256,
        mime=found.mime,
        case_title=case.external_ref or case.id[:8],
    )
