"""API keys of CRMs and the Idempotency-Key register. Only hashes are stored; a key is shown once."""

import base64
import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, Session, mapped_column

from records.errors import RecordsError
from storage.database import Base, NewId, new_id

IDEMPOTENCY_LIFE = timedelta(hours=24)
PREFIX = "rsg_live_"


class ApiKeyRefused(RecordsError):
    """The API key is unknown, expired or revoked: the three look alike."""

    code = "api_key_refused"


class ApiKey(Base):
    """The right of one integration to use the REST API of one organization."""

    __tablename__ = "api_keys"

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"), index=True)
    team_id: Mapped[str | None] = mapped_column(ForeignKey("teams.id"))
    """Team that gets the cases which this key opens."""
    name: Mapped[str] = mapped_column(String(80))
    secret_sha256: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the 256-bit random secret (enough for a random value of that size)."""
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class IdempotentCall(Base):
    """One answered (or running) call under an Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07).

    `body` never holds a link: the answer is put together again from `resource_id` when it is replayed.
    """

    __tablename__ = "idempotent_calls"
    __table_args__ = (UniqueConstraint("api_key_id", "method", "path", "key"),)

    id: Mapped[NewId]
    api_key_id: Mapped[str] = mapped_column(ForeignKey("api_keys.id"))
    method: Mapped[str] = mapped_column(String(8))
    path: Mapped[str] = mapped_column(String(200))
    key: Mapped[str] = mapped_column(String(255))
    fingerprint: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the request body."""
    status: Mapped[int | None]
    body: Mapped[str | None] = mapped_column(Text)
    resource_id: Mapped[str | None] = mapped_column(String(32))
    created_at: Mapped[datetime]


def create_api_key(
    session: Session,
    *,
    org_id: str,
    name: str,
    scopes: list[str],
    now: datetime,
    team_id: str | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Make a key. Returns the row and the whole key `rsg_live_<id>_<secret>`, which is not stored."""
    secret = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    row = ApiKey(
        id=new_id(),
        org_id=org_id,
        team_id=team_id,
        name=name,
        secret_sha256=hashlib.sha256(secret.encode()).hexdigest(),
        scopes=scopes,
        created_at=now,
        expires_at=expires_at,
    )
    session.add(row)
    session.flush()
    return row, f"{PREFIX}{row.id}_{secret}"


def authenticate(session: Session, untrusted_key: str, *, now: datetime) -> ApiKey:
    """Return the living key. Raises ApiKeyRefused for everything else."""
    key_id, separator, secret = untrusted_key.removeprefix(PREFIX).partition("_")
    if not untrusted_key.startswith(PREFIX) or not separator or not secret.isascii():
        raise ApiKeyRefused("malformed")
    row = session.get(ApiKey, key_id)
    offered = hashlib.sha256(secret.encode()).hexdigest()
    if not hmac.compare_digest(offered, row.secret_sha256 if row else "0" * 64) or row is None:
        raise ApiKeyRefused("unknown")
    if row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now):
        raise ApiKeyRefused("ended")
    return row
