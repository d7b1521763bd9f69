"""Chats on SQLite, and on both databases in turn."""

import pytest

from tests.notifications.chatting.chat import Chat
from tests.notifications.courier import Courier


@pytest.fixture
def chat(courier: Courier) -> Chat:
    """On SQLite."""
    return Chat(courier=courier)


@pytest.fixture
def chat_on_both(courier_on_both: Courier) -> Chat:
    """On both databases in turn."""
    return Chat(courier=courier_on_both)
