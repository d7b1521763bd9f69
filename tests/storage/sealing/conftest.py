"""Keys and builders of the sealing tests."""

import pytest

from storage.sealing.contexts import DocumentContext
from storage.sealing.unseal import PrivateKey


@pytest.fixture(scope="session")
def identity() -> PrivateKey:
    return PrivateKey.generate()


@pytest.fixture(scope="session")
def stranger() -> PrivateKey:
    return PrivateKey.generate()


@pytest.fixture
def context() -> DocumentContext:
    return DocumentContext(org="0a" * 16, doc="0b" * 16, part="original")
