"""Quotas: how many files, bytes and attempts one link, one case and one organization may still take in.

Rules: each is claimed by one conditional UPDATE, so that no number of parallel clients gets past it. A link and a case
count over their whole lives, an organization by the UTC day. An attempt is an upload that was opened, whatever became
of it. Cases and organizations are claimed once, when an upload is opened, with the length it announces, or the most it
may have; what never came is given back when it ends. So each slice touches the row of its link alone, and the row of
an organization, which all its customers share, is the last that a transaction locks. The limits of cases and of
organizations are columns of the organization (`portal.cli organization limits`).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, case, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from records.cases import Case
from records.errors import LinkClosed, Quota, QuotaExceeded
from records.links import UploadLink
from records.organizations import Organization


@dataclass(frozen=True, slots=True, kw_only=True)
class _Left:
    """What one of them still takes."""

    files: int
    size: int
    attempts: int

    def demand(self, size: int, files: Quota, of_bytes: Quota, attempts: Quota) -> None:
        """Raise QuotaExceeded unless one more file of this size fits."""
        if self.files < 1:
            raise QuotaExceeded(files)
        if self.size < size:
            raise QuotaExceeded(of_bytes)
        if self.attempts < 1:
            raise QuotaExceeded(attempts)


def check(session: Session, link: UploadLink, *, size: int, reserved: int, now: datetime) -> None:
    """Tell early what `claim` decides: `size` bytes of the link, `reserved` of case and organization.

    Raises QuotaExceeded.
    """
    _left_of_link(link).demand(size, Quota.LINK_FILES, Quota.LINK_BYTES, Quota.LINK_ATTEMPTS)
    of_case, of_organization = _left_beyond(session, link, now)
    of_case.demand(reserved, Quota.CASE_FILES, Quota.CASE_BYTES, Quota.CASE_ATTEMPTS)
    of_organization.demand(reserved, Quota.ORGANIZATION_FILES, Quota.ORGANIZATION_BYTES, Quota.ORGANIZATION_ATTEMPTS)


def lock(session: Session, link: UploadLink) -> None:
    """Lock the row of a link, for a transaction that changes its case or organization before it claims."""
    session.execute(select(UploadLink.id).where(UploadLink.id == link.id).with_for_update(key_share=True))


def claim(session: Session, link: UploadLink, *, size: int, reserved: int, now: datetime) -> None:
    """Use up one file and one attempt of all three; `size` bytes of the link, `reserved` of case and organization.

    Call it last: it locks rows that others share. Raises QuotaExceeded, LinkClosed when the link was revoked.
    """
    claims = {
        Quota.LINK_FILES: _claim_link(link.id, size),
        Quota.CASE_FILES: _claim_case(link.case_id, reserved),
        Quota.ORGANIZATION_FILES: _claim_day(link.org_id, reserved, now),
    }
    for quota, statement in claims.items():
        if not _changed(session, statement):
            session.refresh(link)
            if link.revoked_at is not None:
                raise LinkClosed("revoked")
            check(session, link, size=size, reserved=reserved, now=now)
            raise QuotaExceeded(quota)  # room was given back a moment too late


def claim_bytes(session: Session, link: UploadLink, size: int) -> None:
    """Use up bytes of a link as they are acknowledged. Raises QuotaExceeded (or LinkClosed when revoked)."""
    if not _changed(session, _claim_link(link.id, size, uploads=0)):
        session.refresh(link)
        if link.revoked_at is not None:
            raise LinkClosed("revoked")
        raise QuotaExceeded(Quota.LINK_BYTES)


def give_back(session: Session, link: UploadLink, *, files: int, size: int, opened_at: datetime) -> None:
    """Return what an upload claimed when it was opened and did not use; the attempt stays used."""
    give_back_to_case(session, link, files=files, size=size)
    if files or size:
        session.execute(
            update(Organization)
            .where(Organization.id == link.org_id, Organization.quota_day == opened_at.date())
            .values(used_files=_less(Organization.used_files, files), used_bytes=_less(Organization.used_bytes, size))
            .execution_options(synchronize_session=False)
        )


def give_back_to_case(session: Session, link: UploadLink, *, files: int, size: int) -> None:
    """Return it to link and case alone: the day of the organization is over."""
    if files:
        session.execute(
            update(UploadLink)
            .where(UploadLink.id == link.id)
            .values(used_files=_less(UploadLink.used_files, files))
            .execution_options(synchronize_session="fetch")
        )
    if files or size:
        session.execute(
            update(Case)
            .where(Case.id == link.case_id)
            .values(used_files=_less(Case.used_files, files), used_bytes=_less(Case.used_bytes, size))
            .execution_options(synchronize_session=False)
        )


def _claim_link(link_id: str, size: int, uploads: int = 1) -> Any:
    return (
        update(UploadLink)
        .where(
            UploadLink.id == link_id,
            UploadLink.revoked_at.is_(None),
            UploadLink.used_files + uploads <= UploadLink.max_files,
            UploadLink.used_bytes + size <= UploadLink.max_bytes,
            UploadLink.used_attempts + uploads <= UploadLink.max_attempts,
        )
        .values(
            used_files=UploadLink.used_files + uploads,
            used_bytes=UploadLink.used_bytes + size,
            used_attempts=UploadLink.used_attempts + uploads,
        )
        .execution_options(synchronize_session="fetch")
    )


def _claim_case(case_id: str, size: int) -> Any:
    def most(column: InstrumentedAttribute[int]) -> Any:
        return select(column).where(Organization.id == Case.org_id).scalar_subquery()

    return (
        update(Case)
        .where(
            Case.id == case_id,
            Case.used_files < most(Organization.case_max_files),
            Case.used_bytes + size <= most(Organization.case_max_bytes),
            Case.used_attempts < most(Organization.case_max_attempts),
        )
        .values(used_files=Case.used_files + 1, used_bytes=Case.used_bytes + size, used_attempts=Case.used_attempts + 1)
        .execution_options(synchronize_session=False)
    )


def _claim_day(org_id: str, size: int, now: datetime) -> Any:
    def used(column: InstrumentedAttribute[int]) -> ColumnElement[int]:
        return case((Organization.quota_day == now.date(), column), else_=0)

    files, volume, attempts = map(used, (Organization.used_files, Organization.used_bytes, Organization.used_attempts))
    return (
        update(Organization)
        .where(
            Organization.id == org_id,
            files < Organization.max_files,
            volume + size <= Organization.max_bytes,
            attempts < Organization.max_attempts,
        )
        .values(used_files=files + 1, used_bytes=volume + size, used_attempts=attempts + 1, quota_day=now.date())
        .execution_options(synchronize_session=False)
    )


def _changed(session: Session, statement: Any) -> bool:
    done: Any = session.execute(statement)
    return bool(done.rowcount == 1)


def _less(column: InstrumentedAttribute[int], size: int) -> ColumnElement[int]:
    return case((column >= size, column - size), else_=0)


def _left_of_link(link: UploadLink) -> _Left:
    return _Left(
        files=link.max_files - link.used_files,
        size=link.max_bytes - link.used_bytes,
        attempts=link.max_attempts - link.used_attempts,
    )


def _left_beyond(session: Session, link: UploadLink, now: datetime) -> tuple[_Left, _Left]:
    """Return what case and organization still take, read in one statement."""
    found = session.execute(
        select(
            Organization.case_max_files - Case.used_files,
            Organization.case_max_bytes - Case.used_bytes,
            Organization.case_max_attempts - Case.used_attempts,
            Organization.quota_day,
            *(Organization.max_files, Organization.max_bytes, Organization.max_attempts),
            *(Organization.used_files, Organization.used_bytes, Organization.used_attempts),
        ).where(Case.id == link.case_id, Organization.id == Case.org_id)
    ).one()
    most, used = found[4:7], found[7:10] if found[3] == now.date() else (0, 0, 0)
    left = [limit - so_far for limit, so_far in zip(most, used, strict=True)]
    return (
        _Left(files=found[0], size=found[1], attempts=found[2]),
        _Left(files=left[0], size=left[1], attempts=left[2]),
    )
