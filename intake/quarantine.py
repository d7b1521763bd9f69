"""Quarantine keys of the day: made, certified, and destroyed once no slice of their day is left.

Rules: the private half exists only as a file in the inspector's folder; the public half is sealed to only after the
custodian certified it (intake/daykey.py verifies that). A key is retired in the database first, behind a row lock that
excludes the acknowledgement of a slice, and only then shredded; after that its slices are dead, in every backup too.
"""

import os
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import Event, record
from intake.daykey import PURPOSE as CERTIFIED
from records.uploads import QuarantineKey, Slice
from storage.database import new_id
from storage.sealing import keyfiles
from storage.sealing.signing import SigningKey, VerifyKey
from storage.sealing.unseal import PrivateKey

MADE = "quarantine-key"
SYSTEM = "system"
"""Organization id of events that belong to no tenant."""
NEVER_USED = timedelta(days=30)


class QuarantineKeyGone(Exception):
    """The private half of a slice's key is not in the folder: its slices cannot be opened."""

    code = "quarantine_key_gone"


class QuarantineKeys:
    """The inspector's folder (0700) of private keys, one file `<key id>` a day."""

    def __init__(self, folder: Path, signer: SigningKey) -> None:
        """Remember the folder and the inspector's attestation key; touches nothing."""
        self._folder = folder
        self._signer = signer

    def prepare(self, session: Session, *, now: datetime) -> int:
        """Make the keys of today and tomorrow where they are missing, and ask the custodian to certify them."""
        made = 0
        for day in (now.date(), now.date() + timedelta(days=1)):
            if session.scalars(select(QuarantineKey).where(QuarantineKey.day == day)).first() is None:
                self._make(session, day, now)
                made += 1
        return made

    def private(self, key_id: str) -> PrivateKey:
        """Return a private key of the folder. Raises QuarantineKeyGone."""
        path = self._path(key_id)
        if not path.exists():
            raise QuarantineKeyGone(key_id)
        return PrivateKey(keyfiles.read(path))

    def retire(self, session: Session, *, now: datetime) -> list[str]:
        """Mark the keys of past days that no slice needs, and return their ids to `shred` after the commit.

        Yesterday's key stays a day: clocks and uploads around midnight.
        """
        old = session.scalars(
            select(QuarantineKey)
            .where(QuarantineKey.day < now.date() - timedelta(days=1), QuarantineKey.destroyed_at.is_(None))
            .with_for_update()
        ).all()
        retired = []
        for key in old:
            if session.scalars(select(Slice.id).where(Slice.quarantine_key_id == key.id).limit(1)).first() is not None:
                continue
            key.destroyed_at = now
            retired.append(key.id)
            record(
                session,
                Event.INSPECTOR_QUARANTINE_KEY_DESTROYED,
                org_id=SYSTEM,
                actor_id="inspector",
                subject_id=key.id,
                now=now,
                details={"day": key.day.isoformat()},
            )
        return retired

    def shred(self, session: Session, *, now: datetime) -> Sequence[str]:
        """Remove the private half of every retired key that still has one: also what a crash left behind.

        A key that a slice still needs stays, whatever its row says: a forged row must not destroy what was received.
        """
        needed = select(Slice.id).where(Slice.quarantine_key_id == QuarantineKey.id).exists()
        retired = session.scalars(
            select(QuarantineKey.id).where(QuarantineKey.destroyed_at.is_not(None), ~needed)
        ).all()
        shredded = [key_id for key_id in retired if self._path(key_id).exists()]
        shredded += self._never_used(session, now)
        for key_id in shredded:
            _shred(self._path(key_id))
        return shredded

    def _never_used(self, session: Session, now: datetime) -> list[str]:
        """Return the keys whose row was never committed, thirty days after they were made.

        None while the database knows no key at all: an empty or restored one must not cost what was received.
        """
        if session.scalars(select(QuarantineKey.id).limit(1)).first() is None:
            return []
        old = (now - NEVER_USED).timestamp()
        files = [path.name for path in self._folder.iterdir() if path.name.isalnum() and path.stat().st_mtime < old]
        known = set(session.scalars(select(QuarantineKey.id).where(QuarantineKey.id.in_(files))))
        return [name for name in files if name not in known]

    def _make(self, session: Session, day: date, now: datetime) -> None:
        private = PrivateKey.generate()
        key = QuarantineKey(id=new_id(), day=day, public=private.public().raw, created_at=now, due_at=now)
        key.inspector_signature = self._signer.sign(MADE, key.statement())
        keyfiles.create(self._path(key.id), [private.raw()])
        session.add(key)
        session.flush()

    def _path(self, key_id: str) -> Path:
        if not (key_id.isascii() and key_id.isalnum()):
            raise QuarantineKeyGone("malformed id")
        return self._folder / key_id


def certify(session: Session, key: QuarantineKey, *, inspector: VerifyKey, signer: SigningKey, now: datetime) -> None:
    """Sign a key that the inspector made. Raises SignatureRefused for a row that nobody or somebody else signed."""
    inspector.verify(MADE, key.statement(), key.inspector_signature)
    key.custodian_signature = signer.sign(CERTIFIED, key.statement())
    record(
        session,
        Event.CUSTODIAN_QUARANTINE_KEY_CERTIFIED,
        org_id=SYSTEM,
        actor_id="custodian",
        subject_id=key.id,
        now=now,
        details={"day": key.day.isoformat()},
    )


def _shred(path: Path) -> None:
    """Overwrite, sync and unlink: best effort on journalling and flash storage, as the threat model says."""
    with path.open("r+b", buffering=0) as file:
        file.write(b"\0" * path.stat().st_size)
        os.fsync(file.fileno())
    path.unlink()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
