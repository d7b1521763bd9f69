"""Coarse limits: in memory and in a real Redis, which may go away."""

import time

import pytest
from structlog.testing import capture_logs

from portal.web import rates as module
from portal.web.rates import Rates, RedisPlace, Subject, TooManyRequests
from tests.services.redis import Redis

KEY = bytes(range(32))
FEW = dict.fromkeys(Subject, 3)


@pytest.fixture(autouse=True)
def within_one_minute() -> None:
    """Begin early enough in a minute: the window of a limit ends with it."""
    if time.time() % 60 > 45:
        time.sleep(60 - time.time() % 60)


def place(redis: Redis) -> RedisPlace:
    return RedisPlace(url=redis.url, password=redis.password)


def exhaust(rates: Rates, which: str = "a") -> None:
    for _ in range(3):
        rates.count(Subject.LINK, which)


def test_a_flood_is_refused_and_told_when_to_return() -> None:
    rates = Rates(KEY, per_minute=FEW)
    exhaust(rates)
    with pytest.raises(TooManyRequests) as refused:
        rates.count(Subject.LINK, "a")
    assert 1 <= refused.value.retry_after <= 60


def test_a_flood_costs_nobody_else() -> None:
    rates = Rates(KEY, per_minute=FEW)
    exhaust(rates)
    exhaust(rates, "b")
    rates.count(Subject.ORGANIZATION, "a")
    rates.count(Subject.ADDRESS, "a")


def test_machines_that_share_redis_count_together(redis: Redis) -> None:
    one, other = (Rates(KEY, shared=place(redis), per_minute=FEW) for _ in range(2))
    exhaust(one)
    with pytest.raises(TooManyRequests) as refused:
        other.count(Subject.LINK, "a")
    assert 1 <= refused.value.retry_after <= 60
    other.count(Subject.LINK, "b")


def test_redis_is_not_told_who_is_counted(redis: Redis) -> None:
    rates = Rates(KEY, shared=place(redis), per_minute=FEW)
    rates.count(Subject.ADDRESS, "203.0.113.7")
    keys = rates._shared.storage.storage.keys("*")
    assert keys
    assert not [key for key in keys if b"203" in key and b"113" in key]
    assert 0 < rates._shared.storage.storage.ttl(keys[0]) <= 60


def test_while_redis_is_away_each_process_counts_alone_and_the_log_says_so_once(redis: Redis) -> None:
    rates = Rates(KEY, shared=place(redis), per_minute=FEW)
    exhaust(rates)
    redis.server.kill()
    with capture_logs() as logs:
        started = time.monotonic()
        exhaust(rates)  # nobody is refused because of Redis
        with pytest.raises(TooManyRequests):
            rates.count(Subject.LINK, "a")
    assert time.monotonic() - started < 2 * module.REDIS_SECONDS + 1
    assert [line["event"] for line in logs] == ["rate_limits_count_in_memory"]


def test_redis_that_returns_is_used_again(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AWAY_SECONDS", 0.0)
    rates = Rates(KEY, shared=place(redis), per_minute=FEW)
    redis.server.kill()
    exhaust(rates)
    redis.start()
    rates.count(Subject.LINK, "a")  # an empty Redis, asked again
    assert rates._shared.storage.storage.dbsize() == 1


def test_a_wrong_password_is_redis_being_away(redis: Redis) -> None:
    rates = Rates(KEY, shared=RedisPlace(url=redis.url, password="wrong"), per_minute=FEW)
    with capture_logs() as logs:
        rates.count(Subject.LINK, "a")
    assert [line["event"] for line in logs] == ["rate_limits_count_in_memory"]
    assert "wrong" not in str(logs)
