"""The quarantine key of the day: the only recipient that what comes from the internet is sealed to.

A row is worth what its signature is worth: the key is used only if the custodian, pinned in the settings, certified
exactly this id, day and public half. At midnight yesterday's key serves until today's is certified.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.errors import QuarantineKeyMissing
from records.uploads import QuarantineKey, statement
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
    found = session.execute(
        select(QuarantineKey.id, QuarantineKey.day, QuarantineKey.public, QuarantineKey.custodian_signature)
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
            return _certified(custodian, *row)
        except SealingError:
            continue  # a forged or damaged row seals nothing; an older genuine key may still serve
    raise QuarantineKeyMissing(f"no certified key for {today}")


def still_open(session: Session, key_id: str) -> bool:
    """Whether a slice sealed to this key may be acknowledged: locks the key against its destruction until commit."""
    found = select(QuarantineKey.destroyed_at).where(QuarantineKey.id == key_id).with_for_update(read=True)
    return session.execute(found).first() == (None,)


@lru_cache(maxsize=8)
def _certified(custodian: VerifyKey, key_id: str, day: date, public: bytes, signature: bytes) -> DayKey:
    """Return a key that the custodian certified: asked for every slice of a day, so what was verified is remembered.

    Raises SealingError, which is not remembered.
    """
    custodian.verify(PURPOSE, statement(key_id, day, public), signature)
    return DayKey(id=key_id, recipient=PublicKey(public))
