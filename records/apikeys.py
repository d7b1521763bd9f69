"""API keys of CRMs and the Idempotency-Key register. Only hashes are stored; a key is shown once.

Rules: a key belongs to one organization, has named scopes, and may be bound to a team, to networks and to a last day;
rotating it makes a second secret that is valid at once, while the first stays valid for a chosen time; more than two
secrets never work.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_network

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, Session, mapped_column

from records.errors import InvalidValue, RecordsError, WrongState
from storage.database import Base, NewId, new_id

IDEMPOTENCY_LIFE = timedelta(hours=24)
PREFIX = "rsg_live_"
MOST_OVERLAP = timedelta(days=30)
MOST_NETWORKS = 50


class Scope(StrEnum):
    """What a key may do."""

    REQUESTS_WRITE = "requests:write"
    REQUESTS_READ = "requests:read"
    CASES_READ = "cases:read"
    CONTACTS_READ = "contacts:read"
    CONTACTS_WRITE = "contacts:write"
    TEMPLATES_READ = "templates:read"
    DOCUMENTS_READ = "documents:read"
    EVENTS_READ = "events:read"


class ApiKeyRefused(RecordsError):
    """The API key is unknown, expired or revoked: the three look alike."""

    code = "api_key_refused"


class AddressRefused(RecordsError):
    """The key is good, but not from this address."""

    code = "address_refused"


class ApiKey(Base):
    """The right of one integration to use the REST API of one organization."""

    __tablename__ = "api_keys"

    id: Mapped[NewId]
    org_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"), index=True)
    team_id: Mapped[str | None] = mapped_column(ForeignKey("teams.id"))
    """Team that gets the cases which this key opens, and whose cases it sees; without one it sees all."""
    name: Mapped[str] = mapped_column(String(80))
    secret_sha256: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the 256-bit random secret (enough for a random value of that size)."""
    previous_sha256: Mapped[str | None] = mapped_column(String(64))
    """The same of the secret before the last rotation, valid until `previous_until`."""
    previous_until: Mapped[datetime | None]
    scopes: Mapped[list[str]]
    networks: Mapped[list[str]] = mapped_column(default=list, server_default="[]")
    """Networks (CIDR) it may be used from; empty: from everywhere."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    refused_at: Mapped[datetime | None]
    """When it was last offered from an address outside its networks."""

    def rotate(self, *, overlap: timedelta, now: datetime) -> str:
        """Return the whole key with a new secret, valid at once; the present one ends after `overlap`.

        Raises WrongState for a key that has ended, InvalidValue for an overlap out of bounds.
        """
        if not timedelta(0) <= overlap <= MOST_OVERLAP:
            raise InvalidValue("overlap", "out_of_bounds")
        if self.ended(now):
            raise WrongState(f"api key {self.id} has ended")
        secret = _new_secret()
        self.previous_sha256 = self.secret_sha256 if overlap else None
        self.previous_until = now + overlap if overlap else None
        self.secret_sha256 = _digest(secret)
        return f"{PREFIX}{self.id}_{secret}"

    def ended(self, now: datetime) -> bool:
        """Whether it was revoked or its last day is over."""
        return self.revoked_at is not None or (self.expires_at is not None and self.expires_at <= now)

    def admits(self, client: IPv4Address | IPv6Address | None) -> bool:
        """Whether it may be used from this address. With networks, an address that cannot be told is refused."""
        if not self.networks:
            return True
        return client is not None and any(client in ip_network(each) for each in self.networks)


class IdempotentCall(Base):
    """One answered call under an Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07).

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
    networks: Iterable[str] = (),
) -> tuple[ApiKey, str]:
    """Make a key. Returns the row and the whole key `rsg_live_<id>_<secret>`, which is not stored.

    Raises InvalidValue for an unknown scope or what is no network.
    """
    if not scopes or not set(scopes) <= set(Scope):
        raise InvalidValue("scopes", "unknown")
    secret = _new_secret()
    row = ApiKey(
        id=new_id(),
        org_id=org_id,
        team_id=team_id,
        name=name,
        secret_sha256=_digest(secret),
        scopes=scopes,
        networks=checked_networks(networks),
        created_at=now,
        expires_at=expires_at,
    )
    session.add(row)
    session.flush()
    return row, f"{PREFIX}{row.id}_{secret}"


def checked_networks(untrusted: Iterable[str]) -> list[str]:
    """Return networks in their usual spelling. Raises InvalidValue: a network with host bits is a mistyped one."""
    found = []
    for each in untrusted:
        try:
            network = ip_network(each.strip())
        except ValueError:
            raise InvalidValue("networks", "not_a_network") from None
        if isinstance(network.network_address, IPv6Address) and network.network_address.ipv4_mapped is not None:
            raise InvalidValue("networks", "not_a_network")  # a client never counts as one
        found.append(str(network))
    if len(found) > MOST_NETWORKS:
        raise InvalidValue("networks", "too_many")
    return list(dict.fromkeys(found))


def authenticate(session: Session, untrusted_key: str, *, now: datetime) -> ApiKey:
    """Return the living key. Raises ApiKeyRefused for everything else."""
    key_id, separator, secret = untrusted_key.removeprefix(PREFIX).partition("_")
    if not untrusted_key.startswith(PREFIX) or not separator or not secret.isascii():
        raise ApiKeyRefused("malformed")
    row = session.get(ApiKey, key_id)
    offered = _digest(secret)
    current = hmac.compare_digest(offered, row.secret_sha256 if row else "0" * 64)
    former = hmac.compare_digest(offered, (row.previous_sha256 if row else None) or "0" * 64)
    overlapping = row is not None and row.previous_until is not None and now < row.previous_until
    if row is None or not (current or (former and overlapping)):
        raise ApiKeyRefused("unknown")
    if row.ended(now):
        raise ApiKeyRefused("ended")
    return row


def _new_secret() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
