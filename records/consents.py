"""Consents: which version of the privacy notice was accepted, when, and through which link, before the first byte."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import Event, record
from records.cases import Party
from records.links import NoticeAcceptance, UploadLink, Visit
from records.organizations import PrivacyNotice


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One acceptance, as evidence."""

    party_id: str
    party: str
    notice: PrivacyNotice
    language: str
    """In which the visit began: the notice was shown in it, or in one that its reader chose on the page."""
    link_id: str
    visit_id: str
    accepted_at: datetime


def consents_of(session: Session, case_id: str) -> list[Consent]:
    """Return the acceptances of a case, oldest first."""
    found = session.execute(
        select(NoticeAcceptance, PrivacyNotice, Visit.locale, Party)
        .join(PrivacyNotice, PrivacyNotice.id == NoticeAcceptance.notice_id)
        .join(Visit, Visit.id == NoticeAcceptance.visit_id)
        .join(UploadLink, UploadLink.id == NoticeAcceptance.link_id)
        .join(Party, Party.id == UploadLink.party_id)
        .where(UploadLink.case_id == case_id)
        .order_by(NoticeAcceptance.accepted_at, NoticeAcceptance.id)
    )
    return [
        Consent(
            party_id=party.id,
            party=party.name,
            notice=notice,
            language=language,
            link_id=accepted.link_id,
            visit_id=accepted.visit_id,
            accepted_at=accepted.accepted_at,
        )
        for accepted, notice, language, party in found
    ]


def has_accepted(session: Session, visit: Visit) -> bool:
    """Whether the newest notice was accepted in this visit: one that is published meanwhile has to be, too."""
    newest = (
        select(PrivacyNotice.id)
        .where(PrivacyNotice.org_id == visit.link.org_id)
        .order_by(PrivacyNotice.version.desc())
        .limit(1)
        .scalar_subquery()
    )
    accepted = select(NoticeAcceptance.id).where(
        NoticeAcceptance.visit_id == visit.id, NoticeAcceptance.notice_id == newest
    )
    return session.scalar(accepted.limit(1)) is not None


def accept(session: Session, visit: Visit, notice: PrivacyNotice, *, now: datetime) -> None:
    """Record that a notice was accepted in a living visit."""
    session.add(NoticeAcceptance(notice_id=notice.id, link_id=visit.link_id, visit_id=visit.id, accepted_at=now))
    record(
        session,
        Event.CUSTOMER_NOTICE_ACCEPTED,
        org_id=visit.link.org_id,
        actor_id=visit.link_id,
        subject_id=notice.id,
        case_id=visit.link.case_id,
        details={"version": notice.version, "visit": visit.id},
        now=now,
    )
