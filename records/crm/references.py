"""References: which conversation, ticket or contact of a CRM a request belongs to, as the CRM itself said."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from records.errors import InvalidValue
from records.requests import DocumentRequest
from storage.database import Base, NewId

LENGTH = 40


class ReferenceKind(StrEnum):
    """What a CRM may name."""

    CHATWOOT_CONVERSATION = "chatwoot_conversation"
    HUBSPOT_TICKET = "hubspot_ticket"
    HUBSPOT_CONTACT = "hubspot_contact"
    HELPDESK_TICKET = "helpdesk_ticket"


class CrmReference(Base):
    """One id of a CRM's object, of one request."""

    __tablename__ = "crm_references"
    __table_args__ = (UniqueConstraint("request_id", "kind"),)

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"))
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), index=True)
    request_id: Mapped[str] = mapped_column(ForeignKey("document_requests.id"))
    kind: Mapped[ReferenceKind] = mapped_column(String(30))
    value: Mapped[str] = mapped_column(String(LENGTH))
    """Digits."""
    created_at: Mapped[datetime]


def refer(session: Session, request: DocumentRequest, untrusted: Mapping[str, str], *, now: datetime) -> None:
    """Keep what the CRM named for a request. Raises InvalidValue for what is no id of digits."""
    for name, value in untrusted.items():
        if name not in set(ReferenceKind) or not (value.isascii() and value.isdecimal() and len(value) <= LENGTH):
            raise InvalidValue("crm", "not_an_id")
        session.add(
            CrmReference(
                org_id=request.org_id,
                case_id=request.case_id,
                request_id=request.id,
                kind=ReferenceKind(name),
                value=value,
                created_at=now,
            )
        )


def references_of(session: Session, case_id: str, request_id: str | None) -> dict[str, str]:
    """Return the references of a request; what it does not name is taken from the newest of its case that does."""
    rows = session.scalars(
        select(CrmReference).where(CrmReference.case_id == case_id).order_by(CrmReference.created_at, CrmReference.id)
    ).all()
    newest = {row.kind: row.value for row in rows}
    own = {row.kind: row.value for row in rows if row.request_id == request_id}
    return {str(kind): value for kind, value in (newest | own).items()}
