"""Books for tests of the store."""

import pytest

from tests.conftest import Database
from tests.store.books import Books


@pytest.fixture
def books(database: Database) -> Books:
    return Books(database.url)
