"""The quarantine key of the day: the only recipient that what comes from the internet is sealed to.

A row is worth what its signature is worth: the key is used only if the custodian, pinned in the settings, certified
exactly this id, day and public half. At midnight yesterday's key serves until today's is certified.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.errors import QuarantineKeyMissing
from records.uploads import QuarantineKey
from storage.sealing.errors import SealingError
from storage.sealing.seal import PublicKey
from storage.sealing.signing import VerifyKey

PURPOSE = "certified-quarantine-key"
GRACE = timedelta(days=1)
"""How much older than today a key may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayKey:
    """A certified quarantine key."""

    id: str
    recipient: PublicKey


def key_of_the_day(session: Session, custodian: VerifyKey, *, now: datetime) -> DayKey:
    """Return the newest certified, living key of today or yesterday (UTC). Raises QuarantineKeyMissing."""
    today = now.astimezone(UTC).date()
    found = session.scalars(
        select(QuarantineKey)
        .where(
            QuarantineKey.day <= today,
            QuarantineKey.day >= today - GRACE,
            QuarantineKey.destroyed_at.is_(None),
            QuarantineKey.custodian_signature.is_not(None),
        )
        .order_by(QuarantineKey.day.desc())
    )
    for row in found:
        try:
            custodian.verify(PURPOSE, row.statement(), row.custodian_signature or b"")
            return DayKey(id=row.id, recipient=PublicKey(row.public))
        except SealingError:
            continue  # a forged or damaged row seals nothing; an older genuine key may still serve
    raise QuarantineKeyMissing(f"no certified key for {today}")


def still_open(session: Session, key_id: str) -> bool:
    """Whether a slice sealed to this key may be acknowledged: locks the key against its destruction until commit."""
    row = session.get(QuarantineKey, key_id, with_for_update={"read": True}, populate_existing=True)
    return row is not None and row.destroyed_at is None
