"""Coarse limits by the minute: they keep a flood from everybody else. What must hold exactly is in the database.

Rules: a subject (a link, an address, an organization) is counted under a keyed hash, so that neither memory nor Redis
tells who it is; one subject's flood is counted against nobody else. With several machines the counters live in Redis;
while that is away each process counts in its own memory, and says so in the log: limits then are coarser, never gone,
and nobody is refused because of Redis.
"""

import hashlib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import structlog
from limits import RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import FixedWindowRateLimiter

log = structlog.get_logger(__name__)

REDIS_SECONDS = 0.25
"""How long an answer of Redis is waited for."""
AWAY_SECONDS = 10.0
"""How long Redis is not asked again after it did not answer."""


class Subject(StrEnum):
    """What is counted."""

    LINK = "link"
    ADDRESS = "address"
    ORGANIZATION = "organization"
    CHECKS = "checks"  # codes of messages typed at one address
    API_KEY = "api_key"
    API_ORGANIZATION = "api_organization"  # all API keys of one organization together


PER_MINUTE: Mapping[Subject, int] = {
    Subject.LINK: 1_200,
    Subject.ADDRESS: 6_000,
    Subject.ORGANIZATION: 60_000,
    Subject.CHECKS: 20,
    Subject.API_KEY: 1_200,
    Subject.API_ORGANIZATION: 6_000,
}
"""Requests a minute. A busy phone makes some hundred; one IPv4 address may be a mobile network's.

Checks are few, so that one address cannot use up the wrong codes of all (records/checking.py).
"""


class TooManyRequests(Exception):
    """Too many requests this minute. `retry_after` is in seconds."""

    code = "too_many_requests"

    def __init__(self, subject: Subject, retry_after: int) -> None:
        super().__init__(subject.value)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is left of a subject's requests in this window, and the seconds until the next one."""

    subject: Subject
    limit: int
    remaining: int
    reset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisPlace:
    """Where machines count together: `redis://host:port/db`, or rediss:// for TLS."""

    url: str
    password: str | None


class Rates:
    """The counters of one process, or of all of them in Redis. Safe to share between threads."""

    def __init__(
        self, key: bytes, *, shared: RedisPlace | None = None, per_minute: Mapping[Subject, int] = PER_MINUTE
    ) -> None:
        """Remember how to count; nothing connects yet. `key` hashes the subjects, equal on all machines."""
        self._key = key
        self._limits = {subject: RateLimitItemPerMinute(most) for subject, most in per_minute.items()}
        self._here = FixedWindowRateLimiter(MemoryStorage())
        self._shared = None if shared is None else FixedWindowRateLimiter(_redis(shared))
        self._away_until = 0.0
        self._lock = threading.Lock()

    def count(self, subject: Subject, which: str) -> None:
        """Count one request of a subject. Raises TooManyRequests."""
        limit, name = self._limits[subject], self._name(subject, which)
        try:
            self._hit(self._limiter(), limit, name, subject)
        except StorageError:
            self._redis_is_away()
            self._hit(self._here, limit, name, subject)

    def standing(self, subject: Subject, which: str) -> Standing:
        """Return what is left to a subject, without counting."""
        limit, name = self._limits[subject], self._name(subject, which)
        try:
            window = self._limiter().get_window_stats(limit, name)
        except StorageError:
            self._redis_is_away()
            window = self._here.get_window_stats(limit, name)
        reset = max(0, min(60, round(window.reset_time - time.time())))
        return Standing(subject=subject, limit=limit.amount, remaining=max(0, window.remaining), reset=reset)

    def _limiter(self) -> FixedWindowRateLimiter:
        shared = self._shared
        return shared if shared is not None and time.monotonic() >= self._away_until else self._here

    def _name(self, subject: Subject, which: str) -> str:
        return hashlib.blake2b(f"{subject}:{which}".encode(), key=self._key[:64], digest_size=16).hexdigest()

    def _hit(self, limiter: FixedWindowRateLimiter, limit: RateLimitItemPerMinute, name: str, subject: Subject) -> None:
        if not limiter.hit(limit, name):
            ends = limiter.get_window_stats(limit, name).reset_time
            raise TooManyRequests(subject, max(1, min(60, round(ends - time.time()))))

    def _redis_is_away(self) -> None:
        with self._lock:
            known, self._away_until = self._away_until > time.monotonic(), time.monotonic() + AWAY_SECONDS
        if not known:
            log.warning("rate_limits_count_in_memory", why="redis does not answer")


def _redis(place: RedisPlace) -> RedisStorage:
    options: dict[str, Any] = {"socket_timeout": REDIS_SECONDS, "socket_connect_timeout": REDIS_SECONDS}
    if place.password is not None:
        options["password"] = place.password
    return RedisStorage(place.url, wrap_exceptions=True, key_prefix="resguardo", **options)
