"""Waiting for something to become true, never longer than a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

import pytest

Found = TypeVar("Found")
PATIENCE = 60.0
"""Seconds: far above what anything here takes, so that a slow machine changes no result."""


def until(look: Callable[[], Found | None], what: str, *, within: float = PATIENCE, every: float = 0.1) -> Found:
    """Return what `look` gives as soon as it is truthy. Fails the test with `what` after `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            pytest.fail(f"after {within:.0f} s still not: {what} (last seen: {found!r})")
        time.sleep(every)
