"""Document requests (solicitudes) and their slots: what is asked of one party, and how far it has come."""

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ForeignKey, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from records.cases import Case, Party
from records.errors import NotFound, RequestEnded, WrongState
from records.requirements import Requirement, RequirementTemplate
from storage.database import Base, NewId


class RequestState(StrEnum):
    """How far a request is. Delivery of its message is another matter (records/messages.py)."""

    REQUESTED = "requested"
    OPENED = "opened"
    COMPLETE = "complete"
    CANCELLED = "cancelled"


class SendMode(StrEnum):
    """Who sends the link: the portal, whoever asked (link returned once), or the CRM's inbox for the portal."""

    AUTO = "auto"
    NONE = "none"
    CRM = "crm"


class SlotState(StrEnum):
    """State of one slot as the customer and the executive see it."""

    MISSING = "missing"
    RECEIVED = "received"  # under inspection
    REFUSED = "refused"  # by the inspection; `reason` says why
    FILED = "filed"  # waits for a person
    RETURNED = "returned"  # by a person; `reason` and `note` say why
    ACCEPTED = "accepted"
    DECLINED = "declined"  # the customer has none, `reason` says why; waits for a person, and still takes a file
    WAIVED = "waived"  # a person let a declined one go


WAITING_SLOTS = frozenset({SlotState.MISSING, SlotState.REFUSED, SlotState.RETURNED})
"""States in which the customer has still to answer."""
OPEN_SLOTS = WAITING_SLOTS | {SlotState.DECLINED}
"""States in which a slot takes a new upload."""
SETTLED_SLOTS = frozenset({SlotState.ACCEPTED, SlotState.WAIVED})
"""States in which nothing more is needed from anybody."""


class DocumentRequest(Base):
    """What one party is asked for, by one version of a template."""

    __tablename__ = "document_requests"

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"), index=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), index=True)
    party_id: Mapped[str] = mapped_column(ForeignKey("parties.id"))
    template_id: Mapped[str] = mapped_column(ForeignKey("requirement_templates.id"))
    send_mode: Mapped[SendMode] = mapped_column(String(10), default=SendMode.AUTO)
    state: Mapped[RequestState] = mapped_column(String(12), default=RequestState.REQUESTED)
    created_by: Mapped[str] = mapped_column(String(64), index=True)
    """Member or API key id."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    known_word: Mapped[str | None] = mapped_column(String(40))
    """A word that only the company and the customer know: shown to whoever checks where the message comes from."""
    code_failures: Mapped[int] = mapped_column(default=0)
    """Wrong one-time codes in a row; see records/challenges.py."""
    case: Mapped[Case] = relationship()
    party: Mapped[Party] = relationship()
    template: Mapped[RequirementTemplate] = relationship()
    slots: Mapped[list["Slot"]] = relationship(
        back_populates="request", order_by="Slot.position", lazy="selectin", cascade="all, delete-orphan"
    )

    def opened(self) -> None:
        """The customer activated a link. Later states stay."""
        if self.state == RequestState.REQUESTED:
            self.state = RequestState.OPENED

    def cancel(self) -> None:
        """Ask no longer. Raises RequestEnded when complete or cancelled."""
        if self.state not in (RequestState.REQUESTED, RequestState.OPENED):
            raise RequestEnded(self.id, self.state)
        self.state = RequestState.CANCELLED

    def settle(self) -> bool:
        """Complete the request when every required slot is accepted or waived; reopen it when one no longer is.

        Whether that completed it just now.
        """
        before = self.state
        if before == RequestState.CANCELLED:
            return False
        done = all(slot.state in SETTLED_SLOTS for slot in self.slots if slot.requirement.required)
        if done:
            self.state = RequestState.COMPLETE
        elif before == RequestState.COMPLETE:
            self.state = RequestState.OPENED
        return done and before != RequestState.COMPLETE


class Slot(Base):
    """One place for one document: a requirement, or one side of it."""

    __tablename__ = "slots"
    __table_args__ = (UniqueConstraint("request_id", "requirement_id", "side"),)

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"))
    request_id: Mapped[str] = mapped_column(ForeignKey("document_requests.id"), index=True)
    requirement_id: Mapped[str] = mapped_column(ForeignKey("requirements.id"))
    side: Mapped[str] = mapped_column(String(10))
    position: Mapped[int]
    state: Mapped[SlotState] = mapped_column(String(10), default=SlotState.MISSING)
    document_id: Mapped[str | None] = mapped_column(String(32))
    """The document that stands in the slot now (no foreign key: documents point at slots)."""
    reason: Mapped[str | None] = mapped_column(String(60))
    """Code of the last refusal or return; words in the reader's language come from the catalogue."""
    reason_page: Mapped[int | None]
    """Page that the refusal is about, where it is about one of several photos; numbered from 1."""
    note: Mapped[str | None] = mapped_column(String(500))
    """Words of one to the other: the reviewer's with a return, the customer's where the document is declined."""
    changed_at: Mapped[datetime]
    request: Mapped[DocumentRequest] = relationship(back_populates="slots")
    requirement: Mapped[Requirement] = relationship(lazy="selectin")

    def take(self, document_id: str, now: datetime) -> None:
        """Put a received document into an open slot. Raises WrongState otherwise."""
        if self.state not in OPEN_SLOTS:
            raise WrongState(f"slot {self.id} is {self.state}")
        self._become(SlotState.RECEIVED, now)
        self.document_id = document_id

    def emptied(self, now: datetime) -> None:
        """The customer took the document back."""
        if self.state not in (SlotState.RECEIVED, SlotState.FILED):
            raise WrongState(f"slot {self.id} is {self.state}")
        self._become(SlotState.MISSING, now)
        self.document_id = None

    def filed(self, now: datetime) -> None:
        """The inspection let the document pass."""
        self._become(SlotState.FILED, now, expected=SlotState.RECEIVED)

    def refused(self, reason: str, now: datetime, page: int | None = None) -> None:
        """The inspection refused the document, perhaps for one of its photos: the customer sends another."""
        self._become(SlotState.REFUSED, now, expected=SlotState.RECEIVED, reason=reason)
        self.reason_page = page

    def recalled(self, reason: str, now: datetime) -> None:
        """A later inspection refused what this one let pass: the customer sends another. Raises WrongState."""
        if self.state not in (SlotState.FILED, SlotState.ACCEPTED):
            raise WrongState(f"slot {self.id} is {self.state}")
        self._become(SlotState.REFUSED, now, reason=reason)

    def accepted(self, now: datetime) -> None:
        """A person accepted the document."""
        self._become(SlotState.ACCEPTED, now, expected=SlotState.FILED)

    def returned(self, reason: str, note: str | None, now: datetime) -> None:
        """A person returned the document: the customer sends another."""
        self._become(SlotState.RETURNED, now, expected=SlotState.FILED, reason=reason, note=note)

    def declined(self, reason: str, note: str | None, now: datetime) -> None:
        """The customer does not have the document. Raises WrongState unless an answer is waited for."""
        if self.state not in WAITING_SLOTS:
            raise WrongState(f"slot {self.id} is {self.state}")
        self._become(SlotState.DECLINED, now, reason=reason, note=note)
        self.document_id = None

    def waived(self, now: datetime) -> None:
        """A person lets a declined document go; why it was declined stays."""
        self._become(SlotState.WAIVED, now, expected=SlotState.DECLINED, reason=self.reason, note=self.note)

    def insisted(self, reason: str, note: str | None, now: datetime) -> None:
        """A person asks again for a document that was declined."""
        self._become(SlotState.RETURNED, now, expected=SlotState.DECLINED, reason=reason, note=note)

    def _become(
        self,
        state: SlotState,
        now: datetime,
        expected: SlotState | None = None,
        reason: str | None = None,
        note: str | None = None,
    ) -> None:
        if expected is not None and self.state != expected:
            raise WrongState(f"slot {self.id} is {self.state}, not {expected}")
        self.state, self.reason, self.note, self.changed_at = state, reason, note, now
        self.reason_page = None


