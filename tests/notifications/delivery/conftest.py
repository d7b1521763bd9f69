"""A courier over a real simulator, and an outbox without one."""

from collections.abc import Iterator

import pytest

from storage.database import Database
from tests.notifications.conftest import courier, courier_on_both  # noqa: F401 (fixtures)
from tests.notifications.delivery.outbox import Outbox, an_outbox


@pytest.fixture
def outbox(sqlite_database: Database) -> Iterator[Outbox]:
    """Rows of one company, on SQLite."""
    with an_outbox(sqlite_database) as outbox:
        yield outbox
