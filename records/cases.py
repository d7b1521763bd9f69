"""Cases (expedientes), the people in them (parties) and the public half of each case's key pair."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, String, UniqueConstraint, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from records.errors import NotFound, WrongState
from records.people import Member  # noqa: F401 (its table: every process that knows cases must resolve the owner)
from storage.database import Base, NewId
from storage.due import Due


class CaseState(StrEnum):
    """A case takes documents while it is open."""

    OPEN = "open"
    CLOSED = "closed"


class Case(Base):
    """One matter of one customer: everything asked for and filed hangs from it."""

    __tablename__ = "cases"
    __table_args__ = (UniqueConstraint("org_id", "external_ref"),)

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"), index=True)
    team_id: Mapped[str | None] = mapped_column(ForeignKey("teams.id"))
    owner_id: Mapped[str | None] = mapped_column(ForeignKey("members.id"))
    external_ref: Mapped[str | None] = mapped_column(String(120))
    title: Mapped[str] = mapped_column(String(160))
    state: Mapped[CaseState] = mapped_column(String(10), default=CaseState.OPEN)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime] = mapped_column(index=True)
    used_files: Mapped[int] = mapped_column(default=0)
    """Like the next two counted by records/quotas.py; the limits are the organization's."""
    used_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    used_attempts: Mapped[int] = mapped_column(default=0)

    def close(self, now: datetime) -> None:
        """End the case. Raises WrongState when it is closed already."""
        if self.state != CaseState.OPEN:
            raise WrongState(f"case {self.id} is {self.state}")
        self.state = CaseState.CLOSED
        self.updated_at = now


def _hint(context: Any) -> str | None:
    """Return the hint of the party that is being inserted."""
    row = context.get_current_parameters()
    return hint_of(row.get("phone"), row.get("email"))


def hint_of(phone: str | None, email: str | None) -> str | None:
    """Return the last two digits of a phone, else the first letters of a mail address and its domain, else None."""
    if phone:
        return phone[-2:]
    if not email:
        return None
    local, _, domain = email.rpartition("@")
    name, dot, rest = domain.rpartition(".")
    return f"{local[:1]}•••@{name[:1]}•••{dot}{rest}"[:40]


class Party(Base):
    """A person in a case (customer, co-debtor, guarantor ...) and the address for messages. Never matched by phone."""

    __tablename__ = "parties"

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"), index=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), index=True)
    role: Mapped[str] = mapped_column(String(40), default="customer")
    name: Mapped[str] = mapped_column(String(120))
    phone: Mapped[str | None] = mapped_column(String(20))
    """E.164 with `+`."""
    bsuid: Mapped[str | None] = mapped_column(String(140))
    """WhatsApp's business-scoped user id, for people without a visible phone."""
    email: Mapped[str | None] = mapped_column(String(254))
    hint: Mapped[str | None] = mapped_column(String(40), default=_hint)
    """How the public portal, which may not read the address, tells where a code went: last two digits, or a masked
    mail address."""
    locale: Mapped[str] = mapped_column(String(10), default="es")
    created_at: Mapped[datetime]
    unreachable_since: Mapped[datetime | None]
    """Since when WhatsApp says that this address takes no messages; a later delivery ends it."""
    verify_since: Mapped[datetime | None]
    """Since when the address may have a new owner: nothing is sent until a person has made sure."""


class CaseKey(Due, Base):
    """The case's X25519 key pair. Minted by the custodian: until then the case is `key_pending` and nothing is filed.

    `due_at` asks the custodian to mint. `signature` is the custodian's Ed25519 over `statement()`; whoever seals to
    `public` verifies it against the pinned key.
    """

    __tablename__ = "case_keys"

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"))
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), unique=True)
    public: Mapped[bytes | None] = mapped_column(LargeBinary)
    signature: Mapped[bytes | None] = mapped_column(LargeBinary)
    sealed_private: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    """Private half, sealed by the organization's root key with {org, case} as associated data. Like the escrow it is
    read only when asked for: the inspector may not."""
    escrow_header: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    escrow_payload: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    """Private half sealed to the offline escrow recipient: both joined are an age file."""
    minted_at: Mapped[datetime | None]

    def statement(self) -> dict[str, str | int]:
        """Return what the custodian signs under purpose `case-key`. Raises WrongState while the key is pending."""
        if self.public is None:
            raise WrongState(f"case {self.case_id} has no key yet")
        return {"org": self.org_id, "case": self.case_id, "public": self.public.hex()}


def open_case(
    session: Session,
    *,
    org_id: str,
    title: str,
    now: datetime,
    external_ref: str | None = None,
    team_id: str | None = None,
    owner_id: str | None = None,
) -> tuple[Case, bool]:
    """Return the case with this external reference, or a new one (`True`) that asks the custodian for its key.

    Matching is by (organization, external reference) only: phone numbers are recycled.
    """
    if external_ref is not None:
        known = session.scalars(select(Case).where(Case.org_id == org_id, Case.external_ref == external_ref)).first()
        if known is not None:
            return known, False
    case = Case(
        org_id=org_id,
        title=title,
        external_ref=external_ref,
        team_id=team_id,
        owner_id=owner_id,
        created_at=now,
        updated_at=now,
    )
    try:
        with session.begin_nested():
            session.add(case)
            session.flush()
    except IntegrityError:  # another call opened the case of this reference meanwhile
        known = session.scalars(select(Case).where(Case.org_id == org_id, Case.external_ref == external_ref)).first()
        if external_ref is None or known is None:
            raise
        return known, False
    session.execute(insert(CaseKey).values(org_id=org_id, case_id=case.id, due_at=now))  # names what may be asked
    return case, True


def get_case(session: Session, *, org_id: str, case_id: str) -> Case:
    """Return a case of this organization. Raises NotFound for a stranger's just as for none."""
    case = session.get(Case, case_id)
    if case is None or case.org_id != org_id:
        raise NotFound(f"case {case_id}")
    return case


def party_language(session: Session, party_id: str) -> str | None:
    """Return the language of a person and nothing else: the public portal may read no more of them."""
    return session.scalar(select(Party.locale).where(Party.id == party_id))


def party_hint(session: Session, party_id: str) -> str | None:
    """Return how the public portal tells where a code went: it may not read the address itself."""
    return session.scalar(select(Party.hint).where(Party.id == party_id))
