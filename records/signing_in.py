"""Signing in and out of the console: password (argon2id) and one-time code (RFC 6238), both in one step.

Rules: a try is counted before anything is compared, by a conditional UPDATE, so that parallel guesses count as many;
an unknown address costs the same work and gets the same answer as a wrong password, a wrong or used code, a locked or
a disabled member; a code works once.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import ColumnElement, case, func, literal, null, or_, select, update
from sqlalchemy.orm import Session

from audit import Event, record
from records.errors import RecordsError
from records.people import Member
from records.sessions import StaffSession, start_session
from storage.database import UtcDateTime

FREE_TRIES = 5
"""Tries in a row before the wait begins."""
FIRST_WAIT_S = 30
LONGEST_WAIT_S = 3600
STEP_S = 30
"""Seconds of one time step of the code (RFC 6238)."""
DRIFT = (-1, 0, 1)
"""Steps around the present one whose codes are taken."""
MOST_PASSWORD_BYTES = 1024
MOST_TRIES = 12
"""Failures beyond this number no longer lengthen the wait."""
NOBODYS_SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
"""What a try for an unknown address is compared with (the seed of RFC 6238's test vectors); it lets nobody in."""


class SignInRefused(RecordsError):
    """The address, the password or the code is wrong, or it is too early: the reader never learns which."""

    code = "sign_in_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One counted try and what it is compared with. Without a member the comparison runs all the same."""

    member_id: str | None
    password_hash: str
    totp_boxed: bytes | None


class Passwords:
    """argon2id with the parameters of today; hashes of older parameters are replaced at the next sign-in."""

    def __init__(self, *, time_cost: int = 2, memory_kib: int = 19_456, parallelism: int = 1) -> None:
        """Set the cost: the defaults are OWASP's second choice (19 MiB, two passes, one lane)."""
        self._hasher = PasswordHasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=parallelism)
        self._nobody = self._hasher.hash("the password of nobody")

    @property
    def nobody(self) -> str:
        """The hash that a try for an unknown address is compared with."""
        return self._nobody

    def hash(self, password: str) -> str:
        """Return the hash to store."""
        return self._hasher.hash(password)

    def matches(self, stored: str, untrusted_password: str) -> bool:
        """Whether the password is the one of the hash; whatever cannot be compared does not match."""
        try:
            return self._hasher.verify(stored, untrusted_password)
        except (VerificationError, InvalidHashError, UnicodeEncodeError):
            return False

    def outdated(self, stored: str) -> bool:
        """Whether the hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)


def claim_try(session: Session, untrusted_email: str, *, nobody: str, now: datetime) -> Claim:
    """Count a try of the member with this address, unless it is too early. Commit it before anything is compared."""
    email = untrusted_email.strip().lower() if untrusted_email.isprintable() else ""
    failures = Member.failures + 1
    waits = case(
        *((failures == tries, _until(now, tries)) for tries in range(FREE_TRIES, MOST_TRIES)),
        (failures >= MOST_TRIES, _until(now, MOST_TRIES)),
        else_=null(),
    )
    claimed = session.execute(
        update(Member)
        .where(func.lower(Member.email) == email, or_(Member.locked_until.is_(None), Member.locked_until <= now))
        .values(failures=failures, locked_until=waits)
        .execution_options(synchronize_session=False)
    )
    member = session.scalars(select(Member).where(func.lower(Member.email) == email)).first()
    if member is None or not member.active or claimed.rowcount != 1:  # type: ignore[attr-defined]
        return Claim(member_id=None, password_hash=nobody, totp_boxed=None)
    return Claim(member_id=member.id, password_hash=member.password_hash, totp_boxed=member.totp_boxed)


def prove(
    claim: Claim,
    *,
    untrusted_password: str,
    untrusted_code: str,
    passwords: Passwords,
    open_seed: Callable[[str, bytes], bytes],
    now: datetime,
) -> int | None:
    """Compare a claimed try; return the time step of the code, None when anything is wrong. Needs no transaction."""
    fits = len(untrusted_password.encode("utf-8", "replace")) <= MOST_PASSWORD_BYTES
    password_ok = passwords.matches(claim.password_hash, untrusted_password if fits else "")
    known = claim.member_id is not None and claim.totp_boxed is not None
    seed = open_seed(claim.member_id or "", claim.totp_boxed or b"").decode("ascii") if known else NOBODYS_SEED
    step = matching_step(seed, untrusted_code, now)
    return step if known and fits and password_ok else None


def new_seed() -> str:
    """Return a fresh TOTP seed: 160 random bits in base32, the text that is sealed into `members.totp_boxed`."""
    return pyotp.random_base32(32)


def matching_step(seed: str, untrusted_code: str, now: datetime) -> int | None:
    """Return the time step whose code this is, None when it is none of the three around now."""
    totp = pyotp.TOTP(seed, interval=STEP_S)
    offered = "".join(untrusted_code.split()).encode("utf-8", "replace")
    present = int(now.timestamp()) // STEP_S
    found = None
    for step in (present + drift for drift in DRIFT):
        if hmac.compare_digest(totp.generate_otp(step).encode(), offered):
            found = step
    return found


def sign_in(
    session: Session, claim: Claim, step: int | None, *, rehashed: str | None = None, now: datetime
) -> tuple[StaffSession, str]:
    """Begin a session for a proven try and forget its failures; the code's step is used up by a conditional UPDATE.

    `step` is what `prove` returned; `rehashed` replaces an outdated hash. Raises SignInRefused for a code used before
    and for a member disabled meanwhile.
    """
    if claim.member_id is None or step is None:
        raise SignInRefused("wrong")
    values = {"totp_last_step": step, "failures": 0, "locked_until": None}
    used = session.execute(
        update(Member)
        .where(
            Member.id == claim.member_id,
            Member.totp_last_step < step,
            Member.active,
            Member.password_hash == claim.password_hash,
        )
        .values(**values, **({"password_hash": rehashed} if rehashed else {}))
        .execution_options(synchronize_session=False)
    )
    member = session.get(Member, claim.member_id, populate_existing=True)
    if used.rowcount != 1 or member is None:  # type: ignore[attr-defined]
        raise SignInRefused("used or changed")
    row, secret = start_session(session, member, now=now)
    record(session, Event.STAFF_SESSION_STARTED, org_id=member.org_id, actor_id=member.id, subject_id=row.id, now=now)
    return row, secret


def record_refusal(session: Session, claim: Claim, *, now: datetime) -> None:
    """Leave a trace of a failed try, where the address belongs to a member who was not locked out."""
    member = session.get(Member, claim.member_id) if claim.member_id is not None else None
    if member is not None:
        record(
            session,
            Event.STAFF_SESSION_REFUSED,
            org_id=member.org_id,
            actor_id=member.id,
            subject_id=member.id,
            now=now,
            details={"failures": member.failures},
        )


def sign_out(session: Session, session_id: str, *, now: datetime) -> None:
    """End a session for good."""
    row = session.get(StaffSession, session_id)
    if row is not None and row.ended_at is None:
        row.ended_at = now
        record(
            session,
            Event.STAFF_SESSION_ENDED,
            org_id=row.org_id,
            actor_id=row.member_id,
            subject_id=row.id,
            now=now,
        )


def _until(now: datetime, tries: int) -> ColumnElement[datetime]:
    wait = min(FIRST_WAIT_S * 2 ** (tries - FREE_TRIES), LONGEST_WAIT_S)
    return literal(now + timedelta(seconds=wait), UtcDateTime())