def create_request(
    session: Session,
    *,
    case: Case,
    party: Party,
    template: RequirementTemplate,
    created_by: str,
    send_mode: SendMode,
    now: datetime,
    life: timedelta | None = None,
    known_word: str | None = None,
) -> DocumentRequest:
    """Make a request with a slot for every side of every requirement. The caller issues the link and the message."""
    if party.case_id != case.id or template.org_id != case.org_id:
        raise NotFound("party or template of another case or organization")
    request = DocumentRequest(
        org_id=case.org_id,
        case=case,
        party=party,
        template=template,
        created_by=created_by,
        send_mode=send_mode,
        known_word=known_word,
        created_at=now,
        expires_at=now + (life or timedelta(days=template.link_days)),
    )
    sides = [(requirement, side) for requirement in template.requirements for side in requirement.sides]
    request.slots = [
        Slot(org_id=case.org_id, requirement=requirement, side=side, position=i, changed_at=now)
        for i, (requirement, side) in enumerate(sides)
    ]
    session.add(request)
    case.updated_at = now
    session.flush()
    return request


def get_request(session: Session, *, org_id: str, request_id: str) -> DocumentRequest:
    """Return a request of this organization. Raises NotFound."""
    request = session.get(DocumentRequest, request_id)
    if request is None or request.org_id != org_id:
        raise NotFound(f"request {request_id}")
    return request


def locked_request(session: Session, request_id: str) -> DocumentRequest:
    """Return a request and its slots as they are now, behind the request's row lock: decisions on it come in turn.

    The lock lets foreign keys be checked: an upload that ends holds its slot while it points at the request.
    """
    request = session.scalars(
        select(DocumentRequest)
        .where(DocumentRequest.id == request_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one()
    for slot in request.slots:
        session.refresh(slot)
    return request


def requests_of_case(session: Session, case_id: str) -> list[DocumentRequest]:
    """Return the requests of a case, oldest first."""
    found = session.scalars(
        select(DocumentRequest).where(DocumentRequest.case_id == case_id).order_by(DocumentRequest.created_at)
    )
    return list(found)
