"""Opt-ins: the evidence that a person agreed to be written to. Who noted it, when it was said, in which words, where.

Kept per contact and never changed. A message that a customer writes to us is no opt-in to later ones; "ALTA" is.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from audit import Event, record
from audit.events import ActorKind
from records.cases import Party, get_case
from records.errors import InvalidValue, NotFound
from records.optouts import lift_opt_out
from records.people import Member
from records.policy import Action, require
from storage.database import Base, NewId

TEXT_LENGTH = 300


class OptInSource(StrEnum):
    """Where the evidence comes from."""

    API = "api"
    CONSOLE = "console"
    CHAT = "chat"


EVENTS = {
    ActorKind.CRM: Event.CRM_CONTACT_OPTED_IN,
    ActorKind.STAFF: Event.STAFF_CONTACT_OPTED_IN,
    ActorKind.GATEWAY: Event.GATEWAY_CONTACT_OPTED_IN,
}
"""How the trail tells it, by who notes it."""


class OptIn(Base):
    """One time that a person agreed."""

    __tablename__ = "opt_ins"

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"))
    party_id: Mapped[str] = mapped_column(ForeignKey("parties.id"), index=True)
    at: Mapped[datetime]
    """When the person said it."""
    text: Mapped[str] = mapped_column(String(TEXT_LENGTH))
    """What they agreed to, or how: the sentence of a form, a note of a call."""
    source: Mapped[OptInSource] = mapped_column(String(10))
    recorded_by: Mapped[str] = mapped_column(String(64))
    recorded_at: Mapped[datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What somebody typed or sent as evidence; `at` None means now. `note_opt_in` checks it."""

    untrusted_text: str
    source: OptInSource
    untrusted_at: datetime | None = None


def note_opt_in(
    session: Session, party: Party, evidence: Evidence, *, actor: ActorKind, actor_id: str, now: datetime
) -> OptIn:
    """Keep the evidence with its event. An opt-out stays what it is. Raises InvalidValue (field `opt_in`)."""
    words = " ".join(evidence.untrusted_text.split())
    if not words or len(words) > TEXT_LENGTH or not words.isprintable():
        raise InvalidValue("opt_in", "required" if not words else "too_long_or_unprintable")
    said_at = evidence.untrusted_at or now
    if said_at.tzinfo is None or said_at > now:
        raise InvalidValue("opt_in", "in_the_future")
    row = OptIn(
        org_id=party.org_id,
        party_id=party.id,
        at=said_at,
        text=words,
        source=evidence.source,
        recorded_by=actor_id,
        recorded_at=now,
    )
    session.add(row)
    session.flush()
    record(
        session,
        EVENTS[actor],
        org_id=party.org_id,
        actor_id=actor_id,
        subject_id=row.id,
        case_id=party.case_id,
        details={"party": party.id, "source": evidence.source.value},
        now=now,
    )
    return row


def lift_with_evidence(
    session: Session, party: Party, evidence: Evidence, *, actor: ActorKind, actor_id: str, now: datetime
) -> bool:
    """Let messages go to a person again who took their "no" back; False when what they said last is still "no".

    Raises InvalidValue.
    """
    row = note_opt_in(session, party, evidence, actor=actor, actor_id=actor_id, now=now)
    return lift_opt_out(session, org_id=party.org_id, addresses=(party.phone, party.bsuid), said_at=row.at) > 0


def allow_again(session: Session, member: Member, party_id: str, *, untrusted_text: str, now: datetime) -> Party:
    """Keep what a member knows of a person's consent; a "no" that is older is lifted. The party is returned.

    Raises NotFound, Forbidden, InvalidValue.
    """
    party = session.get(Party, party_id)
    if party is None or party.org_id != member.org_id:
        raise NotFound(f"party {party_id}")
    require(member, Action.REQUEST_DOCUMENTS, get_case(session, org_id=member.org_id, case_id=party.case_id))
    evidence = Evidence(untrusted_text=untrusted_text, source=OptInSource.CONSOLE)
    lift_with_evidence(session, party, evidence, actor=ActorKind.STAFF, actor_id=member.id, now=now)
    return party


def opt_ins_of(session: Session, party_ids: list[str]) -> list[OptIn]:
    """Return the evidence of these people, newest first."""
    return list(session.scalars(select(OptIn).where(OptIn.party_id.in_(party_ids)).order_by(OptIn.at.desc())))
