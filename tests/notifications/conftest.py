"""A courier over a real simulator."""

from collections.abc import Iterator

import pytest

from storage.database import Database
from tests.notifications.courier import Courier, a_courier


@pytest.fixture
def courier(sqlite_database: Database) -> Iterator[Courier]:
    """On SQLite."""
    with a_courier(sqlite_database) as courier:
        yield courier


@pytest.fixture
def courier_on_both(database: Database) -> Iterator[Courier]:
    """On both databases in turn."""
    with a_courier(database) as courier:
        yield courier
