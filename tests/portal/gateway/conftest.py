"""The gateway over two companies, on both databases or on SQLite only."""

import pytest

from storage.database import Database
from tests.portal.gateway.company import Gateway, a_gateway


@pytest.fixture
def gateway(database: Database) -> Gateway:
    """On both databases in turn."""
    return a_gateway(database)


@pytest.fixture
def quick(sqlite_database: Database) -> Gateway:
    """On SQLite only."""
    return a_gateway(sqlite_database)
