"""The guard of the REST API: a living key, from its networks, within its rate, and JSON where something is sent.

Rules: whoever holds no key never gets as far as the write lock; the body is read after the key is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from flask import Response, current_app, g, request
from sqlalchemy import update
from werkzeug.exceptions import UnsupportedMediaType

from portal.web.application import reading, transaction
from portal.web.origins import Network, address_of, client_of
from portal.web.rates import Rates, Subject
from records.apikeys import AddressRefused, ApiKey, ApiKeyRefused, Scope, authenticate
from records.errors import Forbidden
from storage.database import utcnow

log = structlog.get_logger(__name__)

NOTED_EVERY = timedelta(minutes=1)
"""How fine the times are that a key remembers of its use."""
MAX_BODY = 64 * 1024
POLICIES = {Subject.API_KEY: "key", Subject.API_ORGANIZATION: "organization"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What the guard counts with, and whose X-Forwarded-For it believes."""

    rates: Rates
    proxies: Sequence[Network]


def check_api_key() -> None:
    """Let `Authorization: Bearer rsg_live_...` pass. Raises ApiKeyRefused, AddressRefused, TooManyRequests, and 415."""
    door: Door = current_app.extensions["api_door"]
    client = client_of(request.remote_addr, request.headers.get("X-Forwarded-For"), door.proxies)
    if client is not None:
        door.rates.count(Subject.ADDRESS, client)
    scheme, _, offered = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise ApiKeyRefused("no key")
    now = utcnow()
    with reading() as session:
        key = authenticate(session, offered.strip(), now=now)
    g.api_key = key
    door.rates.count(Subject.API_KEY, key.id)
    door.rates.count(Subject.API_ORGANIZATION, key.org_id)
    if not key.admits(address_of(request.remote_addr, request.headers.get("X-Forwarded-For"), door.proxies)):
        log.warning("api_key_from_elsewhere", key=key.id)
        _note(key, "refused_at", key.refused_at, now)
        raise AddressRefused(f"key {key.id}")
    _note(key, "last_used_at", key.last_used_at, now)
    request.max_content_length = MAX_BODY
    if request.get_data(cache=True) and request.mimetype != "application/json":
        raise UnsupportedMediaType


def current_key(scope: Scope) -> ApiKey:
    """Return the authenticated key. Raises Forbidden without the scope."""
    key: ApiKey = g.api_key
    if scope not in key.scopes:
        raise Forbidden(f"key {key.id} lacks {scope}")
    return key


def tell_rates(response: Response) -> Response:
    """Add what is left to the key and to its organization (draft-ietf-httpapi-ratelimit-headers-10)."""
    key: ApiKey | None = g.get("api_key")
    if key is None:
        return response
    rates: Rates = current_app.extensions["api_door"].rates
    found = [rates.standing(subject, key.id if subject == Subject.API_KEY else key.org_id) for subject in POLICIES]
    response.headers["RateLimit-Policy"] = ", ".join(f'"{POLICIES[one.subject]}";q={one.limit};w=60' for one in found)
    response.headers["RateLimit"] = ", ".join(
        f'"{POLICIES[one.subject]}";r={one.remaining};t={one.reset}' for one in found
    )
    return response


def _note(key: ApiKey, column: str, last: datetime | None, now: datetime) -> None:
    if last is None or now - last > NOTED_EVERY:
        with transaction() as session:
            session.execute(update(ApiKey).where(ApiKey.id == key.id).values({column: now}))
